import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Postgres } from '../../../../test/fleet/database/postgres.ts';
import { within } from '../../../../test/fleet/within.ts';
import { parseDatabaseUrl } from '../../src/log/database-url.ts';
import { LogFault, type Appended, type Draft, type Durability, type LogPosition } from '../../src/log/log.ts';
import { PostgresLog } from '../../src/log/postgres-log.ts';

const SECRET = randomBytes(32);

/** How a log of a test differs from that of its other servers. */
export type Differs = { durability?: Durability; secret?: Buffer; passwordFile?: string };

/** A log of the tests' fleet, whether its database is there or not. */
export function logAt(
  url: string,
  { durability = 'none', secret = SECRET, passwordFile }: Differs = {},
): PostgresLog {
  const location = parseDatabaseUrl(url);
  assert.ok(location.ok, url);
  return new PostgresLog({ location: location.value, passwordFile, durability, secret });
}

/** The same once it has found its database. */
export async function openLog(url: string, differs: Differs = {}): Promise<PostgresLog> {
  const log = logAt(url, differs);
  await until(log, () => log.health().at !== undefined);
  return log;
}

/** A log whose tables begin empty. */
export async function freshLog(postgres: Postgres, differs: Differs = {}): Promise<PostgresLog> {
  postgres.sql('DROP TABLE IF EXISTS log, snapshots, parts', 'banshare');
  return openLog(postgres.url, differs);
}

/** Waits for news of the log after which something is so. */
export async function until(log: PostgresLog, isSo: () => boolean): Promise<void> {
  const come = Promise.withResolvers<void>();
  log.onNews(() => {
    if (isSo()) come.resolve();
  });
  if (isSo()) return;
  await within(come.promise, 20_000, () => `news of the log; it says ${log.health().fault?.message}`);
}

/** A batch, whose changeset is a text. */
export function draft(text: string): Draft {
  return { schema: 13, kind: 'changeset', data: Buffer.from(text) };
}

/** Where an entry stands that has to be ours. */
export function ours(appended: Appended): LogPosition {
  assert.equal(appended.outcome, 'ours');
  return (appended as { position: LogPosition }).position;
}

/** For assert.rejects(). */
export function withCode(code: string): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof LogFault, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}
