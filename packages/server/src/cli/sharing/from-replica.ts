import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { bad, good, type Result } from '@banshare/protocol';
import { becomeOwner, syncDirectory, wallSeconds, type HostPaths } from '@banshare/runtime';
import {
  copyReplica,
  markApplied,
  publishReplica,
  whatLacks,
  type Lacking,
} from '../../ledger/books/backup-file.ts';
import { SCHEMA } from '../../ledger/schema.ts';
import { beginAnew, firstEntry } from '../../log/begin-anew.ts';
import { LogFault } from '../../log/log.ts';
import { wayOn } from '../../log/way-on.ts';
import { PostgresLog, type PostgresLogOptions } from '../../log/postgres-log.ts';
import { followToEnd } from '../../sharing/start-over.ts';
import { whyRunning } from './share-ledger.ts';

const FOUND_MS = 5000;
const NOTHING: Lacking = { events: 0, deeds: 0, isOther: false };

/** What the log and a replica have that the other lacks; `lost` is undefined where the log cannot be read as a whole, `why` says so. */
type Compared = {
  readonly n: number;
  readonly last: number;
  readonly gained: Lacking;
  readonly lost: Lacking | undefined;
  readonly why: string;
};

/**
 * Begins the log anew with the replica of this machine, whose server does not run, in an epoch of its own: for a database that lost what was
 * acknowledged. Unless it is forced it refuses where the log has anything that this replica lacks, or lacks nothing of it. From here on this
 * process has the rights of the server's user only, whose all these files are.
 */
export async function restoreFromReplica(
  paths: HostPaths,
  options: PostgresLogOptions,
  isForced: boolean,
): Promise<Result<string>> {
  const running = await whyRunning(paths);
  if (running !== undefined) return bad(running);
  const scratch = { copy: `${paths.ledger}.publishing`, fromLog: `${paths.ledger}.from-log` };
  const tidy = (): void => {
    for (const path of Object.values(scratch)) removeAll(path);
  };
  try {
    becomeOwner(paths.serverState);
    tidy();
    try {
      return await restoreWith(paths, options, isForced, scratch);
    } finally {
      tidy();
    }
  } catch (error) {
    return bad(`Cannot restore from this replica: ${(error as Error).message}`);
  }
}

async function restoreWith(
  paths: HostPaths,
  options: PostgresLogOptions,
  isForced: boolean,
  scratch: { copy: string; fromLog: string },
): Promise<Result<string>> {
  if (!existsSync(paths.ledger)) return bad(`Cannot restore: there is no replica at "${paths.ledger}"`);
  const { n } = copyReplica(paths.ledger, scratch.copy);
  chmodSync(scratch.copy, 0o600);
  if (n === 0) return bad('Cannot restore: the ledger of this server is no replica of a shared log');
  const compared = await compare(options, { n, ...scratch });
  const refusal = whyNot(compared);
  if (refusal !== undefined && !isForced)
    return bad(`Cannot restore: ${refusal}; --force publishes this replica nonetheless`);
  await publish(options, scratch.copy, compared);
  removeSiblings(paths.ledger);
  renameSync(scratch.copy, paths.ledger);
  syncDirectory(dirname(paths.ledger));
  return good(sayRestored(compared));
}

/** Rebuilds what the log has, by its own proofs, and compares. @throws LogFault where the database cannot be used */
async function compare(
  options: PostgresLogOptions,
  { n, copy, fromLog }: { n: number; copy: string; fromLog: string },
): Promise<Compared> {
  const log = new PostgresLog(options);
  try {
    await log.found(FOUND_MS);
    const why = await rebuild(log, fromLog);
    const { last } = log.health();
    if (why !== undefined) return { n, last, gained: NOTHING, lost: undefined, why };
    // Nothing is in an empty log.
    if (!existsSync(fromLog)) return { n, last, gained: NOTHING, lost: NOTHING, why: '' };
    return { n, last, gained: whatLacks(fromLog, copy), lost: whatLacks(copy, fromLog), why: '' };
  } finally {
    await log.close();
  }
}

/** Why the log cannot be read as a whole; undefined where it is, or there is nothing in it. @throws LogFault where the database cannot be used */
async function rebuild(log: PostgresLog, path: string): Promise<string | undefined> {
  try {
    const head = await log.getSnapshot(path);
    if (head === undefined) return log.health().last === 0 ? undefined : 'it has no snapshot';
    await followToEnd(log, path);
    return undefined;
  } catch (error) {
    if (error instanceof LogFault && wayOn(error) === 'wait') throw error;
    return (error as Error).message;
  }
}

async function publish(options: PostgresLogOptions, copy: string, { n, last }: Compared): Promise<void> {
  publishReplica(copy, randomBytes(8).toString('hex'), wallSeconds());
  const first = firstEntry(options.secret, SCHEMA, Math.max(n, last));
  markApplied(copy, first);
  await beginAnew(options, { first, path: copy, last });
}

/** Why this replica shall not replace the log; the text ends in what would be lost. */
function whyNot({ n, last, gained, lost, why }: Compared): string | undefined {
  if (lost === undefined)
    return `the log cannot be read as a whole (${why}), so that nobody can tell what would be lost`;
  if (lost.isOther)
    return `the log was begun anew since, in another epoch: banshare-server ledger join FILE brings this server to it. What would be lost: ${count(lost)}`;
  if (has(lost)) return `the log has what this replica lacks. What would be lost: ${count(lost)}`;
  if (last >= n && !has(gained))
    return 'this replica is not ahead of the log, which has all that it has: start the server';
  return undefined;
}

function sayRestored({ n, last, gained, lost }: Compared): string {
  const ahead = last < n ? `It was ahead by ${n - last} ${n - last === 1 ? 'entry' : 'entries'}` : '';
  const back = has(gained) ? `${count(gained)} are back` : '';
  const gone =
    lost === undefined
      ? 'what was in the log is lost'
      : has(lost)
        ? `${count(lost)} of the log are lost`
        : '';
  const told = [ahead, back, gone].filter((text) => text !== '').join('; ');
  return [
    `Restored: the log begins anew with this replica, in a new epoch.${told === '' ? '' : ` ${told}.`}`,
    'Start this server; hosts compare and repair. Start each other server then: it begins with what is there now, and keeps its file of before. One that has what is not there says so, and waits: here banshare-server ledger invite FILE, there, while it is stopped, banshare-server ledger join FILE.',
  ].join('\n');
}

function has({ events, deeds }: Lacking): boolean {
  return events + deeds > 0;
}

function count({ events, deeds }: Lacking): string {
  return `${events} ${events === 1 ? 'ban or unban' : 'bans and unbans'}, ${deeds} ${deeds === 1 ? 'entry' : 'entries'} of the audit log`;
}

function removeSiblings(path: string): void {
  for (const suffix of ['-journal', '-wal', '-shm']) rmSync(path + suffix, { force: true });
}

function removeAll(path: string): void {
  rmSync(path, { force: true });
  removeSiblings(path);
}
