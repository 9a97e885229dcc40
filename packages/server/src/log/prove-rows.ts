import { lacking, LogFault, type Entry, type LogPosition } from './log.ts';
import { unseal } from './seal.ts';

/** A row of the log as READ gives it. */
type Row = Readonly<Record<string, unknown>>;

/**
 * The entries after a position, of rows that begin with the position's own; where there are none, `last` is the log's last entry.
 * @throws LogFault `forked` where the log lacks what the replica has, `pruned` where it lacks what the replica needs, `forged` or `newer` as unseal().
 */
export function proveRows(
  secret: Buffer,
  rows: readonly Row[],
  position: LogPosition,
  last = position.n,
): Entry[] {
  const isStart = position.n === 0;
  const [first] = rows;
  if (first === undefined && isStart) return [];
  if (first === undefined) {
    throw lacking(position.n, Math.max(1, position.n - last));
  }
  const begins = Number(first['n']);
  if (begins > Math.max(1, position.n)) {
    throw new LogFault(
      'pruned',
      `The log begins with entry ${begins}, and this server has it up to ${position.n} only: it goes on from the newest snapshot`,
      { n: position.n },
    );
  }
  if (!isStart && first['token'] !== position.token) {
    throw lacking(position.n, 1);
  }
  const entries: Entry[] = [];
  let before = position;
  for (const row of isStart ? rows : rows.slice(1)) {
    const entry = unseal(secret, sealedOf(row), before, Number(row['at']));
    entries.push(entry);
    before = entry;
  }
  return entries;
}

function sealedOf(row: Row): Parameters<typeof unseal>[1] {
  return {
    n: Number(row['n']),
    token: String(row['token']),
    nonce: row['nonce'] as Buffer,
    schema: Number(row['schema']),
    kind: Number(row['kind']),
    data: row['data'] as Buffer,
  };
}
