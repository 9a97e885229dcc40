import { oneLine, type Receipt, uncomparedSeconds } from '@banshare/protocol';
import type { Finding } from './finding.ts';

/** A comparison that was due so many times and never came is missed. */

/** What this host's receipt means: whether what should be in place is. */
export function receiptFindings(receipt: Receipt): Finding[] {
  const { wanted, placed, failed, full, unproven, enforcer, why, pausedSince } = receipt;
  if (enforcer === 'none') return [{ ok: true, says: 'This host only listens: its enforcer is none.' }];
  const missing = wanted - placed - failed - full - unproven;
  const findings: Finding[] = [
    {
      // "ok" before "0 of 6 bans are in place" is read as that; what is under way is said below.
      ok: failed + full + unproven === 0 && (pausedSince === undefined || wanted === placed),
      says: `${number(placed)} of ${number(wanted)} bans are in place${comparedText(receipt)}.`,
    },
  ];
  if (failed > 0) {
    const because = why === undefined ? '' : `: ${oneLine(why)}`;
    const says = `${bans(failed)} failed, and ${are(failed)} not in place${because}. See banshare-client bans.`;
    findings.push({ ok: false, says });
  }
  if (full > 0) {
    const says = `This host is full: ${bans(full)} more than its max-active ${are(full)} not in place.`;
    findings.push({ ok: false, says });
  }
  if (unproven > 0) {
    const says = `${bans(unproven)} ${are(unproven)} unproven: carried out, and not to be seen in the firewall. See banshare-client bans.`;
    findings.push({ ok: false, says });
  }
  // A pause is said before all else.
  if (missing > 0 && pausedSince === undefined)
    findings.push({ ok: true, says: `${bans(missing)} ${are(missing)} under way.` });
  return [...findings, ...blindness(receipt)];
}

function blindness(receipt: Receipt): Finding[] {
  const { blind, comparesEvery } = receipt;
  if (blind !== undefined) {
    const says = `What is really in place cannot be compared: ${oneLine(blind)}`;
    return [{ ok: false, says }];
  }
  const seconds = uncomparedSeconds(receipt);
  if (seconds === undefined) return [];
  const says = `What is really in place was last compared ${seconds} s ago, and should be each ${comparesEvery} s.`;
  return [{ ok: false, says }];
}

function comparedText({ comparedAgo, blind }: Receipt): string {
  if (blind !== undefined) return ', as far as is known';
  return comparedAgo === undefined ? '' : `, compared ${comparedAgo} s ago`;
}

function bans(count: number): string {
  return `${number(count)} ${count === 1 ? 'ban' : 'bans'}`;
}

function are(count: number): string {
  return count === 1 ? 'is' : 'are';
}

function number(count: number): string {
  return count.toLocaleString('en-US');
}
