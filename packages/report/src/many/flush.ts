import { banKeyText } from '@banshare/protocol';
import { EXIT, wallSeconds } from '@banshare/runtime';
import type { Answer } from '@banshare/transport';
import type { Arguments } from '../words/arguments.ts';
import type { Ending } from '../words/ending.ts';
import { openSession, type Session } from '../deliver/session.ts';
import type { Waiting } from '../spool/spool.ts';
import { UnderWay } from './under-way.ts';
import { WaitingReports, type Read } from '../spool/waiting-reports.ts';

/** What follows from an answer: the report has its end, it is given up, or all of them wait on. */
type Next = { step: 'done' } | { step: 'bury'; reason: string } | { step: 'wait'; ending: Ending };

/**
 * Sends what waits in the spool, oldest first, many at once over one connection. A refused or outdated report goes to the dead
 * letters; once one finds no server, or is asked to come later, no other is begun, and the run ends with those under way.
 */
export async function flushSpool(options: Arguments, say: (line: string) => void): Promise<Ending> {
  const session = await openSession(options);
  if ('ending' in session) return session.ending;
  const waiting = new WaitingReports(session.paths.spool);
  waiting.removeLeftovers(wallSeconds());
  let sent = 0;
  let stopped: Ending | undefined;
  let stuck: { count: number; fault: string } | undefined;
  const underWay = new UnderWay<{ name: string; next: Next }>(({ name, next }) => {
    if (next.step === 'wait') return;
    const fault = settle(name, next, waiting, say);
    if (fault === undefined) sent += 1;
    else stuck = { count: (stuck?.count ?? 0) + 1, fault };
  });
  for (const name of waiting.names()) {
    if (stopped !== undefined) break;
    const read = waiting.read(name);
    if (read === undefined) continue;
    const key = read.ok ? keyOf(read.waiting) : name;
    await underWay.add(key, async () => {
      // What is said of one ban keeps its order: where the first waits, so do the others.
      if (stopped !== undefined) return { name, next: { step: 'wait', ending: stopped } };
      const next = await send(read, session);
      if (next.step === 'wait') stopped ??= next.ending;
      return { name, next };
    });
  }
  await underWay.drain();
  session.courier.close();
  if (stopped !== undefined) return { ...stopped, says: `${sent} sent; ${stopped.says ?? ''}` };
  if (stuck !== undefined) return { code: EXIT.notNow, says: sayStuck(sent, stuck) };
  return sent === 0 ? { code: EXIT.done } : { code: EXIT.done, says: `${sent} sent, the spool is empty` };
}

function keyOf(waiting: Waiting): string {
  return banKeyText(waiting.kind === 'report' ? waiting.report : waiting.ban);
}

async function send(read: Read, { courier, spoolMaxAgeSeconds, refuse }: Session): Promise<Next> {
  if (!read.ok) return { step: 'bury', reason: `unreadable: ${read.fault}` };
  if (isOutdated(read.waiting.at, spoolMaxAgeSeconds))
    return { step: 'bury', reason: 'outdated: it waited longer than spool-max-age' };
  // What was kept while client.toml had a fault was looked at by no rule of this host.
  const refusal = read.waiting.kind === 'report' ? refuse(read.waiting.report.ip) : undefined;
  if (refusal !== undefined) return { step: 'bury', reason: refusal.says ?? 'refused' };
  return nextStep(await courier.resend(read.waiting));
}

/** A report that has its end leaves the spool; returns why it cannot: one must not keep those behind it, whose leaving makes room. */
function settle(
  name: string,
  next: Exclude<Next, { step: 'wait' }>,
  waiting: WaitingReports,
  say: (line: string) => void,
): string | undefined {
  try {
    if (next.step === 'done') {
      waiting.remove(name);
      return undefined;
    }
    waiting.bury(name, next.reason);
  } catch (error) {
    return (error as Error).message;
  }
  say(`${name} is given up, ${next.reason}`);
  return undefined;
}

function sayStuck(sent: number, { count, fault }: { count: number; fault: string }): string {
  return `${sent} sent; ${count} ${count === 1 ? 'has its' : 'have their'} answer, and cannot leave the spool: ${fault}`;
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
