import { closeSync, fstatSync, readFileSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import {
  complain,
  EXIT,
  fleetInUse,
  formatJoined,
  hostPaths,
  makePrivateDirectory,
  openPlain,
  parseToken,
  TOKEN_BEGINS,
  wallSeconds,
  writeAtomic,
  bakedFleet,
  type ClientConfig,
  type HostPaths,
  type JoinToken,
  type FleetNote,
} from '@banshare/runtime';
import { bad, good, type Result } from '@banshare/protocol';
import { setCloneAside } from '../identity/clone.ts';
import type { Enrolment } from '../identity/enrol.ts';
import { readEnrolled } from '../identity/key-files.ts';
import { layToken, removeToken } from '../identity/token-file.ts';
import { askDaemon } from './ask-daemon.ts';
import { enrolAtServers, isKnownThere, type Setup } from './enrol-now.ts';
import { readSetup } from './read-setup.ts';

/** A token has a few hundred characters, and a file of it some comments. */
const MOST_BYTES = 65_536;
const ANSWER_MS = 10_000;
const KEPT = '. The token is kept for the daemon, which goes on asking until the token ends';
const AS_ARGUMENT =
  'a token is never an argument: ps shows arguments to every user of this machine, and the shell keeps them. Give it to banshare-client join - on standard input, or in a file of mode 0600 by join --file FILE; revoke the one that was typed: banshare-server token revoke ID';

/** What became of a host that joins. `pending` waits for an operator; the daemon goes on where the server was not reached. */
export type Joined = {
  outcome: 'enrolled' | 'enrolled already' | 'pending' | 'not reached' | 'refused' | 'unusable';
  name: string;
  says: string;
  code: number;
};

/** Why a token that stands among the words of a command line is not taken; undefined where none does. */
export function refuseTokenWords(argv: readonly string[]): string | undefined {
  return argv.some((word) => word.includes(TOKEN_BEGINS)) ? AS_ARGUMENT : undefined;
}

/** `join`: takes this host into the fleet that a token names. */
export async function join(
  root: string,
  configPath: string | undefined,
  from: { file: string } | 'standard input',
): Promise<Joined> {
  const paths = hostPaths(root);
  const read = await readText(from);
  const token = read.ok ? parseToken(read.value) : read;
  if (!token.ok) return unusable(EXIT.badAddress, `Cannot join: ${token.fault}`);
  const { until, id } = token.value;
  if (until <= wallSeconds())
    return unusable(
      EXIT.failed,
      `Cannot join: the token ${id} ended at ${time(until)}; banshare-server token add makes another`,
    );
  try {
    if (setCloneAside(paths)) say('this machine is a clone: the key of the original is set aside');
    makePrivateDirectory(paths.keys.dir);
    const putBack = placeOf(paths);
    const placed = await placeFleet(paths, configPath, token.value);
    if (!placed.ok) {
      putBack();
      return unusable(EXIT.configuration, `Cannot join: ${placed.fault}`);
    }
    const joined = await joinBy(paths, placed.value, read.ok ? read.value : '', token.value);
    const where = settlePlace(paths, joined.outcome, putBack);
    return { ...joined, says: `${joined.says}${where}${await wakeDaemon(paths)}` };
  } catch (error) {
    return unusable(EXIT.failed, `Cannot join: ${(error as Error).message}; run it as root`);
  }
}

/**
 * Where a host stays that has not joined, in words. A token that is of no use, or of nowhere, takes no host out of the fleet where it is;
 * one that is in none may be admitted there by its key.
 */
function settlePlace(paths: HostPaths, outcome: Joined['outcome'], putBack: () => boolean): string {
  if (outcome !== 'refused' && outcome !== 'not reached') return '';
  if (!readEnrolled(paths).ok || !putBack()) return outcome === 'not reached' ? KEPT : '';
  removeToken(paths);
  return '. This host stays in the fleet where it is, and the token is not kept';
}

/** A token lies in a plain file of whoever calls, or root's, that nobody else reads. */
async function readText(from: { file: string } | 'standard input'): Promise<Result<string>> {
  try {
    if (from === 'standard input') return await readInput();
    const file = openPlain(from.file);
    try {
      const { uid, mode, size } = fstatSync(file);
      const isOwn = uid === 0 || uid === process.geteuid?.();
      if (!isOwn)
        return bad(
          `${from.file} is another user's file: give the token on standard input, join - <${from.file}`,
        );
      if ((mode & 0o077) !== 0)
        return bad(
          `others may read ${from.file}, and so may have the token: chmod 0600 it, or make another token`,
        );
      if (size > MOST_BYTES) return bad(`${from.file} is too long for a token`);
      return good(readFileSync(file, 'utf8'));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return bad((error as Error).message);
  }
}

async function readInput(): Promise<Result<string>> {
  if (process.stdin.isTTY === true)
    say('reads the token from this terminal: paste it, then Enter and Ctrl-D');
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MOST_BYTES) return bad('standard input is too long for a token');
  }
  return good(Buffer.concat(chunks).toString('utf8'));
}

/** What this host knows of its fleet now, to be put back; that returns whether it was another meanwhile. */
function placeOf({ joined, fleetNote }: HostPaths): () => boolean {
  const files = [
    { path: joined, mode: 0o644 },
    { path: fleetNote, mode: 0o600 },
  ].map((file) => ({ ...file, text: textAt(file.path) }));
  return () => {
    const changed = files.filter(({ path, text }) => textAt(path) !== text);
    for (const { path, mode, text } of changed) {
      if (text === undefined) rmSync(path, { force: true });
      else writeAtomic(path, text, mode);
    }
    return changed.length > 0;
  };
}

function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Notes where the token's fleet is, unless this host knows it; what client.toml says counts more, and may not be of another fleet. */
async function placeFleet(
  paths: HostPaths,
  configPath: string | undefined,
  token: JoinToken,
): Promise<Result<Setup>> {
  const known = fleetInUse(paths);
  if (!isSame(known, token) && !isNewer(known, token)) {
    const { generation, servers, reportPort, publishPort, serverPublicKey } = token;
    const fleet = { generation, servers, reportPort, publishPort, serverPublicKey };
    writeAtomic(paths.joined, formatJoined({ ...fleet, insteadOf: bakedFleet?.generation ?? null }), 0o644);
    // Of what this host went by before nothing counts.
    rmSync(paths.fleetNote, { force: true });
  }
  const setup = await readSetup(paths.root, configPath);
  if (setup === undefined) return bad('the configuration has a fault');
  const { serverPublicKey } = setup.config;
  return serverPublicKey !== undefined && serverPublicKey !== token.serverPublicKey
    ? bad(
        'client.toml names another server than the token: remove server-public-key, server, report-port and publish-port there',
      )
    : good(setup);
}

function isSame(known: FleetNote | undefined, token: JoinToken): boolean {
  if (known === undefined) return false;
  const { reportPort, publishPort, serverPublicKey } = known;
  const isThere = reportPort === token.reportPort && publishPort === token.publishPort;
  return isThere && serverPublicKey === token.serverPublicKey && isOfFleet(known, token);
}

/** A token of before the last generation: the program knows where the same servers are by now. */
function isNewer(known: FleetNote | undefined, token: JoinToken): boolean {
  return known !== undefined && known.generation > token.generation && isOfFleet(known, token);
}

function isOfFleet({ servers }: FleetNote, token: JoinToken): boolean {
  return servers.length === token.servers.length && servers.every((name) => token.servers.includes(name));
}

async function joinBy(paths: HostPaths, setup: Setup, text: string, { id }: JoinToken): Promise<Joined> {
  const known = readEnrolled(paths);
  if (known.ok && (await isKnownThere(paths, setup, known.value))) {
    const { name } = known.value;
    const says = `This host is in the fleet already, as ${name}. The token ${id} was not used.`;
    return { outcome: 'enrolled already', name, says, code: EXIT.done };
  }
  const wanted = known.ok ? known.value.name : nameOf(setup.config);
  layToken(paths, tokenLine(text));
  const result = await enrolAtServers(paths, setup, wanted);
  const joined = outcomeOf(result, wanted);
  if (joined.outcome !== 'not reached') removeToken(paths);
  return joined;
}

function outcomeOf(result: Enrolment, wanted: string): Joined {
  if (result.ok) {
    const { name } = result.key;
    return { outcome: 'enrolled', name, says: `Enrolled as ${name}.`, code: EXIT.done };
  }
  const { code, kind, reason } = result;
  if (code === 'pending')
    return {
      outcome: 'pending',
      name: wanted,
      says: `Asked to join. ${reason}; this host goes on by itself after that.`,
      code: EXIT.done,
    };
  if (kind === 'no')
    return { outcome: 'refused', name: wanted, says: `Not joined: ${reason}`, code: EXIT.failed };
  return { outcome: 'not reached', name: wanted, says: `Not joined yet: ${reason}`, code: EXIT.notNow };
}

function nameOf({ name }: ClientConfig): string {
  return name ?? hostname();
}

function tokenLine(text: string): string {
  return text.split('\n').find((line) => line.trim().startsWith(TOKEN_BEGINS)) ?? '';
}

/** Has a running daemon go by what was joined, and says where none runs. */
async function wakeDaemon(paths: HostPaths): Promise<string> {
  const reply = await askDaemon(paths, { command: 'joined' }, ANSWER_MS);
  if (reply.ok) return '';
  if (reply.code === 'no-daemon')
    return ' banshare-client does not run here: systemctl enable --now banshare-client';
  return ` Restart banshare-client, which runs here and has not heard of it: ${reply.reason}`;
}

function unusable(code: number, says: string): Joined {
  return { outcome: 'unusable', name: '', says, code };
}

function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}

function say(text: string): void {
  complain('banshare-client', text);
}
