import { wallSeconds } from '@banshare/runtime';
import type { Answer } from '@banshare/transport';
import type { Arguments } from './arguments.ts';
import { EXIT, type Ending } from './exit-codes.ts';
import { openSession } from './session.ts';
import { WaitingReports } from './waiting-reports.ts';

/** What follows from an answer: the report has its end, it is given up, or all of them wait on. */
type Next = { step: 'done' } | { step: 'bury'; reason: string } | { step: 'wait'; ending: Ending };

/**
 * Sends what waits in the spool, oldest first, over one connection. A refused or outdated report goes to the dead letters; the
 * first one that finds no server, or is asked to come later, ends the run.
 */
export async function flushSpool(options: Arguments, say: (line: string) => void): Promise<Ending> {
  const session = await openSession(options);
  if ('ending' in session) return session.ending;
  const waiting = new WaitingReports(session.paths.spool);
  waiting.removeLeftovers(wallSeconds());
  let sent = 0;
  for (const name of waiting.names()) {
    const read = waiting.read(name);
    if (read === undefined) continue;
    const next: Next = read.ok
      ? isOutdated(read.waiting.at, session.spoolMaxAgeSeconds)
        ? { step: 'bury', reason: 'outdated: it waited longer than spool-max-age' }
        : nextStep(await session.courier.resend(read.waiting))
      : { step: 'bury', reason: `unreadable: ${read.fault}` };
    if (next.step === 'wait') return { ...next.ending, says: `${sent} sent; ${next.ending.says ?? ''}` };
    if (next.step === 'done') waiting.remove(name);
    else {
      waiting.bury(name, next.reason);
      say(`${name} is given up, ${next.reason}`);
    }
    sent += 1;
  }
  session.courier.close();
  return sent === 0 ? { code: EXIT.done } : { code: EXIT.done, says: `${sent} sent, the spool is empty` };
}

function nextStep(answer: Answer): Next {
  if (!answer.ok) {
    const code = answer.fault === 'not-admitted' ? EXIT.refused : EXIT.notNow;
    return { step: 'wait', ending: { code, says: answer.reason } };
  }
  const { status, code = '', reason = code } = answer.reply;
  if (status === 'OK') return { step: 'done' };
  if (status === 'REFUSED') return { step: 'bury', reason: `refused: ${reason}` };
  return { step: 'wait', ending: { code: EXIT.notNow, says: reason } };
}

function isOutdated(at: number, maxAgeSeconds: number): boolean {
  return wallSeconds() - at > maxAgeSeconds;
}
