import { existsSync, rmSync } from 'node:fs';
import { enrolmentText, parseHostName, type Envelope, type HostName } from '@banshare/protocol';
import type { HostPaths } from '@banshare/runtime';
import {
  JoinProof,
  PUBLIC_SUFFIX,
  readHostKey,
  readSecretSections,
  SECRET_SUFFIX,
  writeHostKey,
  type Answer,
  type CurvePair,
  type HostKey,
} from '@banshare/transport';
import { ownHostKey } from './host-key.ts';
import { readToken, removeToken } from './token-file.ts';
import { ServerLink, type ServerAddress } from '../server/server-link.ts';
import type { EnrolledKey } from './key-files.ts';

/**
 * `wait`: the server is not there or a person has to approve; `no`: trying again will not help. `after` is how many seconds the
 * server asks to wait.
 */
export type Enrolment =
  | { ok: true; key: EnrolledKey }
  | { ok: false; kind: 'wait' | 'no'; code: string; reason: string; after?: number };

const TIMEOUT_MS = 5000;

/**
 * Enrols this host: makes its key here, asks the server by a token, over the join key, or over its own, which an operator may have
 * admitted, and once accepted writes the name it was given and deletes those secrets, which open the door to anybody who reads them.
 */
export async function enrol(
  paths: HostPaths,
  server: ServerAddress,
  wanted: string,
  addresses: readonly string[],
): Promise<Enrolment> {
  const name = parseHostName(wanted);
  if (!name.ok)
    return { ok: false, kind: 'no', code: 'name', reason: `${name.fault}; set name in client.toml` };
  const join = hasJoinKey(paths) ? readSecretSections(paths.keys.join) : undefined;
  if (join?.ok === false) {
    const reason = `${join.fault}. Run the client installer of this fleet`;
    return { ok: false, kind: 'no', code: 'join-key', reason };
  }
  const own = await ownHostKey(paths);
  if (!own.ok) return { ok: false, kind: 'no', code: 'host-key', reason: own.fault };
  const key = own.value;
  const asked = { server, key, name: name.value, addresses };
  const token = readToken(paths);
  const secrets: Secret[] = [
    ...(token === undefined ? [] : [{ curve: token.secret, token: token.id }]),
    ...(join === undefined ? [] : [{ curve: join.value.curve }]),
  ];
  const result = await askByEach(asked, secrets);
  if (token !== undefined && isOver(result)) removeToken(paths);
  if (!result.ok) return result;
  const inFile = readHostKey(paths.keys.host);
  // The daemon may have gone over to another key meanwhile: written over, that one would be lost, and this host shut out.
  if (inFile.ok && inFile.value.publicHex !== key.publicHex) {
    const reason = 'the key of this host was changed while the server was asked';
    return { ok: false, kind: 'wait', code: 'key-changed', reason };
  }
  const isKept = inFile.ok && inFile.value.name === result.key.name;
  if (!isKept) writeHostKey(paths.keys.host, key, result.key.name);
  removeJoinKey(paths);
  return result;
}

/** Who asks for what, and where. */
type Asked = { server: ServerAddress; key: HostKey; name: HostName; addresses: readonly string[] };

/** What this host may show: the join pair of an installer, or that of the token of an id. */
type Secret = { curve: CurvePair; token?: string };

/** Asks by each secret until one opens the door, and else over the host's own key, by which an operator may have admitted it. */
async function askByEach(asked: Asked, secrets: readonly Secret[]): Promise<Enrolment> {
  let shut: (Enrolment & { ok: false }) | undefined;
  for (const secret of secrets) {
    const result = enrolmentOf(await ask(asked, secret), asked.key);
    if (result.ok || result.code !== 'not-admitted') return result;
    shut ??= secret.token === undefined ? result : { ...result, reason: sayTokenShut(secret.token) };
  }
  return byOwnKey(asked, shut);
}

function sayTokenShut(id: string): string {
  return `the server lets nobody in by the token ${id}: it has ended, is used up, was revoked or is not for this address (banshare-server token list says which), or the server is of a version that knows no tokens`;
}

/** Whether a token that was shown is of no more use: this host is in, waits for a person, or will not be taken by it. */
function isOver(result: Enrolment): boolean {
  if (result.ok || result.code === 'pending') return true;
  return result.kind === 'no' && result.code !== 'not-admitted';
}

/** Asks over a secret, with the proof that this host has it, or over the host's own key. */
async function ask({ server, key, name, addresses }: Asked, secret?: Secret): Promise<Answer> {
  const link = new ServerLink(server, key, secret?.curve);
  const of = secret?.token === undefined ? 'join key' : 'token';
  const proof =
    secret === undefined ? undefined : new JoinProof(secret.curve.secretKey, server.serverKey, of);
  const token = secret?.token === undefined ? {} : { token: secret.token };
  const proven = (envelope: Envelope): { join?: string; token?: string } =>
    proof === undefined ? {} : { join: proof.of(enrolmentText(envelope, name)), ...token };
  const answer = await link.ask(
    (envelope) => ({ kind: 'enrol', name, addresses, ...proven(envelope) }),
    TIMEOUT_MS,
  );
  link.close();
  return answer;
}

/** Asks over the host's own key; `shut` is why what else it has opens nothing. */
async function byOwnKey(asked: Asked, shut: (Enrolment & { ok: false }) | undefined): Promise<Enrolment> {
  const answer = enrolmentOf(await ask(asked), asked.key);
  if (answer.ok || answer.code !== 'not-admitted') return answer;
  const why =
    shut === undefined
      ? `the server does not let this host's key in: it does not know it, or it waits for hosts approve ${asked.name}`
      : shut.reason;
  const line = `${asked.name} ${asked.key.publicHex}`;
  const reason = `${why}. On the server:  echo "${line}" | banshare-server hosts admit -`;
  return { ...answer, kind: shut === undefined ? 'wait' : 'no', reason };
}

/**
 * Asks a server that does not admit this host's key to take it in again, by the name it had; undefined where there is no join
 * key to ask with. A revoked key stays refused.
 */
export async function enrolAnew(
  paths: HostPaths,
  server: ServerAddress,
  key: EnrolledKey,
  addresses: readonly string[],
): Promise<Enrolment | undefined> {
  return hasJoinKey(paths) || readToken(paths) !== undefined
    ? enrol(paths, server, key.name, addresses)
    : undefined;
}

function enrolmentOf(answer: Answer, key: HostKey): Enrolment {
  if (!answer.ok) {
    const isNo = answer.fault === 'not-admitted';
    const reason = isNo
      ? 'the server does not admit the join key: enrolment is closed, or the generation is another'
      : answer.reason;
    return { ok: false, kind: isNo ? 'no' : 'wait', code: answer.fault, reason };
  }
  const { status, verdict, reason = verdict, code = verdict, fields } = answer.reply;
  const given = parseHostName(typeof fields['name'] === 'string' ? fields['name'] : '');
  if (status !== 'OK' || verdict !== 'accepted' || !given.ok) {
    const { after } = answer.reply;
    const kind = status === 'REFUSED' ? 'no' : 'wait';
    return { ok: false, kind, code, reason, ...(after === undefined ? {} : { after }) };
  }
  return { ok: true, key: { ...key, name: given.value } };
}

/** Whether this host has a key to enrol with. */
export function hasJoinKey(paths: HostPaths): boolean {
  return existsSync(paths.keys.join + SECRET_SUFFIX);
}

/** Deletes this host's copy of the join pair. */
export function removeJoinKey(paths: HostPaths): void {
  for (const suffix of [SECRET_SUFFIX, PUBLIC_SUFFIX]) rmSync(paths.keys.join + suffix, { force: true });
}
