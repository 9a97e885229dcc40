import { randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  fstatSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { bad, good, oneLine, type Result } from '@banshare/protocol';
import {
  asOwner,
  askBy,
  makePrivateDirectory,
  openPlain,
  ownerOf,
  wallSeconds,
  writeAtomic,
  type HostPaths,
  type Owner,
} from '@banshare/runtime';
import {
  addFiles,
  beginEpoch,
  copyForBackup,
  proveBackup,
  readFiles,
  removeCopy,
  removeJournals,
  setAside,
  type KeptFile,
} from '../../ledger/books/backup-file.ts';
import { putCopy } from './copy-file.ts';
import { filesToKeep, targetOf } from './kept-files.ts';
import { ACTIONS } from '../../operator/actions.ts';
import { sharesLog } from '../../setup/shared-log.ts';

/*
 * Both commands are run by root, and most of what they work with belongs to the server's user, who may be an attacker that took
 * the daemon over: everything in a folder of that user is done with that user's rights (asOwner), and what the daemon answers
 * is not used for more than yes or no.
 */

/**
 * Backs a running server up into one file of mode 0600: its ledger with hosts and outcomes, every generation's keys, and
 * server.toml. The daemon copies its ledger, since nobody else may open it; the rest this command reads itself. The file is
 * read back before it replaces an earlier one.
 */
export async function backUp(
  paths: HostPaths,
  file: string,
): Promise<Result<string> & { isWithoutDaemon?: boolean }> {
  const cannot = (why: string): string => `Cannot back up to "${file}": ${why}`;
  if (!mayBePlain(file)) return bad(cannot('it is no plain file; name one that is not there yet'));
  const request = { command: 'copy-ledger', args: { file } };
  const reply = await askBy(ACTIONS, paths.serverSocket, request, 600_000);
  if (!reply.ok) return { ...bad(reply.reason), isWithoutDaemon: reply.code === 'no-daemon' };
  try {
    const { files, leftOut } = filesToKeep(paths);
    const source = asOwner(paths.serverState, () => openPlain(copyForBackup(paths.ledger)));
    putCopy(source, file, (made) => {
      addFiles(made, files);
      proveBackup(made, files);
    });
    return good(
      [
        `Everything of this server is in ${file}. It holds secret keys: keep it as safe as the server.`,
        ...sayUnnoted(reply.result),
        ...sayLeftOut(leftOut),
      ].join('\n'),
    );
  } catch (error) {
    const why = (error as Error).message;
    // The audit log has that it was begun.
    await askBy(ACTIONS, paths.serverSocket, { command: 'backup-failed', args: { file, why } }, 60_000);
    return bad(cannot(why));
  } finally {
    asOwner(paths.serverState, () => removeCopy(paths.ledger));
  }
}

/** What cannot be looked at cannot be written either, and that says why. */
function mayBePlain(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false })?.isFile() !== false;
  } catch {
    return true;
  }
}

/**
 * Restores a backup on this machine, beside no running server. The ledger begins a new epoch: every host then compares what it
 * has with what is restored, and repairs the difference.
 */
export async function restore(paths: HostPaths, file: string): Promise<Result<string>> {
  const running = await askBy(ACTIONS, paths.serverSocket, { command: 'ping' }, 5000);
  if (running.ok || running.code !== 'no-daemon') {
    return bad('Cannot restore beside a running server: stop it first (systemctl stop banshare-server)');
  }
  // Beside the state's folder and not in it: SQLite opens it and its journals by name.
  const restoring = `${paths.serverState}.restoring-`;
  const fresh = `${restoring}${randomBytes(6).toString('hex')}`;
  const beside = dirname(fresh);
  try {
    makePrivateDirectory(paths.serverState);
    const source = asOwner(dirname(file), () => openPlain(file, { mayFollow: true }));
    const isTheirs = isOfServersUser(paths, file, source);
    putCopy(source, fresh);
    takeJournal(file, fresh);
    const carried = asOwner(beside, () => readFiles(fresh));
    const notTaken = isTheirs ? carried.filter((each) => isRoots(paths, each)) : [];
    const kept = carried.filter((each) => !notTaken.includes(each));
    asOwner(beside, () => beginEpoch(fresh, randomBytes(8).toString('hex'), wallSeconds()));
    const leftOut = layFiles(paths, kept);
    const before = asOwner(paths.serverState, () => {
      const name = setAside(paths.ledger, `${paths.ledger}.before-restore`);
      removeJournals(paths.ledger);
      return name;
    });
    try {
      putCopy(
        asOwner(beside, () => openPlain(fresh)),
        paths.ledger,
      );
    } catch (error) {
      if (before !== undefined) asOwner(paths.serverState, () => takeBack(before, paths.ledger));
      throw error;
    }
    return good(
      [
        (await sharesLog(paths.serverConfig)) ? RESTORED_BESIDE_LOG : RESTORED,
        ...(before === undefined
          ? []
          : [
              `The ledger that was here is kept: banshare-server restore ${before} takes it back. Remove it when all is well.`,
            ]),
        'Hosts, revocations, enrolment, tokens and never-ban are as they were then: revoke again whom you revoked since, also tokens; a host that enrolled since needs hosts admit, a token or client-install.sh once more.',
        ...sayLeftOut(leftOut),
        ...sayNotTaken(notTaken),
      ].join('\n'),
    );
  } catch (error) {
    return bad(`Cannot restore "${file}": ${(error as Error).message}`);
  } finally {
    asOwner(beside, () => {
      // With its journals, what the step from an older version keeps of it, and those of restores that were killed.
      const left = readdirSync(beside).filter((name) => name.startsWith(basename(restoring)));
      for (const name of left) rmSync(join(beside, name), { force: true });
    });
  }
}

const RESTORED =
  'Restored, with a new epoch. Start the server; the hosts that it knows converge by themselves.';
const RESTORED_BESIDE_LOG =
  'Restored, with a new epoch. It is not the ledger that the log of [ledger] in server.toml has, so that the server does not start with it yet. Stop all other servers of that log; here banshare-server ledger leave, start it, and banshare-server ledger move into another database, or the same one once it is emptied: DROP TABLE log, snapshots, parts. Then there, by a new invitation, banshare-server ledger join FILE.';

/**
 * Whether the server's user may have made a file, who may be an attacker that took the daemon over. A ledger that was set aside lies in his
 * folder, and carries no files as restore() made it.
 */
function isOfServersUser({ serverState }: HostPaths, file: string, source: number): boolean {
  const user = ownerOf(serverState)?.uid;
  return user !== undefined && [ownerOf(dirname(file))?.uid, fstatSync(source).uid].includes(user);
}

/** Whether a file of a backup belongs where only root may change it: what it says, as [backup] does, root runs. */
function isRoots(paths: HostPaths, file: KeptFile): boolean {
  const target = targetOf(paths, file);
  return target !== undefined && target.generation === undefined;
}

/** Gives a ledger that was set aside its name back, where a part of another may be by now. @throws the system's error. */
function takeBack(before: string, ledger: string): void {
  rmSync(ledger, { force: true });
  removeJournals(ledger);
  setAside(before, ledger);
}

/** What a server that was killed committed last is beside its ledger, also of one that a restore set aside. */
function takeJournal(file: string, fresh: string): void {
  const there = asOwner(dirname(file), () => existsSync(`${file}-wal`));
  if (there)
    putCopy(
      asOwner(dirname(file), () => openPlain(`${file}-wal`)),
      `${fresh}-wal`,
    );
}

/** Lays what a backup carries beside the ledger; returns what is left out. @throws the system's error. */
function layFiles(paths: HostPaths, kept: readonly KeptFile[]): string[] {
  const owner = ownerOf(paths.serverState);
  makePrivateDirectory(paths.generations);
  // What root restores belongs to the user that the server runs as: the one who owns its state already.
  if (owner !== undefined && ownerOf(paths.generations) === undefined) giveAway(paths.generations, owner);
  const leftOut: string[] = [];
  for (const file of kept) {
    const target = targetOf(paths, file);
    if (target === undefined) {
      leftOut.push(file.path);
      continue;
    }
    const { path, mode, generation } = target;
    asOwner(generation === undefined ? dirname(path) : paths.generations, () => {
      // The server's user reads what root has: server.toml and server.d.
      mkdirSync(dirname(path), { recursive: true, mode: generation === undefined ? 0o755 : 0o700 });
      writeAtomic(path, file.content, mode);
    });
  }
  return leftOut;
}

/**
 * Gives a folder of root's away with what of it is root's, from the inside out: what a folder holds is named only while nobody else
 * may change it. What is another's already stays as it is.
 */
function giveAway(folder: string, owner: Owner): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const file = lstatSync(path);
    if (file.uid !== 0) continue;
    if (file.isDirectory()) giveAway(path, owner);
    else lchownSync(path, owner.uid, owner.gid);
  }
  chownSync(folder, owner.uid, owner.gid);
}

function sayLeftOut(paths: readonly string[]): string[] {
  return paths.length === 0
    ? []
    : [`Left out, since they are no files of a server: ${oneLine(paths.join(', '))}`];
}

function sayNotTaken(files: readonly KeptFile[]): string[] {
  const names = oneLine(files.map(({ path }) => path).join(', '));
  return files.length === 0
    ? []
    : [
        `Not taken, since the server's user may have written the file: ${names}. What is here stays; where you know that file, copy it as root into a folder of root's, and restore the copy.`,
      ];
}

/** The daemon's word, and for nothing but to be read. */
function sayUnnoted(result: unknown): string[] {
  const { unnoted } = (result ?? {}) as { unnoted?: unknown };
  return typeof unnoted === 'string'
    ? [`It has what this server knows; that it was made stands in no audit log: ${oneLine(unnoted)}`]
    : [];
}
