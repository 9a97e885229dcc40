import type { BanKey, ReportedBan, Target } from '@banshare/protocol';
import type { Row, Sql } from './rows.ts';
import type { Voter } from '../../words/submission.ts';

/** More have not to be asked: a quorum of so many is none that anybody sets. */
const MOST_VOTERS = 1000;
/** The longest time within which votes are counted together, and more. */
const KEPT_SECONDS = 90 * 86_400;
/** A limit that is none, as SQLite counts. */
const ALL = -1;

/**
 * The votes for bans that wait for a quorum: one a host and ban, however often the host repeats its report, so that counting them
 * costs the same. A report that stands for more than its address is a vote for both. A vote counts until its host takes it back, an
 * operator does, or the host is shut out.
 */
export class VoteBook {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** A host votes, again or for the first time, for a ban until then; now is epoch seconds. */
  vote(
    { ip, prog, jail, until }: BanKey & { until: number | null },
    target: Target,
    hostId: number,
    now: number,
  ): void {
    for (const of of new Set([ip, target]))
      this.#sql('INSERT OR REPLACE INTO votes VALUES (?, ?, ?, ?, ?, ?)').run(
        of,
        prog,
        jail,
        hostId,
        now,
        until,
      );
  }

  /** The end that a host voted for; undefined without a vote of exactly that. */
  endOf({ ip, prog, jail }: BanKey, hostId: number): number | null | undefined {
    const row = this.#sql('SELECT until FROM votes WHERE ip = ? AND prog = ? AND jail = ? AND host = ?').get(
      ip,
      prog,
      jail,
      hostId,
    ) as { until: number | null } | undefined;
    return row?.until;
  }

  /** Who has voted for an address, or for what it stands for, since a time. */
  votersOf({ ip, prog, jail }: ReportedBan, target: Target, since: number): Voter[] {
    const rows = this.#sql(
      `SELECT DISTINCT votes.host AS id, hosts.name AS name FROM votes JOIN hosts ON hosts.id = votes.host
       WHERE votes.ip IN (?, ?) AND prog = ? AND jail = ? AND received >= ? AND hosts.state = 'active' LIMIT ?`,
    ).all(ip, target, prog, jail, since, MOST_VOTERS) as Row[];
    return rows.map((row) => ({ id: Number(row['id']), name: String(row['name']) }));
  }

  /** Whether a host's vote for exactly that still counts. */
  has({ ip, prog, jail }: BanKey, hostId: number): boolean {
    const vote = this.#sql('SELECT 1 FROM votes WHERE ip = ? AND prog = ? AND jail = ? AND host = ?');
    return vote.get(ip, prog, jail, hostId) !== undefined;
  }

  /** A host takes its vote back. */
  withdraw({ ip, prog, jail }: BanKey, hostId: number): void {
    this.#sql('DELETE FROM votes WHERE ip = ? AND prog = ? AND jail = ? AND host = ?').run(
      ip,
      prog,
      jail,
      hostId,
    );
  }

  /** How many addresses a host voted for since a time. */
  countOf(hostId: number, since: number): number {
    const row = this.#sql(
      "SELECT count(*) AS n FROM votes WHERE host = ? AND received >= ? AND instr(ip, '/') = 0",
    ).get(hostId, since) as Row;
    return Number(row['n']);
  }

  /** Takes back what a host voted for since a time, so many votes at most; returns which. */
  dropOf(hostId: number, since: number, limit = ALL): BanKey[] {
    const rows = this.#sql('SELECT ip, prog, jail FROM votes WHERE host = ? AND received >= ? LIMIT ?').all(
      hostId,
      since,
      limit,
    ) as BanKey[];
    for (const row of rows) this.withdraw(row, hostId);
    return rows;
  }

  /** How many votes for addresses there were since a time, in a jail or in all. */
  countSince(since: number, jail: string | null): number {
    const row = this.#sql(
      "SELECT count(*) AS n FROM votes WHERE received >= ?1 AND (?2 IS NULL OR jail = ?2) AND instr(ip, '/') = 0",
    ).get(since, jail) as Row;
    return Number(row['n']);
  }

  /** Takes back every vote since a time, in a jail or in all, so many at most; returns which. */
  dropSince(since: number, jail: string | null, limit = ALL): BanKey[] {
    const rows = this.#sql(
      'SELECT ip, prog, jail, host FROM votes WHERE received >= ?1 AND (?2 IS NULL OR jail = ?2) LIMIT ?3',
    ).all(since, jail, limit) as (BanKey & { host: number })[];
    for (const { host, ...row } of rows) this.withdraw(row, host);
    return rows;
  }

  /** Forgets what no rule counts any more. */
  sweep(now: number): void {
    this.#sql('DELETE FROM votes WHERE received < ?').run(now - KEPT_SECONDS);
  }
}
