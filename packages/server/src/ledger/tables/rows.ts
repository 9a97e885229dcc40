import type { Event } from '@banshare/protocol';

/** A row as node:sqlite gives it. */
export type Row = Record<string, string | number | null>;

/** So many rows are looked back over at a start at most: more than hosts can bring within the minutes that count, but for thousands of them at once. */
export const MOST_LOOKED_BACK = 200_000;

/** Gives a prepared statement for a text; it is prepared once for each opened database. */
export type Sql = (text: string) => {
  get(...values: (string | number | null)[]): unknown;
  all(...values: (string | number | null)[]): unknown[];
  run(...values: (string | number | null)[]): { changes: number | bigint };
};

/** An event as its row holds it; the epoch is the whole ledger's. */
export function eventOf(row: Row, epoch: string): Event {
  return {
    kind: row['kind'] as Event['kind'],
    epoch,
    seq: Number(row['seq']),
    tail: String(row['tail']),
    at: Number(row['at']),
    until: row['until'] === null ? null : Number(row['until']),
    ip: row['ip'] as Event['ip'],
    prog: row['prog'] as Event['prog'],
    jail: row['jail'] as Event['jail'],
    host: row['host'] as Event['host'],
    ...(JSON.parse(String(row['details'])) as object),
  };
}
