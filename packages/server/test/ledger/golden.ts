import { readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { EntryKind } from '../../src/log/log.ts';
import { LogOfTest } from './log-of-test.ts';

/** Where the vectors lie, a file for each version of the tables. */
export const VECTORS = new URL('vectors/', import.meta.url);

/** Entries of the shared log as servers of one version of the tables made them, and a ledger that they fit. */
export type Golden = {
  schema: number;
  /** The ledger before them, as SQL. */
  before: string[];
  /** The entry that this ledger has applied last. */
  position: { n: number; token: string };
  entries: { deed: string; kind: EntryKind; token: string; hex: string }[];
  /** Each table behind them: its columns as they were named then, and each row as JSON. */
  after: Record<string, { columns: string[]; rows: string[] }>;
};

/** All vectors there are, the oldest first. */
export function readGolden(): Golden[] {
  return readdirSync(VECTORS)
    .map((name) => JSON.parse(readFileSync(new URL(name, VECTORS), 'utf8')) as Golden)
    .toSorted((a, b) => a.schema - b.schema);
}

/** The log with what a server of that version appended, and at a path a ledger of that version which lacks all but the first of it. */
export function layGolden({ schema, before, position, entries }: Golden, path: string): LogOfTest {
  const database = new DatabaseSync(path);
  database.exec(before.join(';\n'));
  database.prepare('UPDATE applied SET n = ?, token = ?').run(position.n, position.token);
  database.close();
  const log = new LogOfTest();
  log.entries.push({ ...position, schema, kind: 'changeset', data: Buffer.alloc(0), at: 0 });
  for (const [index, { kind, token, hex }] of entries.entries())
    log.entries.push({
      n: position.n + 1 + index,
      token,
      kind,
      schema,
      data: Buffer.from(hex, 'hex'),
      at: 0,
    });
  return log;
}

/** The rows of a table, each as JSON, in an order of their own. @throws where it lacks a column */
export function rowsOf(
  database: Pick<DatabaseSync, 'prepare'>,
  table: string,
  columns: readonly string[],
): string[] {
  const named = columns.map((column) => `"${table}"."${column}"`).join(', ');
  const rows = database.prepare(`SELECT ${named} FROM "${table}"`).all();
  return rows.map((row) => JSON.stringify(Object.values(row))).toSorted((a, b) => (a < b ? -1 : 1));
}
