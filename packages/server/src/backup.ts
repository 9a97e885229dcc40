import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { bad, good, type Result } from '@banshare/protocol';
import { askAdmin, writeAtomic, type HostPaths, wallSeconds } from '@banshare/runtime';
import { addFiles, beginEpoch, readFiles, type KeptFile } from './backup-file.ts';

/**
 * Backs a running server up into one file of mode 0600: its ledger with hosts and outcomes, every generation's keys, and
 * server.toml. The daemon copies its ledger, since nobody else may open it; the rest this command reads itself.
 */
export async function backUp(
  paths: HostPaths,
  file: string,
): Promise<Result<string> & { isWithoutDaemon?: boolean }> {
  const reply = await askAdmin(paths.serverSocket, { command: 'copy-ledger' }, 600_000);
  if (!reply.ok) return { ...bad(reply.reason), isWithoutDaemon: reply.code === 'no-daemon' };
  const { path: copy } = reply.result as { path: string };
  try {
    addFiles(copy, filesToKeep(paths));
    writeAtomic(file, readFileSync(copy), 0o600);
    return good(
      `Everything of this server is in ${file}. It holds secret keys: keep it as safe as the server.`,
    );
  } catch (error) {
    return bad(`Cannot back up to "${file}": ${(error as Error).message}`);
  } finally {
    rmSync(copy, { force: true });
  }
}

/**
 * Restores a backup on this machine, beside no running server. The ledger begins a new epoch: every host then compares what it
 * has with what is restored, and repairs the difference.
 */
export async function restore(paths: HostPaths, file: string): Promise<Result<string>> {
  const running = await askAdmin(paths.serverSocket, { command: 'ping' }, 5000);
  if (running.ok || running.code !== 'no-daemon') {
    return bad('Cannot restore beside a running server: stop it first (systemctl stop banshare-server)');
  }
  const fresh = `${paths.ledger}.restoring`;
  try {
    const kept = readFiles(file);
    mkdirSync(paths.serverState, { recursive: true, mode: 0o700 });
    copyFileSync(file, fresh);
    chmodSync(fresh, 0o600);
    beginEpoch(fresh, randomBytes(8).toString('hex'), wallSeconds());
    for (const { path, mode, content } of kept) lay(paths, path, mode, content);
    for (const suffix of ['-wal', '-shm']) rmSync(paths.ledger + suffix, { force: true });
    writeAtomic(paths.ledger, readFileSync(fresh), 0o600);
    giveTo(paths, kept);
    return good('Restored, with a new epoch. Start the server; the hosts converge by themselves.');
  } catch (error) {
    return bad(`Cannot restore "${file}": ${(error as Error).message}`);
  } finally {
    rmSync(fresh, { force: true });
  }
}

/** Everything beside the ledger, by its path below the generations' folder, or `server.toml`. */
function filesToKeep(paths: HostPaths): KeptFile[] {
  const files: KeptFile[] = [];
  for (const generation of readdirSync(paths.generations)) {
    const directory = join(paths.generations, generation);
    if (generation.startsWith('.') || !statSync(directory).isDirectory()) continue;
    for (const name of readdirSync(directory))
      files.push(readKept(join(directory, name), `generations/${generation}/${name}`));
  }
  if (statSync(paths.serverConfig, { throwIfNoEntry: false }) !== undefined) {
    files.push(readKept(paths.serverConfig, 'server.toml'));
  }
  return files;
}

function readKept(from: string, path: string): KeptFile {
  return { path, mode: statSync(from).mode & 0o777, content: readFileSync(from) };
}

/** A path in a backup names one of our own places, or it is refused: the file may have been tampered with. */
function placeOf(paths: HostPaths, path: string): string {
  if (path === 'server.toml') return paths.serverConfig;
  if (/^generations\/[A-Za-z0-9][A-Za-z0-9-]*\/[a-z][a-z_.]*$/.test(path)) {
    return join(paths.generations, path.slice('generations/'.length));
  }
  throw new Error(`it holds a file with the unknown place "${path}"`);
}

function lay(paths: HostPaths, path: string, mode: number, content: Uint8Array): void {
  const place = placeOf(paths, path);
  mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
  writeAtomic(place, content, mode & 0o777);
}

/** What root restores belongs to the user that the server runs as: the one who owns its state already. */
function giveTo(paths: HostPaths, kept: readonly KeptFile[]): void {
  const { uid, gid } = statSync(paths.serverState);
  if (process.getuid?.() !== 0 || uid === 0) return;
  chownSync(paths.ledger, uid, gid);
  for (const { path } of kept) {
    if (path === 'server.toml') continue;
    chownSync(placeOf(paths, path), uid, gid);
    chownSync(dirname(placeOf(paths, path)), uid, gid);
  }
}
