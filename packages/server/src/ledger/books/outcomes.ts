import type { AckRequest } from '@banshare/protocol';
import type { Row } from '../tables/rows.ts';
import type { Ledger } from '../ledger.ts';

/** What hosts tell of single events. */
export class Outcomes {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /**
   * Keeps what a host tells, and only of events that there are: else one host could fill the disk.
   * @throws when the ledger cannot be written.
   */
  async write(hostId: number, { epoch, outcomes }: AckRequest, now: number): Promise<void> {
    const head = this.#ledger.head();
    const real = epoch === head.epoch ? outcomes.filter(({ seq }) => seq > 0 && seq <= head.seq) : [];
    if (real.length === 0) return;
    await this.#ledger.write(({ sql }) => {
      // It may have been forgotten since.
      if (sql('SELECT 1 FROM hosts WHERE id = ?').get(hostId) === undefined) return;
      for (const { seq, outcome, reason } of real)
        sql(
          'INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(n), 0) + 1 FROM outcomes))',
        ).run(seq, hostId, outcome, reason ?? null, now);
    });
  }

  /** What each host has told of an event, by host id; `at` is epoch seconds. */
  of(seq: number): Map<number, { outcome: string; reason: string | null; at: number }> {
    const rows = this.#ledger
      .sql('SELECT host, outcome, reason, at FROM outcomes WHERE seq = ?')
      .all(seq) as Row[];
    return new Map(
      rows.map((row) => [
        Number(row['host']),
        {
          outcome: String(row['outcome']),
          reason: row['reason'] === null ? null : String(row['reason']),
          at: Number(row['at']),
        },
      ]),
    );
  }
}
