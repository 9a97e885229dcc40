import { createHash } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  EMPTY_TAIL,
  nextTail,
  type BanKey,
  type Event,
  type HostName,
  type Position,
  type VerdictWord,
} from '@banshare/protocol';
import { openDatabase, statements } from './database.ts';
import { isActive, type Verdict } from './judge.ts';
import {
  banOf,
  detailsOf,
  type ActiveBan,
  type Known,
  type Ledger,
  type Recorded,
  type Submission,
} from './ledger.ts';

type Row = Record<string, string | number | null>;

/**
 * The ledger in SQLite. One connection writes; a failed commit leaves it unknown what was stored (facts section 4), so the
 * database is opened again before anything else is written.
 */
export class SqliteLedger implements Ledger {
  readonly #path: string;
  readonly #makeEpoch: () => string;
  #database: DatabaseSync;
  #sql: (text: string) => StatementSync;
  #head: Position;

  /** @throws when the database cannot be used. */
  constructor(path: string, makeEpoch: () => string) {
    this.#path = path;
    this.#makeEpoch = makeEpoch;
    this.#database = openDatabase(path);
    this.#sql = statements(this.#database);
    this.#head = this.#readHead();
  }

  /** For the other tables of the same file: hosts. */
  get database(): DatabaseSync {
    return this.#database;
  }

  head(): Position {
    return this.#head;
  }

  async record(
    submissions: readonly Submission[],
    decide: (submission: Submission, known: Known) => Verdict,
  ): Promise<Recorded[]> {
    const before = this.#head;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      const recorded = submissions.map((submission) => this.#recordOne(submission, decide));
      this.#database.exec('COMMIT');
      return recorded;
    } catch (error) {
      this.#head = before;
      this.#reopen();
      throw new Error(`Cannot write the ledger "${this.#path}": ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  async since(seq: number, limit: number): Promise<Event[]> {
    const rows = this.#sql('SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?').all(seq, limit);
    return rows.map((row) => this.#eventOf(row as Row));
  }

  async at(seq: number): Promise<Position | undefined> {
    if (seq === 0) return { epoch: this.#head.epoch, seq: 0, tail: EMPTY_TAIL };
    const row = this.#sql('SELECT tail FROM events WHERE seq = ?').get(seq);
    return row === undefined ? undefined : { epoch: this.#head.epoch, seq, tail: String(row['tail']) };
  }

  async active(
    range: { afterSeq: number; uptoSeq: number; limit: number },
    now: number,
  ): Promise<ActiveBan[]> {
    const rows = this.#sql(
      `SELECT events.* FROM bans JOIN events USING (seq)
       WHERE bans.seq > ? AND bans.seq <= ? AND (bans.until IS NULL OR bans.until > ?) ORDER BY bans.seq LIMIT ?`,
    ).all(range.afterSeq, range.uptoSeq, now, range.limit);
    return rows.map((row) => this.#eventOf(row as Row));
  }

  async countActive(now: number): Promise<number> {
    const row = this.#sql('SELECT count(*) AS n FROM bans WHERE until IS NULL OR until > ?').get(now);
    return Number(row?.['n']);
  }

  close(): void {
    this.#database.close();
  }

  #recordOne(submission: Submission, decide: (submission: Submission, known: Known) => Verdict): Recorded {
    const earlier = this.#earlier(submission);
    if (earlier !== undefined) return earlier;
    const ban = banOf(submission);
    const known = this.#known(ban, submission);
    const recorded = this.#carryOut(submission, decide(submission, known));
    this.#sql('INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      submission.host.id,
      submission.id,
      submission.received,
      submission.at,
      submission.kind,
      ban.ip,
      ban.prog,
      ban.jail,
      recorded.verdict,
      recorded.code ?? null,
      recorded.reason ?? null,
      recorded.seq ?? null,
    );
    return recorded;
  }

  /** The verdict that the same id of the same host got before. */
  #earlier(submission: Submission): Recorded | undefined {
    const row = this.#sql('SELECT verdict, code, reason, seq FROM reports WHERE host = ? AND id = ?').get(
      submission.host.id,
      submission.id,
    );
    if (row === undefined) return undefined;
    const { verdict, code, reason, seq } = row as Row;
    return {
      verdict: verdict as VerdictWord,
      ...(seq === null ? {} : { seq: Number(seq) }),
      ...(code === null ? {} : { code: String(code) }),
      ...(reason === null ? {} : { reason: String(reason) }),
    };
  }

  #known(ban: BanKey, submission: Submission): Known {
    const row = this.#sql('SELECT seq, at, until FROM bans WHERE ip = ? AND prog = ? AND jail = ?').get(
      ban.ip,
      ban.prog,
      ban.jail,
    ) as Row | undefined;
    if (row === undefined) return { ban: undefined, supports: false, others: 0 };
    const until = row['until'] === null ? null : Number(row['until']);
    const published = { seq: Number(row['seq']), at: Number(row['at']), until };
    if (submission.kind === 'report') return { ban: published, supports: false, others: 0 };
    const hosts = this.#sql('SELECT host FROM supporters WHERE ip = ? AND prog = ? AND jail = ?').all(
      ban.ip,
      ban.prog,
      ban.jail,
    );
    const supports = hosts.some((host) => host['host'] === submission.host.id);
    return { ban: published, supports, others: hosts.length - (supports ? 1 : 0) };
  }

  #carryOut(submission: Submission, verdict: Verdict): Recorded {
    const ban = banOf(submission);
    if (verdict.verdict === 'refused') return verdict;
    if (verdict.verdict === 'duplicate') {
      if (submission.kind === 'report') this.#support(ban, submission);
      return verdict;
    }
    if ('withdraw' in verdict) {
      this.#sql('DELETE FROM supporters WHERE ip = ? AND prog = ? AND jail = ? AND host = ?').run(
        ban.ip,
        ban.prog,
        ban.jail,
        submission.host.id,
      );
      return { verdict: 'accepted' };
    }
    const event = this.#append(submission, verdict.publish);
    return { verdict: 'accepted', seq: event.seq, event };
  }

  #append(submission: Submission, publish: { kind: 'ban'; until: number | null } | { kind: 'unban' }): Event {
    const { ip, prog, jail } = banOf(submission);
    const until = publish.kind === 'ban' ? publish.until : null;
    const { epoch, seq: headSeq, tail: headTail } = this.#head;
    const draft = {
      kind: publish.kind,
      epoch,
      seq: headSeq + 1,
      ip,
      prog,
      jail,
      host: submission.host.name,
      until,
    };
    const tail = nextTail(sha256Hex, headTail, draft);
    const details = detailsOf(submission);
    const event: Event = { ...draft, tail, at: submission.received, ...details };
    this.#sql('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      event.seq,
      event.kind,
      ip,
      prog,
      jail,
      event.host,
      event.at,
      until,
      tail,
      JSON.stringify(details),
    );
    this.#head = { epoch, seq: event.seq, tail };
    this.#moveBan(event, submission);
    return event;
  }

  #moveBan(event: Event, submission: Submission): void {
    const key = [event.ip, event.prog, event.jail] as const;
    const earlier = this.#sql('SELECT until FROM bans WHERE ip = ? AND prog = ? AND jail = ?').get(...key) as
      Row | undefined;
    const isOver = earlier !== undefined && !isActive({ until: earlier['until'] as number | null }, event.at);
    if (event.kind === 'unban' || isOver) {
      this.#sql('DELETE FROM supporters WHERE ip = ? AND prog = ? AND jail = ?').run(...key);
    }
    if (event.kind === 'unban') {
      this.#sql('DELETE FROM bans WHERE ip = ? AND prog = ? AND jail = ?').run(...key);
      return;
    }
    this.#sql('INSERT OR REPLACE INTO bans VALUES (?, ?, ?, ?, ?, ?)').run(
      ...key,
      event.seq,
      event.at,
      event.until,
    );
    this.#support(event, submission);
  }

  #support(ban: BanKey, submission: Submission): void {
    const { ip, prog, jail } = ban;
    const { host, received } = submission;
    this.#sql('INSERT OR REPLACE INTO supporters VALUES (?, ?, ?, ?, ?)').run(
      ip,
      prog,
      jail,
      host.id,
      received,
    );
  }

  #eventOf(row: Row): Event {
    return {
      kind: row['kind'] as Event['kind'],
      epoch: this.#head.epoch,
      seq: Number(row['seq']),
      tail: String(row['tail']),
      at: Number(row['at']),
      until: row['until'] === null ? null : Number(row['until']),
      ip: row['ip'] as Event['ip'],
      prog: row['prog'] as Event['prog'],
      jail: row['jail'] as Event['jail'],
      host: row['host'] as HostName,
      ...(JSON.parse(String(row['details'])) as object),
    };
  }

  #readHead(): Position {
    const stored = this.#sql("SELECT value FROM meta WHERE name = 'epoch'").get();
    const epoch = stored === undefined ? this.#makeEpoch() : String(stored['value']);
    if (stored === undefined) this.#sql("INSERT INTO meta VALUES ('epoch', ?)").run(epoch);
    const last = this.#sql('SELECT seq, tail FROM events ORDER BY seq DESC LIMIT 1').get();
    if (last === undefined) return { epoch, seq: 0, tail: EMPTY_TAIL };
    return { epoch, seq: Number(last['seq']), tail: String(last['tail']) };
  }

  #reopen(): void {
    try {
      this.#database.close();
    } catch {
      // It may be closed already; what counts is that the next one opens.
    }
    this.#database = openDatabase(this.#path);
    this.#sql = statements(this.#database);
    this.#head = this.#readHead();
  }
}

function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
