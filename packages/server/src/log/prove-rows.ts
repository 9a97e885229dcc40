import { LogFault, type Entry, type LogPosition } from './log.ts';
import { unseal } from './seal.ts';

/** A row of the log as READ gives it. */
type Row = Readonly<Record<string, unknown>>;

/**
 * The entries after a position, of rows that begin with the position's own. @throws LogFault `forked` where the log lacks what the replica
 * has, `pruned` where it lacks what the replica needs, `forged` or `newer` as unseal().
 */
export function proveRows(secret: Buffer, rows: readonly Row[], position: LogPosition): Entry[] {
  const isStart = position.n === 0;
  const [first] = rows;
  if (first === undefined && isStart) return [];
  if (first === undefined) {
    throw new LogFault('forked', `The log lacks entry ${position.n}, which this server has`, {
      n: position.n,
    });
  }
  const begins = Number(first['n']);
  if (begins > Math.max(1, position.n)) {
    throw new LogFault(
      'pruned',
      `The log begins with entry ${begins}, and this server has it up to ${position.n} only`,
      { n: position.n },
    );
  }
  if (!isStart && first['token'] !== position.token) {
    throw new LogFault('forked', `The log has another entry ${position.n} than this server`, {
      n: position.n,
    });
  }
  const entries: Entry[] = [];
  let last = position;
  for (const row of isStart ? rows : rows.slice(1)) {
    const entry = unseal(secret, sealedOf(row), last, Number(row['at']));
    entries.push(entry);
    last = entry;
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
