import { chmodSync } from 'node:fs';
import type { AdminReply, HostPaths, ServerConfig } from '@banshare/runtime';
import { becomeReplica, copyForBackup, markApplied, removeCopy } from '../../ledger/books/backup-file.ts';
import type { Audit } from '../../ledger/books/audit.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { SCHEMA } from '../../ledger/schema.ts';
import { LOG_START, type Durability } from '../../log/log.ts';
import type { PostgresLog, PostgresLogOptions } from '../../log/postgres-log.ts';
import { IN_COMMAND, readSharedLog } from '../../setup/shared-log.ts';
import { decline, textOf, type Args } from './bans.ts';

/** What moving works with. */
export type MoveParts = {
  ledger: Ledger;
  book: { flush(how: { everything: boolean }): Promise<void> };
  audit: Audit;
  paths: HostPaths;
  now: () => number;
};

const FOUND_MS = 5000;
const SHARED =
  'this ledger is in a log already, that of [ledger] in server.toml. For a further server: banshare-server ledger invite FILE. To bring it to another database: stop all servers, here banshare-server ledger leave, start it, and move it there';
const IN_USE =
  'that log is in use. To be one of its servers: banshare-server ledger invite FILE on one of them, and here, once this one is stopped, ledger join FILE. To begin that log anew with this ledger, where all of its servers are stopped or have left: DROP TABLE log, snapshots, parts in that database, and move again';

/**
 * Puts this server's ledger into an empty log as the snapshot of its first entry. From the copy on nothing is written here: what comes is told
 * to come again, until the server has started again on the log.
 */
export async function moveLedger(args: Args, parts: MoveParts): Promise<AdminReply> {
  const { ledger, paths } = parts;
  if (ledger.isShared) return decline('shared', SHARED);
  const wanted: ServerConfig['ledger'] = {
    keepSeconds: 0,
    keepEvidenceSeconds: 0,
    log: textOf(args, 'log') ?? '',
    durability: (textOf(args, 'durability') ?? 'standby') as Durability,
    passwordFile: textOf(args, 'passwordFile'),
  };
  const shared = readSharedLog({ ledger: wanted }, paths, IN_COMMAND);
  if ('faults' in shared) return decline('log', shared.faults.join('; '));
  try {
    return await put(shared.log as PostgresLogOptions, parts);
  } catch (error) {
    return decline('log', (error as Error).message);
  }
}

async function put(
  options: PostgresLogOptions,
  { ledger, book, audit, paths, now }: MoveParts,
): Promise<AdminReply> {
  const { PostgresLog: Log } = await import('../../log/postgres-log.ts');
  const log: PostgresLog = new Log(options);
  const path = copyForBackup(paths.ledger);
  try {
    await log.found(FOUND_MS);
    if (log.health().last > 1) return decline('log', IN_USE);
    // What a move that was broken off has left.
    await log.clear();
    const begun = await log.append({ schema: SCHEMA, kind: 'schema', data: new Uint8Array() }, LOG_START);
    if (begun.outcome !== 'ours') return decline('log', 'another server is just moving its ledger there');
    await audit.add('ledger moved', { to: log.health().at ?? '' }, now());
    await book.flush({ everything: true });
    await ledger.stopWriting('it is just moved to the log that several servers share');
    try {
      removeCopy(paths.ledger);
      await ledger.copyTo(path);
      chmodSync(path, 0o600);
      markApplied(path, begun.position);
      await log.putSnapshot({ ...begun.position, schema: SCHEMA }, path);
      becomeReplica(ledger, begun.position);
    } catch (error) {
      ledger.goOnWriting();
      throw error;
    }
    return { ok: true, result: null };
  } finally {
    removeCopy(paths.ledger);
    await log.close();
  }
}
