import type { BanKey, Event, Target } from '@banshare/protocol';
import { blockOf } from '../../words/ipv6-block.ts';
import { KeptCounts } from './kept-counts.ts';
import { eventOf, type Row, type Sql } from './rows.ts';
import { widerRanges } from '../../words/wider-ranges.ts';
import { covers, isActive, type PublishedBan } from '../../words/verdict.ts';

/** Which bans an operator means: one address, in one jail or in all. */
export type Selection = { ip: string; jail?: string };

/** So many hosts behind one ban are a crowd, and few bans have one; so many are counted at most, here and in the schema's step. */
const MANY = 8;

/**
 * What is known of an event's ban just before it: the ban, null for none; and whether any ban of its address is in force by then. What
 * is given is not looked up again.
 */
type Before = { ban: PublishedBan | null; isBanned?: boolean };

/** The end of what has none, where it is compared with others. */
const FOR_EVER_UNTIL = 9_000_000_000_000_000;

/**
 * The bans as last published, the hosts that support each, and what is remembered of an address beyond its bans: how often it
 * was banned anew, and when an operator lifted a ban of it.
 */
export class BanBook {
  readonly #sql: Sql;
  readonly #counts = new KeptCounts();

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  get(ban: BanKey): PublishedBan | undefined {
    const row = this.#sql('SELECT seq, at, until FROM bans WHERE ip = ? AND prog = ? AND jail = ?').get(
      ban.ip,
      ban.prog,
      ban.jail,
    ) as Row | undefined;
    if (row === undefined) return undefined;
    const until = row['until'] === null ? null : Number(row['until']);
    return { seq: Number(row['seq']), at: Number(row['at']), until };
  }

  /**
   * Follows an event: a ban stands as published, an unban takes it and its supporters away. A ban that is renewed began when it did.
   * It belongs to the import that began it until somebody types it: a person's word is not taken back with a list.
   * @returns whether nobody stands behind it yet: it has just begun.
   */
  follow(event: Event, importNumber: number | null = null, before?: Before): boolean {
    if (event.kind === 'unban') {
      this.#remove(event);
      return false;
    }
    const earlier = before === undefined ? this.get(event) : (before.ban ?? undefined);
    const isOver = earlier !== undefined && !isActive(earlier, event.at);
    if (isOver) this.#leave(event);
    const renewed = earlier === undefined || isOver ? undefined : this.#beginOf(event);
    this.#countOffence(event, before?.isBanned);
    this.#sql('INSERT OR REPLACE INTO bans VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
      event.ip,
      event.prog,
      event.jail,
      event.seq,
      event.at,
      event.until,
      renewed?.began ?? event.at,
      renewed === undefined || importNumber === null ? importNumber : renewed.import,
    );
    this.#takeEnd(event, renewed !== undefined);
    return renewed === undefined;
  }

  /** A ban is gone, and nobody stands behind it any more. */
  #remove({ ip, prog, jail }: BanKey): void {
    this.#leave({ ip, prog, jail });
    this.#sql('DELETE FROM bans WHERE ip = ? AND prog = ? AND jail = ?').run(ip, prog, jail);
    this.#keepEnd(ip);
  }

  #leave({ ip, prog, jail }: BanKey): void {
    this.#sql('DELETE FROM supporters WHERE ip = ? AND prog = ? AND jail = ?').run(ip, prog, jail);
  }

  /** The first host to stand behind a ban that has just begun, as follow() says; a row that somebody left of an earlier one is none. */
  supportFirst({ ip, prog, jail }: BanKey, hostId: number, now: number, until: number | null): void {
    this.#sql(
      `INSERT INTO supporters VALUES (?, ?, ?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE SET since = excluded.since, until = excluded.until,
       crowd = NULL`,
    ).run(ip, prog, jail, hostId, now, until);
  }

  /** A host stands behind a ban; `until` is the end that its report asks for: of several the latest counts. */
  support(ban: BanKey, hostId: number, now: number, until: number | null): void {
    const { ip, prog, jail } = ban;
    const { count, isCrowd } = this.#crowdOf(ban);
    // Exactly when they become many: from then on each that comes is one of a crowd.
    if (!isCrowd && count === MANY)
      this.#sql('UPDATE supporters SET crowd = 1 WHERE ip = ? AND prog = ? AND jail = ?').run(ip, prog, jail);
    this.#sql(
      `INSERT INTO supporters VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET since = excluded.since, crowd = excluded.crowd,
       until = CASE WHEN until IS NULL OR excluded.until IS NULL THEN NULL ELSE max(until, excluded.until) END`,
    ).run(ip, prog, jail, hostId, now, until, isCrowd || count === MANY ? 1 : null);
  }

  /** How many stand behind a ban, or did, counted up to many; and whether they are kept as a crowd, by their ends. */
  #crowdOf({ ip, prog, jail }: BanKey): { count: number; isCrowd: boolean } {
    const row = this.#sql(
      `SELECT count(*) AS n, max(crowd) AS crowd FROM
       (SELECT crowd FROM supporters WHERE ip = ? AND prog = ? AND jail = ? LIMIT 8) AS some`,
    ).get(ip, prog, jail) as Row;
    return { count: Number(row['n']), isCrowd: row['crowd'] === 1 };
  }

  /** A host takes its word back, and others keep the ban: an undo has to find still whom its end is of. */
  takeBack(ban: BanKey, hostId: number): void {
    this.#sql('UPDATE supporters SET until = 0 WHERE ip = ? AND prog = ? AND jail = ? AND host = ?').run(
      ban.ip,
      ban.prog,
      ban.jail,
      hostId,
    );
  }

  /** Nothing is known of a host's word any more. */
  withdraw(ban: BanKey, hostId: number): void {
    this.#sql('DELETE FROM supporters WHERE ip = ? AND prog = ? AND jail = ? AND host = ?').run(
      ban.ip,
      ban.prog,
      ban.jail,
      hostId,
    );
  }

  isSupportedBy(ban: BanKey, hostId: number): boolean {
    return (
      this.#sql(
        `SELECT 1 FROM supporters WHERE ip = ? AND prog = ? AND jail = ? AND host = ? AND (until IS NULL OR until > 0)`,
      ).get(ban.ip, ban.prog, ban.jail, hostId) !== undefined
    );
  }

  /**
   * The end that a ban has without the word of some hosts: the latest that others ask for, who are still in the fleet; undefined where
   * nobody does, or no longer. Who was shut out keeps no ban of others. Of a crowd an index has the ends in their order, so that of a
   * hundred thousand supporters only those are read that stand before the one that counts: these hosts, and hosts that were revoked.
   */
  endWithout(ban: BanKey, hostIds: readonly number[], now: number): number | null | undefined {
    const { ip, prog, jail } = ban;
    const { isCrowd } = this.#crowdOf(ban);
    const query = isCrowd
      ? this.#sql(
          `SELECT other.until FROM supporters AS other INDEXED BY supporters_end LEFT JOIN hosts ON hosts.id = other.host
           WHERE other.crowd = 1 AND other.ip = ?1 AND other.prog = ?2 AND other.jail = ?3
           AND coalesce(other.until, 9000000000000000) > ?4
           AND other.host NOT IN (SELECT value FROM json_each(?5)) AND coalesce(hosts.state, '') <> 'revoked'
           ORDER BY coalesce(other.until, 9000000000000000) DESC LIMIT 1`,
        )
      : this.#sql(
          `SELECT other.until FROM supporters AS other LEFT JOIN hosts ON hosts.id = other.host
           WHERE other.ip = ?1 AND other.prog = ?2 AND other.jail = ?3 AND coalesce(other.until, 9000000000000000) > ?4
           AND other.host NOT IN (SELECT value FROM json_each(?5)) AND coalesce(hosts.state, '') <> 'revoked'
           ORDER BY coalesce(other.until, 9000000000000000) DESC LIMIT 1`,
        );
    const last = query.get(ip, prog, jail, now, JSON.stringify(hostIds)) as Row | undefined;
    if (last === undefined) return undefined;
    return last['until'] === null ? null : Number(last['until']);
  }

  select(selection: Selection, now: number): BanKey[] {
    const rows = this.#sql(
      'SELECT ip, prog, jail FROM bans WHERE ip = ? AND (? IS NULL OR jail = ?) AND (until IS NULL OR until > ?)',
    ).all(selection.ip, selection.jail ?? null, selection.jail ?? null, now);
    return rows as BanKey[];
  }

  /** The active bans of an address or range and of every wider range, the widest first. */
  around(target: Target, now: number): BanKey[] {
    const targets = [...widerRanges(target), target];
    const rows = this.#sql(
      `SELECT ip, prog, jail FROM json_each(?) AS wanted JOIN bans ON bans.ip = wanted.value
       WHERE until IS NULL OR until > ? ORDER BY wanted.key`,
    ).all(JSON.stringify(targets), now);
    return rows as BanKey[];
  }

  countRanges(now: number): number {
    const row = this.#sql(
      `SELECT (SELECT count(*) FROM bans WHERE instr(ip, '/') > 0 AND until > ?) +
       (SELECT count(*) FROM bans WHERE instr(ip, '/') > 0 AND until IS NULL) AS n`,
    ).get(now) as Row;
    return Number(row['n']);
  }

  /** Whether such a ban is active already, and ends no earlier. */
  covers(ban: BanKey & { until: number | null }, now: number): boolean {
    return covers(this.get(ban), ban.until, now);
  }

  isBanned(ip: string, now: number): boolean {
    return (
      this.#sql(
        `SELECT 1 FROM bans WHERE ip = ?1 AND until > ?2 UNION ALL
         SELECT 1 FROM bans WHERE ip = ?1 AND until IS NULL LIMIT 1`,
      ).get(ip, now) !== undefined
    );
  }

  /** How many addresses and ranges within a /64 are banned now, itself not counted, up to a limit. */
  countIn(block: Target, limit: number, now: number): number {
    const row = this.#sql(
      'SELECT count(*) AS n FROM (SELECT 1 FROM in_block WHERE block = ?1 AND until > ?2 AND ip <> ?1 LIMIT ?3)',
    ).get(block, now, limit) as Row;
    return Number(row['n']);
  }

  offences(ip: string): number {
    const row = this.#sql('SELECT count FROM offences WHERE ip = ?').get(ip) as Row | undefined;
    return Number(row?.['count'] ?? 0);
  }

  /**
   * A ban that its host takes back, or an operator undoes, was no offence: else a host could drive the next one to the longest by
   * taking its own back again and again. Called before it is lifted.
   */
  forgetOffence({ ip, prog, jail }: BanKey): void {
    this.#sql(
      `UPDATE offences SET count = count - 1 WHERE ip = ?1 AND count > 0
       AND at = (SELECT began FROM bans WHERE ip = ?1 AND prog = ?2 AND jail = ?3)`,
    ).run(ip, prog, jail);
  }

  markLifted(selection: Selection, now: number): void {
    this.#sql('INSERT OR REPLACE INTO lifted VALUES (?, ?, ?)').run(selection.ip, selection.jail ?? '', now);
  }

  /** When an operator last lifted such a ban, epoch seconds; -1 for never. */
  liftedAt(ban: BanKey): number {
    const row = this.#sql("SELECT max(at) AS at FROM lifted WHERE ip = ? AND jail IN (?, '')").get(
      ban.ip,
      ban.jail,
    ) as Row;
    return Number(row['at'] ?? -1);
  }

  /** Active bans last published within a range of seqs, in order, each as its event. */
  active(range: { afterSeq: number; uptoSeq: number; limit: number }, epoch: string, now: number): Event[] {
    const rows = this.#sql(
      `SELECT events.* FROM bans JOIN events USING (seq)
       WHERE bans.seq > ? AND bans.seq <= ? AND (bans.until IS NULL OR bans.until > ?) ORDER BY bans.seq LIMIT ?`,
    ).all(range.afterSeq, range.uptoSeq, now, range.limit);
    return rows.map((row) => eventOf(row as Row, epoch));
  }

  countActive(now: number): number {
    // By "until IS NULL OR until > ?" each row would be looked up: 70 ms for a hundred thousand bans instead of 1.
    const row = this.#sql(
      `SELECT (SELECT count(*) FROM bans WHERE until > ?) +
       (SELECT count(*) FROM bans WHERE until IS NULL) AS n`,
    ).get(now) as Row;
    return Number(row['n']);
  }

  /** The same for whoever looks, as of a moment ago where there are many. */
  countedActive(now: number): number {
    return this.#counts.of('active', () => this.countActive(now));
  }

  /** How many of them are of IPv6, as of a moment ago where there are many. */
  countIpv6(now: number): number {
    return this.#counts.of('ipv6', () => {
      const row = this.#sql(
        `SELECT (SELECT count(*) FROM bans WHERE instr(ip, ':') > 0 AND until > ?) +
         (SELECT count(*) FROM bans WHERE instr(ip, ':') > 0 AND until IS NULL) AS n`,
      ).get(now) as Row;
      return Number(row['n']);
    });
  }

  /** Removes bans that were over before a time, with their supporters; returns how many. */
  sweep(before: number, limit: number): number {
    const rows = this.#sql('SELECT ip, prog, jail FROM bans WHERE until <= ? LIMIT ?').all(
      before,
      limit,
    ) as BanKey[];
    for (const ban of rows) this.#remove(ban);
    return rows.length;
  }

  #beginOf({ ip, prog, jail }: BanKey): { began: number; import: number | null } {
    return this.#sql('SELECT began, import FROM bans WHERE ip = ? AND prog = ? AND jail = ?').get(
      ip,
      prog,
      jail,
    ) as {
      began: number;
      import: number | null;
    };
  }

  /** Keeps when an address of a /64 is let go by all its bans, so that those of a /64 are counted however many bans each has. */
  #keepEnd(ip: Target): void {
    const block = blockOf(ip);
    if (block === null) return;
    const last = this.#sql(
      `SELECT CASE WHEN EXISTS (SELECT 1 FROM bans WHERE ip = ?1 AND until IS NULL) THEN ?2
       ELSE (SELECT max(until) FROM bans WHERE ip = ?1) END AS until`,
    ).get(ip, FOR_EVER_UNTIL) as Row;
    if (last['until'] === null) this.#sql('DELETE FROM in_block WHERE ip = ?').run(ip);
    else this.#sql('INSERT OR REPLACE INTO in_block VALUES (?, ?, ?)').run(ip, block, Number(last['until']));
  }

  /** The same where a ban has come: but for one that was renewed, none has gone whose end may have been the last. */
  #takeEnd({ ip, until }: Event, isRenewed: boolean): void {
    if (isRenewed) return this.#keepEnd(ip);
    const block = blockOf(ip);
    if (block === null) return;
    this.#sql(
      'INSERT INTO in_block VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET until = max(until, excluded.until)',
    ).run(ip, block, until ?? FOR_EVER_UNTIL);
  }

  /** A ban of an address that is banned already is no new offence. */
  #countOffence({ ip, at }: Event, isBanned = this.isBanned(ip, at)): void {
    if (isBanned) return;
    this.#sql(
      'INSERT INTO offences VALUES (?, 1, ?) ON CONFLICT (ip) DO UPDATE SET count = count + 1, at = excluded.at',
    ).run(ip, at);
  }
}
