import { createHash, randomBytes } from 'node:crypto';
import { parseJail, quote, type Report, SHARED_JAIL } from '@banshare/protocol';
import { ECHO_NOTE_SECONDS, wallSeconds } from '@banshare/runtime';
import type { Arguments } from '../words/arguments.ts';
import { isEcho } from '../deliver/echo.ts';
import { readLogLine, unknownForm, type Stamp } from './fail2ban-line.ts';
import { OurBans } from './our-bans.ts';
import { readReport } from '../words/read-report.ts';
import { SharedRecord } from './shared-record.ts';
import type { Session } from '../deliver/session.ts';

/** Whoever writes to the log must not fill the log of this program. */
const MOST_WARNINGS = 50;

/** Reports the bans among the lines of a log, and says once what of it cannot be understood. */
export class LogReporter {
  readonly #log: string;
  readonly #options: Arguments;
  readonly #session: Session;
  readonly #say: (line: string) => void;
  readonly #warned = new Set<string>();
  readonly #shared: SharedRecord;
  #ours: OurBans;

  constructor(log: string, options: Arguments, session: Session, say: (line: string) => void) {
    this.#log = log;
    this.#options = options;
    this.#session = session;
    this.#say = say;
    this.#ours = new OurBans(session.paths.clientSocket);
    this.#shared = new SharedRecord(session.paths.sharedBans);
  }

  /** The next report connects anew, so that an idle follower holds no connection open; so it asks the client anew. */
  endLook(): void {
    this.#session.courier.close();
    this.#ours = new OurBans(this.#session.paths.clientSocket);
  }

  /** Reports the ban of a line, if it is one; key is where it stands, writtenAfter the time before which it was not there. */
  async report(line: string, key: string | undefined, writtenAfter: number): Promise<void> {
    const now = wallSeconds();
    const found = this.#banIn(line, now);
    if (found === undefined) return;
    const { report, stamp } = found;
    const at = timeOf(stamp, writtenAfter, now);
    const { paths, spoolMaxAgeSeconds, refuse, courier } = this.#session;
    const name = `${report.jail} ${report.ip}`;
    if (now - at > spoolMaxAgeSeconds) {
      this.#say(`${name}: too old to be reported, it was banned ${new Date(at * 1000).toISOString()}`);
      return;
    }
    // A time that cannot be true says only that the line was written since the last look.
    const isTrue = stamp !== undefined && at === stamp.at;
    if (this.#shared.has(report, isTrue ? at : Math.min(at, writtenAfter), isTrue ? at : now)) return;
    if (isEcho(paths.notes, report)) return;
    // Its note may be gone by now.
    if (now - at > ECHO_NOTE_SECONDS && (await this.#ours.has(report))) return;
    const refusal = refuse(report.ip);
    if (refusal !== undefined) {
      this.#say(refusal.says ?? '');
      return;
    }
    const id = this.#idOf(line, stamp === undefined ? key : '');
    const { says } = await courier.deliver({ id, at, kind: 'report', report });
    if (says !== undefined) this.#say(`${name}: ${says}`);
  }

  /** The ban of a line that is to be reported; what cannot be understood of it is said. */
  #banIn(line: string, now: number): { report: Report; stamp: Stamp | undefined } | undefined {
    const ban = readLogLine(line, now);
    if (ban === undefined) {
      this.#warnOfForm(line);
      return undefined;
    }
    // What landed there was never this host's own.
    if (ban.jail === SHARED_JAIL || !this.#isFollowed(ban.jail)) return undefined;
    const jail = parseJail(ban.jail);
    if (!jail.ok) {
      this.#warn(`jail ${ban.jail}`, `the bans of a jail cannot be reported: ${jail.fault}`);
      return undefined;
    }
    const duration = ban.durationSeconds ?? this.#options.durationSeconds;
    const read = readReport(['fail2ban', jail.value, ban.ip], duration, this.#options.details);
    if ('report' in read) return { report: read.report, stamp: ban.stamp };
    this.#say(read.ending.says ?? '');
    return undefined;
  }

  /**
   * The same line has the same id: read again after a crash, it makes nothing new. Without a time, the same text is said again
   * for another ban, and only where it stands tells the two apart.
   */
  #idOf(line: string, key: string | undefined): string {
    if (key === undefined) return randomBytes(16).toString('hex');
    const keyLine = key === '' ? '' : `${key}\n`;
    return createHash('sha256').update(`${this.#log}\n${keyLine}${line}`).digest('hex').slice(0, 32);
  }

  #isFollowed(jail: string): boolean {
    return this.#options.jails.length === 0 || this.#options.jails.includes(jail);
  }

  #warnOfForm(line: string): void {
    const form = unknownForm(line);
    if (form === undefined) return;
    this.#warn(
      `form ${form}`,
      `a ban in a form that is not understood is not reported, nor are others of it: ${quote(line)}`,
    );
  }

  #warn(about: string, says: string): void {
    if (this.#warned.has(about) || this.#warned.size >= MOST_WARNINGS) return;
    this.#warned.add(about);
    this.#say(says);
  }
}

/** A line's own time counts as far as it can be true: the writer's zone may be another one than this program's. */
function timeOf(stamp: Stamp | undefined, writtenAfter: number, now: number): number {
  if (stamp?.isExact === true) return Math.min(stamp.at, now);
  return Math.min(Math.max(stamp?.at ?? now, writtenAfter), now);
}
