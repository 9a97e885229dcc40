import {
  overlaps,
  type BanKey,
  type Details,
  type HostName,
  type Range,
  type Target,
} from '@banshare/protocol';
import type { Draft } from './event-book.ts';
import type { Row, Sql } from './rows.ts';

/** What a brake holds: committed, not published, until an operator releases or drops it. */
export class HeldBook {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  hold(
    draft: BanKey & Details & { host: { id: number; name: HostName }; at: number; until: number | null },
  ): void {
    const { ip, prog, jail, host, at, until, ...details } = draft;
    this.#sql(
      'INSERT INTO held (host, name, ip, prog, jail, at, until, details) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    ).run(host.id, host.name, ip, prog, jail, at, until, JSON.stringify(details));
  }

  count(): number {
    return Number((this.#sql('SELECT count(*) AS n FROM held').get() as Row)['n']);
  }

  /** Drops what a host brought since a time. */
  dropOf(hostId: number, since: number): void {
    this.#sql('DELETE FROM held WHERE host = ? AND at >= ?').run(hostId, since);
  }

  /** Drops what has to do with a range. */
  dropWithin(range: Range): void {
    for (const row of this.#sql('SELECT id, ip FROM held').all() as Row[])
      if (overlaps(row['ip'] as Target, range))
        this.#sql('DELETE FROM held WHERE id = ?').run(Number(row['id']));
  }

  /** Takes everything out, oldest first, as drafts of events. */
  takeAll(): (Draft & { hostId: number })[] {
    const rows = this.#sql('SELECT * FROM held ORDER BY id').all() as Row[];
    this.#sql('DELETE FROM held').run();
    return rows.map((row) => ({
      kind: 'ban',
      hostId: Number(row['host']),
      host: row['name'] as Draft['host'],
      ip: row['ip'] as Draft['ip'],
      prog: row['prog'] as Draft['prog'],
      jail: row['jail'] as Draft['jail'],
      at: Number(row['at']),
      until: row['until'] === null ? null : Number(row['until']),
      ...(JSON.parse(String(row['details'])) as Details),
    }));
  }
}
