import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
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
import { leaveLog, setAside, stateOf } from '../../ledger/books/backup-file.ts';
import { parseDatabaseUrl } from '../../log/database-url.ts';
import { ACTIONS } from '../../operator/actions.ts';
import { sharesLog } from '../../setup/shared-log.ts';
import { formatInvitation, parseInvitation } from './invitation.ts';
import { withLedgerLines, type LedgerLines } from './ledger-lines.ts';

/*
 * Run by root. What belongs to the server's user is done with that user's rights, as in backup.ts; server.toml is root's.
 */

/** Where the commands work: paths, and the server.toml that counts. */
export type Installation = { readonly paths: HostPaths; readonly config: string };

const AS_BEFORE = ' Nothing was moved: the server goes on with the ledger of its own';

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
    if (!moved.ok) return bad(moved.code === 'log' ? `${moved.reason}.${AS_BEFORE}` : moved.reason);
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
    if (existsSync(file) && !isInvitation(file))
      return bad(
        `Cannot invite: "${file}" is there already, and is no invitation; name a file that is not there yet`,
      );
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

/** An earlier one may be replaced. */
function isInvitation(file: string): boolean {
  try {
    return parseInvitation(asOwner(dirname(file), () => privateText(file))).ok;
  } catch {
    return false;
  }
}

/** Makes this machine's server, which does not run, a further one of an invitation; its ledger of before stays beside. */
export async function joinLedger({ paths, config }: Installation, file: string): Promise<Result<string>> {
  const running = await whyRunning(paths);
  if (running !== undefined) return bad(running);
  if (!existsSync(paths.generations))
    return bad(
      'Cannot join: there is no server on this machine yet; install it first, by server-install.sh or the package',
    );
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
    const kept = existsSync(paths.serverState)
      ? asOwner(paths.serverState, () => setAside(paths.ledger, `${paths.ledger}.before-join`))
      : undefined;
    writeLines(config, { log, durability, passwordFile });
    const { rootCertificate } = location.value;
    const more = rootCertificate === undefined ? '' : ` It needs ${rootCertificate} here too.`;
    return good(
      [
        `Joined. Start the server: systemctl start banshare-server.${more} Then remove ${file}.`,
        ...(kept === undefined
          ? []
          : [`The ledger that was here is kept, as ${kept}: remove it when all is well.`]),
      ].join('\n'),
    );
  } catch (error) {
    return bad(`Cannot join: ${(error as Error).message}`);
  }
}

/** Makes the ledger of this server, which does not run, one of its own again, in an epoch of its own. */
export async function leaveLedger({ paths, config }: Installation): Promise<Result<string>> {
  const running = await whyRunning(paths);
  if (running !== undefined) return bad(running);
  try {
    const refusal = await whyNotLeave(paths, config);
    if (refusal !== undefined) return bad(refusal);
    asOwner(paths.serverState, () => leaveLog(paths.ledger, randomBytes(8).toString('hex'), wallSeconds()));
    writeLines(config, undefined);
  } catch (error) {
    return bad(`Cannot leave: ${(error as Error).message}`);
  }
  return good(
    'This server has a ledger of its own now, with a new epoch. Start it; hosts compare and repair. Stop the other servers first, or take them out of the hosts: from now on they have another ledger.',
  );
}

/** A ledger that is its server's own would begin another epoch for nothing, and an empty one would have hosts lift all that they have. */
async function whyNotLeave({ ledger, serverState }: HostPaths, config: string): Promise<string | undefined> {
  const [isThere, isReplica, kept] = existsSync(serverState)
    ? asOwner(serverState, () => {
        const state = stateOf(ledger);
        const isOne = existsSync(ledger) && (state === undefined || state.applied.n > 0);
        return [existsSync(ledger), isOne, existsSync(`${ledger}.before-join`)];
      })
    : [false, false, false];
  if (!isReplica && !(await sharesLog(config)))
    return 'Cannot leave: this server shares no log, its ledger is its own; nothing was changed';
  if (isThere) return undefined;
  const or = kept
    ? ` Or take the lines of the log out of [ledger] in server.toml, and have the ledger of before back: banshare-server restore ${ledger}.before-join`
    : '';
  return `Cannot leave: this server has nothing yet of the ledger that it joined. Start it, so that it has what the others have; then stop it, and leave.${or}`;
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
