import { existsSync, rmSync } from 'node:fs';
import { enrolmentText, parseHostName, type Result } from '@banshare/protocol';
import { makePrivateDirectory, type HostPaths } from '@banshare/runtime';
import {
  JoinProof,
  makeIdentity,
  PUBLIC_SUFFIX,
  readHostKey,
  readSecretSections,
  SECRET_SUFFIX,
  writeHostKey,
  type Answer,
  type HostKey,
} from '@banshare/transport';
import { machineHash, noteMachine } from './clone.ts';
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
 * Enrols this host over the join key: makes its key here, asks the server, and once accepted writes the name it was given and
 * deletes the join key's secret, which opens the door to anybody who reads it.
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
  const made = readMade(paths);
  if (made?.ok === false) return { ok: false, kind: 'no', code: 'host-key', reason: made.fault };
  const join = readSecretSections(paths.keys.join);
  if (!join.ok) {
    const reason = `${join.fault}. Run the client installer of this fleet`;
    return { ok: false, kind: 'no', code: 'join-key', reason };
  }
  const key = made?.value ?? (await makeHostKey(paths));
  const link = new ServerLink(server, key, join.value.curve);
  const proof = new JoinProof(join.value.curve.secretKey, server.serverKey);
  const answer = await link.ask(
    (envelope) => ({
      kind: 'enrol',
      name: name.value,
      addresses,
      join: proof.of(enrolmentText(envelope, name.value)),
    }),
    TIMEOUT_MS,
  );
  link.close();
  const result = enrolmentOf(answer, key);
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
  return hasJoinKey(paths) ? enrol(paths, server, key.name, addresses) : undefined;
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

/**
 * The key made at an earlier try, so that the server meets one host and not one for each try. One that is there and cannot be
 * read is a fault, never replaced: it may be this host's identity.
 */
function readMade(paths: HostPaths): Result<HostKey> | undefined {
  return existsSync(paths.keys.host + SECRET_SUFFIX) ? readHostKey(paths.keys.host) : undefined;
}

async function makeHostKey(paths: HostPaths): Promise<HostKey> {
  makePrivateDirectory(paths.keys.dir);
  const identity = await makeIdentity();
  // Before the key: a key without this note would never be known as a clone's.
  noteMachine(paths, machineHash(paths.machineId));
  writeHostKey(paths.keys.host, identity);
  return identity;
}
