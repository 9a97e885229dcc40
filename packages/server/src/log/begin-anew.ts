import { randomBytes } from 'node:crypto';
import { findPrimary, type Line } from './line.ts';
import { LogFault, type LogPosition } from './log.ts';
import { noStandby, passBarrier } from './barrier.ts';
import type { PostgresLogOptions } from './postgres-log.ts';
import { NONCE_BYTES, seal, type SealedEntry } from './seal.ts';
import { layParts, pruneBefore, putHead, type LaidParts } from './snapshots.ts';
import { ADD_FIRST, ENDS, FORGET_OTHER_PARTS, FORGET_SNAPSHOTS, HOLD_LOG } from './statements.ts';

/**
 * The numbers of a log that begins anew are so much higher. So no replica of the log before has its first number, and each finds that what
 * follows its own position is not there, whatever is appended later, and begins with the new snapshot.
 */
const FURTHER = 1_000_000;
/** A part has a mebibyte. */
const PARTS_AT_ONCE = 100;

/** The first entry of a log that begins anew, behind all numbers that were in use up to one. */
export function firstEntry(secret: Buffer, schema: number, used: number): SealedEntry {
  const draft = { schema, kind: 'schema', data: new Uint8Array() } as const;
  return seal(secret, draft, { n: used + FURTHER, token: '' }, randomBytes(NONCE_BYTES));
}

/**
 * Replaces all that the log has by one entry and a snapshot of it, in one transaction, where its last entry is still number `last`.
 * @throws LogFault where nothing was changed, `unknown` where that cannot be told, and where the file cannot be read
 */
export async function beginAnew(
  options: PostgresLogOptions,
  { first, path, last }: { first: SealedEntry; path: string; last: number },
): Promise<LogPosition> {
  const { secret, durability } = options;
  const line = await findPrimary(options, 0);
  try {
    const laid = await layParts(line, secret, path);
    await line.run('BEGIN ISOLATION LEVEL READ COMMITTED');
    await line.run(HOLD_LOG);
    const [ends] = await line.ask(ENDS);
    if (Number(ends?.['last']) !== last) {
      throw new LogFault('forked', 'A server has just written to the log: stop all servers, and try again');
    }
    const needsStandby = durability === 'standby';
    if (needsStandby && ends?.['names'] === '') throw noStandby(line);
    await removeAll(line, first.n, laid);
    const { n, token, nonce, schema, kind, data } = first;
    await line.ask(ADD_FIRST, [n, Buffer.from(token, 'hex'), nonce, schema, kind, data]);
    await putHead(line, secret, { n, token, schema }, laid);
    try {
      await line.run('COMMIT');
      if (needsStandby && (await passBarrier(line)) !== 'passed')
        throw new Error('no standby has said that it has it');
    } catch (cause) {
      const text = `Cannot tell whether the log begins anew with entry ${n}: ${(cause as Error).message}; try again (by --force if it says then that the log was begun anew)`;
      throw new LogFault('unknown', text, { n, cause });
    }
    return { n, token };
  } finally {
    // What was not committed is taken back.
    line.close();
  }
}

/** All before a number, and the parts of all other snapshots, some at once: a database that is silent for long is given up. */
async function removeAll(line: Line, n: number, { id }: LaidParts): Promise<void> {
  await line.ask(FORGET_SNAPSHOTS, [n]);
  await pruneBefore(line, n);
  for (let removed = PARTS_AT_ONCE; removed === PARTS_AT_ONCE;) {
    const [done] = await line.ask(FORGET_OTHER_PARTS, [id, PARTS_AT_ONCE]);
    removed = Number(done?.['removed']);
  }
}
