import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bad, good, type Result } from '@banshare/protocol';
import {
  asOwner,
  askBy,
  readPrivate,
  wallSeconds,
  writeAtomic,
  writePrivate,
  type HostPaths,
  type ServerConfig,
} from '@banshare/runtime';
import { leaveLog } from '../../ledger/books/backup-file.ts';
import { parseDatabaseUrl } from '../../log/database-url.ts';
import { ACTIONS } from '../../operator/actions.ts';
import { formatInvitation, parseInvitation } from './invitation.ts';
import { withLedgerLines, type LedgerLines } from './ledger-lines.ts';

/*
 * Run by root. What belongs to the server's user is done with that user's rights, as in backup.ts; server.toml is root's.
 */

/** Where the commands work: paths, and the server.toml that counts. */
export type Installation = { readonly paths: HostPaths; readonly config: string };

/** Has the running server put its ledger into a log, names that in server.toml, and has it start again on it. */
export async function moveLedger(
  { paths, config }: Installation,
  lines: LedgerLines,
): Promise<Result<string>> {
  const location = parseDatabaseUrl(lines.log);
  if (!location.ok) return bad(`Cannot move the ledger to that log: the URL ${location.fault}`);
  try {
    asOwner(paths.generations, () => {
      if (!existsSync(paths.ledgerSecret))
        writePrivate(paths.ledgerSecret, `${randomBytes(32).toString('hex')}\n`);
    });
    const { passwordFile, ...rest } = lines;
    const args = { ...rest, ...(passwordFile === undefined ? {} : { passwordFile }) };
    const moved = await askBy(ACTIONS, paths.serverSocket, { command: 'move-ledger', args }, 600_000);
    if (!moved.ok) return bad(moved.reason);
    writeLines(config, lines);
  } catch (error) {
    return bad(`Cannot move the ledger: ${(error as Error).message}`);
  }
  const again = await askBy(ACTIONS, paths.serverSocket, { command: 'start-again' }, 60_000);
  return good(
    again.ok
      ? 'The ledger is in the log now, and the server starts again on it. For a further server: banshare-server ledger invite FILE'
      : 'The ledger is in the log now. Start the server again: systemctl restart banshare-server',
  );
}

/** Writes what a further server needs into a file of mode 0600. */
export function invite({ paths }: Installation, { ledger }: ServerConfig, file: string): Result<string> {
  if (ledger.log === undefined)
    return bad('Cannot invite: this server shares no log; see banshare-server ledger move');
  try {
    const [secret, password] = asOwner(paths.generations, () => [
      privateText(paths.ledgerSecret),
      ledger.passwordFile === undefined ? undefined : privateText(ledger.passwordFile),
    ]);
    const { log, durability } = ledger;
    const text = formatInvitation({ log, durability, secret: secret ?? '', password });
    asOwner(dirname(file), () => writePrivate(file, text));
  } catch (error) {
    return bad(`Cannot invite: ${(error as Error).message}`);
  }
  return good(
    `Bring ${file} to the further server by a way that you trust, run there banshare-server ledger join FILE, and remove it: whoever has it can write this ledger.`,
  );
}

/** Makes this machine's server, which does not run, a further one of an invitation; its ledger of before stays beside. */
export async function joinLedger({ paths, config }: Installation, file: string): Promise<Result<string>> {
  const running = await whyRunning(paths);
  if (running !== undefined) return bad(running);
  try {
    const invitation = parseInvitation(asOwner(dirname(file), () => privateText(file)));
    if (!invitation.ok) return bad(`Cannot join: ${file} ${invitation.fault}`);
    const { log, durability, secret, password } = invitation.value;
    const location = parseDatabaseUrl(log);
    if (!location.ok) return bad(`Cannot join: the log of ${file} ${location.fault}`);
    const passwordFile = password === undefined ? undefined : join(paths.generations, 'ledger.password');
    asOwner(paths.generations, () => {
      writePrivate(paths.ledgerSecret, `${secret}\n`);
      if (passwordFile !== undefined) writePrivate(passwordFile, `${password}\n`);
    });
    asOwner(paths.serverState, () => {
      for (const suffix of ['-wal', '-shm', ''])
        if (existsSync(paths.ledger + suffix))
          renameSync(paths.ledger + suffix, `${paths.ledger}.before-join${suffix}`);
    });
    writeLines(config, { log, durability, passwordFile });
    const { rootCertificate } = location.value;
    const more = rootCertificate === undefined ? '' : ` It needs ${rootCertificate} here too.`;
    return good(`Joined. Start the server: systemctl start banshare-server.${more} Then remove ${file}.`);
  } catch (error) {
    return bad(`Cannot join: ${(error as Error).message}`);
  }
}

/** Makes the ledger of this server, which does not run, one of its own again, in an epoch of its own. */
export async function leaveLedger({ paths, config }: Installation): Promise<Result<string>> {
  const running = await whyRunning(paths);
  if (running !== undefined) return bad(running);
  try {
    asOwner(paths.serverState, () => leaveLog(paths.ledger, randomBytes(8).toString('hex'), wallSeconds()));
    writeLines(config, undefined);
  } catch (error) {
    return bad(`Cannot leave: ${(error as Error).message}`);
  }
  return good(
    'This server has a ledger of its own now, with a new epoch. Start it; hosts compare and repair. Stop the other servers first, or take them out of the hosts: from now on they have another ledger.',
  );
}

function writeLines(config: string, lines: LedgerLines | undefined): void {
  asOwner(dirname(config), () => {
    const mode = statSync(config, { throwIfNoEntry: false })?.mode ?? 0o644;
    const before = existsSync(config) ? readFileSync(config, 'utf8') : '';
    writeAtomic(config, withLedgerLines(before, lines), mode & 0o777);
  });
}

/** Why it cannot be done now, where a server runs, or may. */
export async function whyRunning(paths: HostPaths): Promise<string | undefined> {
  const running = await askBy(ACTIONS, paths.serverSocket, { command: 'ping' }, 5000);
  return running.ok || running.code !== 'no-daemon'
    ? 'Cannot do that beside a running server: stop it first (systemctl stop banshare-server)'
    : undefined;
}

function privateText(path: string): string {
  const read = readPrivate(path);
  if (!read.ok) throw new Error(read.fault);
  return read.value.toString('utf8').replace(/\r?\n$/, '');
}
