import {
  parseAddress,
  parseJail,
  parseProg,
  specialRange,
  type Details,
  type Report,
} from '@banshare/protocol';
import { EXIT } from '@banshare/runtime';
import type { Ending } from './ending.ts';

/** Makes a report of three words, or says why they are none. Special ranges are refused here already. */
export function readReport(
  words: readonly string[],
  durationSeconds: number | undefined,
  details: Details,
): { report: Report } | { ending: Ending } {
  const [progText = '', jailText = '', ipText = ''] = words;
  const prog = parseProg(progText);
  if (!prog.ok) return malformed(prog.fault);
  const jail = parseJail(jailText);
  if (!jail.ok) return malformed(jail.fault);
  const ip = parseAddress(ipText);
  if (!ip.ok) return malformed(ip.fault);
  const range = specialRange(ip.value);
  if (range !== undefined) {
    return {
      ending: { code: EXIT.refused, says: `refused: ${ip.value} lies in ${range}, which is never banned` },
    };
  }
  const duration = durationSeconds === undefined ? {} : { durationSeconds };
  return { report: { prog: prog.value, jail: jail.value, ip: ip.value, ...duration, ...details } };
}

function malformed(fault: string): { ending: Ending } {
  return { ending: { code: EXIT.badAddress, says: `cannot report: ${fault}` } };
}
