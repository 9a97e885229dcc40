import type { Readable } from 'node:stream';
import { hostPaths } from '@banshare/runtime';
import type { Arguments } from './arguments.ts';
import { readBantime } from './details.ts';
import { isEcho } from './echo.ts';
import { EXIT, type Ending, type ExitCode } from './exit-codes.ts';
import { lines } from './lines.ts';
import { readReport } from './read-report.ts';
import { openSession, type Session } from './session.ts';

/** Far longer than any report; what goes beyond is dropped without being kept in memory. */
const LONGEST_LINE = 512;

/**
 * Reports one "PROG JAIL IP [DURATION]" a line over one connection. A bad line is named and does not end the run; the ending
 * has the highest code seen.
 */
export async function reportStream(
  input: Readable,
  options: Arguments,
  say: (line: string) => void,
): Promise<Ending> {
  const session = await openSession(options);
  if ('ending' in session) return session.ending;
  let worst: ExitCode = EXIT.done;
  let number = 0;
  for await (const line of lines(input, LONGEST_LINE)) {
    number += 1;
    if (line !== undefined && line.trim() === '') continue;
    const tell = (says: string): void => say(`line ${number}: ${says}`);
    const ending = line === undefined ? tooLong() : await reportLine(line, options, session, tell);
    if (ending.says !== undefined) tell(ending.says);
    if (ending.code > worst) worst = ending.code;
  }
  session.courier.close();
  return { code: worst };
}

async function reportLine(
  line: string,
  options: Arguments,
  session: Session,
  tell: (says: string) => void,
): Promise<Ending> {
  const words = line.trim().split(/[ \t]+/);
  const [, , , durationText] = words;
  if (words.length < 3 || words.length > 4) {
    return {
      code: EXIT.badAddress,
      says: `a line is PROG JAIL IP [DURATION], this one has ${words.length} words`,
    };
  }
  const duration = readBantime(durationText ?? '');
  const own = duration.ok ? duration.value : undefined;
  const read = readReport(words, own ?? options.durationSeconds, options.details);
  if ('ending' in read) return read.ending;
  if (!duration.ok) tell(`its duration is left out of the report, which goes on: ${duration.fault}`);
  if (isEcho(hostPaths(options.root).notes, read.report)) {
    return { code: EXIT.done, says: 'dropped: banshare itself applied this ban here a moment ago' };
  }
  const refusal = session.refuse(read.report.ip);
  return refusal ?? session.courier.deliver({ kind: 'report', report: read.report });
}

function tooLong(): Ending {
  return { code: EXIT.badAddress, says: `a line is longer than ${LONGEST_LINE} bytes` };
}
