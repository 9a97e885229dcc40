import type { StatementSync } from 'node:sqlite';
import type { Target } from '@banshare/protocol';

/** What one address or range has sent to this host while it was banned here. */
export type DropRow = {
  ip: Target;
  /** What its counter in the kernel showed at the last reading: it begins anew with each new element. */
  shown: number;
  /** Packets in all. */
  packets: number;
  /** When more of them were seen last, epoch seconds by the server's clock. */
  at: number;
  /** Whether another host had found it when the first of them was seen. */
  isFound: boolean;
  /** Between how many seconds after its ban was in place here the first packet came; null where that is not known. */
  least: number | null;
  most: number | null;
  /** No ban of it has stood since: what comes next is of another ban. */
  isOver: boolean;
};

/** What all of them have sent since this host counts. Times are epoch seconds by the server's clock. */
export type DropSums = {
  since: number;
  readAt: number;
  v4: number;
  v6: number;
  found: number;
  addresses: number;
  before: number;
};

/**
 * A ban of an address that stands: whose word it is, and between when and when it was put in place. `at` is its publication, or that
 * of its renewal; `since` is when its row was written last, as by a comparison with all bans of the server.
 */
export type StandingSince = { origin: string; finder: string; at: number; since: number };

const STANDING = `status IN ('applied', 'already', 'unproven', 'pending')`;
/** As many as any host bans in the usual run of things; of more, those are forgotten that have been quiet for longest. */
const MOST_ROWS = 50_000;

/** Keeps what was dropped, so that no reset of a counter in the kernel takes anything back. */
export class DroppedBook {
  readonly #sql: (text: string) => StatementSync;

  constructor(sql: (text: string) => StatementSync) {
    this.#sql = sql;
  }

  sums(): DropSums | undefined {
    const row = this.#sql("SELECT value FROM meta WHERE name = 'dropped'").get();
    return row === undefined ? undefined : (JSON.parse(String(row['value'])) as DropSums);
  }

  keep(sums: DropSums): void {
    this.#sql("INSERT OR REPLACE INTO meta VALUES ('dropped', ?)").run(JSON.stringify(sums));
  }

  get(ip: string): DropRow | undefined {
    const row = this.#sql('SELECT * FROM dropped WHERE ip = ?').get(ip);
    return row === undefined ? undefined : dropRowOf(row);
  }

  put({ ip, shown, packets, at, isFound, least, most, isOver }: DropRow): void {
    this.#sql('INSERT OR REPLACE INTO dropped VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
      ip,
      shown,
      packets,
      at,
      isFound ? 1 : 0,
      least,
      most,
      isOver ? 1 : 0,
    );
  }

  /** A part of all, in the order of their addresses from behind one of them: what their counters showed at the last reading. */
  page(behind: string, limit: number): { ip: Target; shown: number }[] {
    return this.#sql('SELECT ip, shown FROM dropped WHERE ip > ? ORDER BY ip LIMIT ?')
      .all(behind, limit)
      .map((row) => ({ ip: String(row['ip']) as Target, shown: Number(row['shown']) }));
  }

  /** Their counter shows nothing any more. */
  restart(ips: readonly Target[]): void {
    for (const ip of ips) this.#sql('UPDATE dropped SET shown = 0 WHERE ip = ?').run(ip);
  }

  /** Those that sent most. */
  top(limit: number): DropRow[] {
    return this.#sql('SELECT * FROM dropped ORDER BY packets DESC LIMIT ?').all(limit).map(dropRowOf);
  }

  /** The bans of an address or range that stand. */
  standing(ip: string): StandingSince[] {
    return this.#sql(`SELECT origin, finder, at, changed AS since FROM bans WHERE ip = ? AND ${STANDING}`)
      .all(ip)
      .map((row) => ({ ...row }) as StandingSince);
  }

  /** Notes of a part whose bans are over: from behind an address up to another. */
  noteOver(behind: string, last: string): void {
    this.#sql(
      `UPDATE dropped SET over = 1 WHERE over = 0 AND ip > ? AND ip <= ?
       AND NOT EXISTS (SELECT 1 FROM bans WHERE bans.ip = dropped.ip AND ${STANDING})`,
    ).run(behind, last);
  }

  /** Forgets what is too much. */
  forget(): void {
    const count = Number(this.#sql('SELECT count(*) AS n FROM dropped').get()?.['n']);
    if (count <= MOST_ROWS) return;
    this.#sql('DELETE FROM dropped WHERE ip IN (SELECT ip FROM dropped ORDER BY over DESC, at LIMIT ?)').run(
      count - MOST_ROWS,
    );
  }
}

function dropRowOf(row: unknown): DropRow {
  const { ip, shown, packets, at, found, least, most, over } = row as Record<string, never>;
  return {
    ip,
    shown,
    packets,
    at,
    isFound: found === 1,
    least,
    most,
    isOver: over === 1,
  } as unknown as DropRow;
}
