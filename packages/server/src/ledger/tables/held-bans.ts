import {
  overlaps,
  type BanKey,
  type Details,
  type HostName,
  type Range,
  type Target,
} from '@banshare/protocol';
import type { Draft } from './events.ts';
import type { Row, Sql } from './rows.ts';

/** A draft of an event, the host that brought it, and those that voted for it before. */
export type HeldBan = Draft & { hostId: number; voters: number[] };

/** A limit that is none, as SQLite counts. */
const ALL = -1;

/** What is held: committed, not published, until an operator releases or drops it. */
export class HeldBook {
  readonly #sql: Sql;
  /** Counting half a million rows for each report would take too long. */
  #count: number | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /**
   * Holds a ban, once for each host that reports it; `voters` are the hosts that would support it too. Returns false where so
   * many are held that this one finds no room.
   */
  hold(
    draft: BanKey & Details & { host: { id: number; name: HostName }; at: number; until: number | null },
    voters: readonly number[],
    most: number,
  ): boolean {
    const { ip, prog, jail, host, at, until, ...details } = draft;
    const kept = JSON.stringify({ ...details, voters });
    const { changes } = this.#sql(
      'UPDATE held SET at = ?, until = ?, details = ? WHERE host = ? AND ip = ? AND prog = ? AND jail = ?',
    ).run(at, until, kept, host.id, ip, prog, jail);
    if (Number(changes) > 0) return true;
    const count = this.count();
    if (count >= most) return false;
    this.#sql(
      'INSERT INTO held (host, name, ip, prog, jail, at, until, details) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    ).run(host.id, host.name, ip, prog, jail, at, until, kept);
    this.#count = count + 1;
    return true;
  }

  mark(): number | undefined {
    return this.#count;
  }

  /** Goes back to what was before something that is taken back. */
  rewind(count: number | undefined): void {
    this.#count = count;
  }

  count(): number {
    this.#count ??= Number((this.#sql('SELECT count(*) AS n FROM held').get() as Row)['n']);
    return this.#count;
  }

  /** How many are held of exactly these. */
  countOfEach(ips: readonly Target[]): number {
    const row = this.#sql('SELECT count(*) AS n FROM held WHERE ip IN (SELECT value FROM json_each(?))').get(
      JSON.stringify(ips),
    ) as Row;
    return Number(row['n']);
  }

  isHeld(ip: Target): boolean {
    return this.#sql('SELECT 1 FROM held WHERE ip = ? LIMIT 1').get(ip) !== undefined;
  }

  /** The newest of what is held. */
  list(
    limit: number,
  ): { ip: string; prog: string; jail: string; host: string; at: number; until: number | null }[] {
    const rows = this.#sql(
      'SELECT ip, prog, jail, name AS host, at, until FROM held ORDER BY id DESC LIMIT ?',
    ).all(limit);
    return rows.map((row) => ({ ...(row as ReturnType<HeldBook['list']>[number]) }));
  }

  /** Drops what a host brought since a time, so much at most; returns how many. */
  dropOf(hostId: number, since: number, limit = ALL): number {
    const of = this.#sql(
      'DELETE FROM held WHERE id IN (SELECT id FROM held WHERE host = ? AND at >= ? LIMIT ?)',
    );
    return this.#dropped(of.run(hostId, since, limit).changes);
  }

  /** How much a host brought since a time. */
  countOf(hostId: number, since: number): number {
    const row = this.#sql('SELECT count(*) AS n FROM held WHERE host = ? AND at >= ?').get(
      hostId,
      since,
    ) as Row;
    return Number(row['n']);
  }

  /** How much was brought since a time, in a jail or in all. */
  countSince(since: number, jail: string | null): number {
    const row = this.#sql('SELECT count(*) AS n FROM held WHERE at >= ?1 AND (?2 IS NULL OR jail = ?2)').get(
      since,
      jail,
    ) as Row;
    return Number(row['n']);
  }

  /** Drops what was brought since a time, in a jail or in all, so much at most; returns how many. */
  dropSince(since: number, jail: string | null, limit = ALL): number {
    const of = this.#sql(
      'DELETE FROM held WHERE id IN (SELECT id FROM held WHERE at >= ?1 AND (?2 IS NULL OR jail = ?2) LIMIT ?3)',
    );
    return this.#dropped(of.run(since, jail, limit).changes);
  }

  /** Drops what a host takes back; returns whether anything of it was held. */
  withdraw({ ip, prog, jail }: BanKey, hostId: number): boolean {
    const { changes } = this.#sql('DELETE FROM held WHERE ip = ? AND prog = ? AND jail = ? AND host = ?').run(
      ip,
      prog,
      jail,
      hostId,
    );
    return this.#dropped(changes) > 0;
  }

  /** Drops what is held of exactly that, in one jail or in all. */
  dropExactly(ip: string, jail?: string): void {
    const of = this.#sql('DELETE FROM held WHERE ip = ?1 AND (?2 IS NULL OR jail = ?2)');
    this.#dropped(of.run(ip, jail ?? null).changes);
  }

  /** Drops what has to do with a range. */
  dropWithin(range: Range): void {
    for (const row of this.#sql('SELECT id, ip FROM held').all() as Row[])
      if (overlaps(row['ip'] as Target, range))
        this.#dropped(this.#sql('DELETE FROM held WHERE id = ?').run(Number(row['id'])).changes);
  }

  /** Takes out so many of the oldest, and the others of their bans, oldest first. */
  take(limit: number): HeldBan[] {
    const rows = this.#sql(
      `SELECT * FROM held WHERE (ip, prog, jail) IN (SELECT ip, prog, jail FROM held ORDER BY id LIMIT ?) ORDER BY id`,
    ).all(Number.isFinite(limit) ? limit : -1) as Row[];
    for (const { id } of rows)
      this.#dropped(this.#sql('DELETE FROM held WHERE id = ?').run(Number(id)).changes);
    return rows.map((row) => ({
      kind: 'ban',
      hostId: Number(row['host']),
      host: row['name'] as Draft['host'],
      ip: row['ip'] as Draft['ip'],
      prog: row['prog'] as Draft['prog'],
      jail: row['jail'] as Draft['jail'],
      at: Number(row['at']),
      until: row['until'] === null ? null : Number(row['until']),
      // A row of an older version names no voters.
      voters: [],
      ...(JSON.parse(String(row['details'])) as Details & { voters?: number[] }),
    }));
  }

  /** Drops everything; returns how many. */
  dropAll(): number {
    return this.#dropped(this.#sql('DELETE FROM held').run().changes);
  }

  #dropped(changes: number | bigint): number {
    if (this.#count !== undefined) this.#count -= Number(changes);
    return Number(changes);
  }
}
