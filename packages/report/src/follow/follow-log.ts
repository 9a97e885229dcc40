import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { EXIT, hostPaths, wallSeconds } from '@banshare/runtime';
import type { Arguments } from '../words/arguments.ts';
import type { Ending } from '../words/ending.ts';
import { LogReporter } from './log-reporter.ts';
import { BookmarkFile } from './bookmarks.ts';
import { LogTail } from './log-tail.ts';
import { sessionOnceMended } from './mended-session.ts';
import { lines } from '../words/lines.ts';

/** The name for standard input. */
const STANDARD_INPUT = '-';
/** So often the bookmarks are marked as still true, for the times of what is written while nobody reads. */
const TOUCH_SECONDS = 60;

/**
 * Reports the bans that fail2ban writes to its log, for hosts whose actions cannot be changed, until it is told to stop. The
 * bookmarks are remembered after the reports of their lines are delivered or spooled: a crash repeats some, and loses none.
 */
export async function followLog(
  options: Arguments,
  path: string,
  say: (line: string) => void,
): Promise<Ending> {
  if (path === STANDARD_INPUT) return followInput(options, say);
  const folder = dirname(path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return { code: EXIT.configuration, says: `cannot follow "${path}": there is no folder "${folder}"` };
  }
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());
  const bookmarkFile = new BookmarkFile(hostPaths(options.root).spool, path);
  const before = bookmarkFile.read();
  const tail = new LogTail(path, before?.files);
  // From where it begins, also where it is stopped before client.toml is mended.
  const waits = (): void => (bookmarkFile.isNew ? bookmarkFile.write(tail.bookmarks) : undefined);
  const session = await sessionOnceMended(options, { say, waits }, stopping.signal);
  if ('ending' in session) {
    tail.close();
    return session.ending;
  }
  if (tail.isBookmarkLost)
    say(`${path} was rotated away while nobody followed it: bans that it held since are not reported`);
  const presence = new Presence(path, say, tail.isThere);
  const changes = new Changes(tail);
  stopping.signal.addEventListener('abort', () => changes.end());
  const reporter = new LogReporter(path, options, session, say);
  const writtenAt = before?.writtenAt ?? wallSeconds();
  await readOn({ tail, changes, bookmarkFile, reporter, presence, writtenAt });
  session.courier.close();
  tail.close();
  return { code: EXIT.done };
}

/** What is read, and by what; writtenAt is when the bookmarks were last true, in epoch seconds. */
type Reading = {
  tail: LogTail;
  changes: Changes;
  bookmarkFile: BookmarkFile;
  reporter: LogReporter;
  presence: Presence;
  writtenAt: number;
};

async function readOn({
  tail,
  changes,
  bookmarkFile,
  reporter,
  presence,
  writtenAt,
}: Reading): Promise<void> {
  // What stands behind the bookmarks was written after they were.
  let lookedAt = writtenAt;
  let touchedAt = writtenAt;
  do {
    const began = wallSeconds();
    presence.look(tail.isThere, began);
    for (let came = tail.lines(); came.length > 0; came = tail.lines()) {
      for (const { text, key } of came) await reporter.report(text, key, lookedAt);
      bookmarkFile.write(tail.bookmarks);
    }
    if (bookmarkFile.isNew) bookmarkFile.write(tail.bookmarks);
    if (began - touchedAt > TOUCH_SECONDS) bookmarkFile.touch((touchedAt = began));
    lookedAt = began;
    reporter.endLook();
  } while (await changes.next());
}

/** Reports what another program hands over, such as `journalctl -f`, until that ends: there is no bookmark to remember. */
async function followInput(options: Arguments, say: (line: string) => void): Promise<Ending> {
  const session = await sessionOnceMended(options, { say });
  if ('ending' in session) return session.ending;
  say('follows standard input');
  const reporter = new LogReporter(STANDARD_INPUT, options, session, say);
  for await (const line of lines(process.stdin, 4096)) {
    if (line === undefined) continue;
    await reporter.report(line, undefined, wallSeconds());
    reporter.endLook();
  }
  session.courier.close();
  return { code: EXIT.done };
}

/** Says whether the log is followed, once each time that it goes away or comes. */
class Presence {
  /** Between two steps of a rotation there is no file for a moment. Seconds. */
  static readonly patience = 60;
  readonly #path: string;
  readonly #say: (line: string) => void;
  #awaySince: number | undefined;
  #isSaid: boolean;

  constructor(path: string, say: (line: string) => void, isThere: boolean) {
    this.#path = path;
    this.#say = say;
    this.#isSaid = !isThere;
    const isAway = `waits for ${path}, which is not there: no ban is reported before it comes`;
    say(isThere ? `follows ${path}` : isAway);
  }

  look(isThere: boolean, now: number): void {
    if (isThere) {
      if (this.#isSaid) this.#say(`follows ${this.#path}`);
      this.#isSaid = false;
      this.#awaySince = undefined;
      return;
    }
    this.#awaySince ??= now;
    if (this.#isSaid || now - this.#awaySince < Presence.patience) return;
    this.#say(`${this.#path} is not there any more: no ban is reported before it comes again`);
    this.#isSaid = true;
  }
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
