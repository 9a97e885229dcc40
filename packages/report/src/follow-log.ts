import type { Arguments } from './arguments.ts';
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { wallSeconds } from '@banshare/runtime';
import { isEcho, NOTE_SECONDS } from './echo.ts';
import { EXIT, type Ending } from './exit-codes.ts';
import { readLogLine } from './fail2ban-line.ts';
import { PlaceFile } from './log-place.ts';
import { LogTail } from './log-tail.ts';
import { OurBans } from './our-bans.ts';
import { readReport } from './read-report.ts';
import { openSession, type Session } from './session.ts';

/** Shared bans land here on hosts that lack their jail; they were never this host's own. */
const SHARED_JAIL = 'banshare';

/**
 * Reports the bans that fail2ban writes to its log, for hosts whose actions cannot be changed, until it is told to stop. The
 * place is remembered after the reports of its lines are delivered or spooled: a crash repeats some, and loses none.
 */
export async function followLog(
  options: Arguments,
  path: string,
  say: (line: string) => void,
): Promise<Ending> {
  const folder = dirname(path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return { code: EXIT.configuration, says: `cannot follow "${path}": there is no folder "${folder}"` };
  }
  const session = await openSession(options);
  if ('ending' in session) return session.ending;
  const places = new PlaceFile(session.paths.spool, path);
  const tail = new LogTail(path, places.read());
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());
  if (tail.isPlaceLost)
    say(`${path} was rotated away while nobody followed it: bans that it held since are not reported`);
  say(`follows ${path}`);
  const changes = new Changes(tail);
  stopping.signal.addEventListener('abort', () => changes.end());
  do {
    const context: Context = { path, options, session, ours: new OurBans(session.paths.clientSocket), say };
    for (const line of tail.lines()) await reportLine(line, context);
    if (tail.place !== undefined) places.write(tail.place);
    // The next report connects anew, so that an idle follower holds no connection open.
    session.courier.close();
  } while (await changes.next());
  tail.close();
  return { code: EXIT.done };
}

/** What the lines of one look are reported with. */
type Context = {
  path: string;
  options: Arguments;
  session: Session;
  ours: OurBans;
  say: (line: string) => void;
};

async function reportLine(line: string, context: Context): Promise<void> {
  const { path, options, session, ours, say } = context;
  const ban = readLogLine(line);
  if (ban === undefined || ban.jail === SHARED_JAIL || !isFollowed(ban.jail, options.jails)) return;
  const read = readReport(['fail2ban', ban.jail, ban.ip], options.durationSeconds, options.details);
  if ('ending' in read) {
    say(read.ending.says ?? '');
    return;
  }
  const now = wallSeconds();
  const at = Math.min(ban.at ?? now, now);
  const { report } = read;
  if (now - at > session.spoolMaxAgeSeconds) {
    say(`${ban.jail} ${ban.ip}: too old to be reported, it was banned ${new Date(at * 1000).toISOString()}`);
    return;
  }
  if (isEcho(session.paths.notes, report)) return;
  // Its note may be gone by now.
  if (now - at > NOTE_SECONDS && (await ours.has(report))) return;
  const refusal = session.refuse(report.ip);
  if (refusal !== undefined) {
    say(refusal.says ?? '');
    return;
  }
  // The same line has the same id: read again after a crash, it makes nothing new.
  const id = createHash('sha256').update(`${path}\n${line}`).digest('hex').slice(0, 32);
  const { says } = await session.courier.deliver({ id, at, kind: 'report', report });
  if (says !== undefined) say(`${ban.jail} ${ban.ip}: ${says}`);
}

function isFollowed(jail: string, jails: readonly string[]): boolean {
  return jails.length === 0 || jails.includes(jail);
}

/** Changes of the log as something to wait for. */
class Changes {
  #isEnded = false;
  #arrived = Promise.withResolvers<void>();
  readonly #stop: () => void;

  constructor(tail: LogTail) {
    this.#stop = tail.onChange(() => this.#arrived.resolve());
  }

  /** Resolves with true when there may be more, with false at the end. */
  async next(): Promise<boolean> {
    await this.#arrived.promise;
    this.#arrived = Promise.withResolvers();
    return !this.#isEnded;
  }

  end(): void {
    this.#isEnded = true;
    this.#stop();
    this.#arrived.resolve();
  }
}
