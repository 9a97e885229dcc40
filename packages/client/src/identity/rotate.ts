import { randomBytes } from 'node:crypto';
import { EMPTY_TAIL, rotationText } from '@banshare/protocol';
import {
  type AdminReply,
  failpoint,
  type HostPaths,
  type ServerEndpoint,
  wallSeconds,
} from '@banshare/runtime';
import { readHostKey, Requester, seal, Signer, type Answer, type Identity } from '@banshare/transport';
import { dropNextKey, type EnrolledKey, nextKey, putNextKey, readEnrolled, tidyKeys } from './key-files.ts';
import { isClone, machineHash } from './clone.ts';
import { ServerLink, type ServerAddress } from '../server/server-link.ts';
import { locateServer } from '../server/server-address.ts';
import { firstThatCounts } from '../server/server-choice.ts';

/** `says` and `reason` are for people. `no-key`: this host has none to sign with; `no-server`: trying again later helps. */
export type Rotated =
  { ok: true; says: string } | { ok: false; code: 'no-key' | 'no-server' | 'refused'; reason: string };

const TIMEOUT_MS = 5000;

/**
 * Goes over to a new key: makes it, has the server let it in beside the one that counts, puts it in place, and speaks with it,
 * by which the one before is shut out. Killed at any moment, this host has a key that is let in, and the next try goes on.
 * @param adopt hears of the key once it is in place, before it is used.
 * @throws the system's error where a key cannot be written.
 */
export async function rotate(
  paths: HostPaths,
  server: ServerAddress,
  adopt: (key: EnrolledKey) => void,
): Promise<Rotated> {
  const own = readEnrolled(paths);
  if (!own.ok) return { ok: false, code: 'no-key', reason: `${own.fault}; see banshare-client status` };
  if (isClone(paths, machineHash(paths.machineId))) {
    const reason = 'the key here is that of the machine this one was cloned from; run banshare-client enrol';
    return { ok: false, code: 'no-key', reason };
  }
  tidyKeys(paths, own.value);
  const next = await nextKey(paths, own.value);
  failpoint('rotating');
  let answer = await askToRotate(server, own.value, next);
  if (isShutOut(answer) && (await comeBack(paths, server, own.value))?.publicHex === own.value.publicHex)
    answer = (await speak(server, own.value)) ? await askToRotate(server, own.value, next) : answer;
  failpoint('rotating');
  // Put over the other's key, this one might be none that the server lets in.
  const other = keyPutMeanwhile(paths, own.value);
  if (other !== undefined)
    return goByOther({ paths, server, adopt }, { own: own.value, next, other, answer });
  const fault = faultOf(answer, paths);
  if (fault !== undefined) return fault;
  const key = putNextKey(paths, own.value, next);
  adopt(key);
  failpoint('rotating');
  return { ok: true, says: `${key.name} has a new key. ${sayUse(await speak(server, key))}` };
}

function sayUse(isUsed: boolean): string {
  return isUsed
    ? 'The server goes by it, and shuts the one before out.'
    : 'The server has not heard it yet: the one before counts until it does.';
}

/** The key that this host's file has by now, where that is another than the one read before. */
function keyPutMeanwhile(paths: HostPaths, own: EnrolledKey): EnrolledKey | undefined {
  const inFile = readEnrolled(paths);
  return inFile.ok && inFile.value.publicHex !== own.publicHex ? inFile.value : undefined;
}

/** Another rotation on this host was faster: its key is what was asked for, and the one made here is forgotten. */
async function goByOther(
  { paths, server, adopt }: { paths: HostPaths; server: ServerAddress; adopt: (key: EnrolledKey) => void },
  { own, next, other, answer }: { own: Identity; next: Identity; other: EnrolledKey; answer: Answer },
): Promise<Rotated> {
  const left = readHostKey(paths.keys.hostNext);
  if (left.ok && left.value.publicHex === next.publicHex) dropNextKey(paths);
  // The server has taken this one for the next key, in the other's place: it hears of that once more.
  const isReplaced = answer.ok && answer.reply.status === 'OK' && next.publicHex !== other.publicHex;
  if (isReplaced) await askToRotate(server, own, other);
  adopt(other);
  const says = `${other.name} has a new key: another rotation put it in place meanwhile.`;
  return { ok: true, says: `${says} ${sayUse(await speak(server, other))}` };
}

/**
 * What to go on with where the server does not let this host's key in: the key that its file has by now; or the same key, where
 * the server was restored from a backup older than the last rotation: it still knows the key before, which introduces this one
 * once more. Undefined where neither helps. @param own the key that was refused.
 */
export async function comeBack(
  paths: HostPaths,
  server: ServerAddress,
  own: EnrolledKey,
): Promise<EnrolledKey | undefined> {
  const other = keyPutMeanwhile(paths, own);
  if (other !== undefined) return other;
  const before = readHostKey(paths.keys.hostBefore);
  if (!before.ok || before.value.publicHex === own.publicHex) return undefined;
  const answer = await askToRotate(server, before.value, own);
  return answer.ok && answer.reply.status === 'OK' ? own : undefined;
}

/** Asks as the key that counts, with the next one's proof; once more by the server's clock where this host's is wrong. */
async function askToRotate(server: ServerAddress, own: Identity, next: Identity): Promise<Answer> {
  const { reportEndpoint: endpoint, serverKey } = server;
  const requester = new Requester({ endpoint, serverKey, curve: own.curve });
  const ask = (at: number): Promise<Answer> => {
    const id = randomBytes(16).toString('hex');
    const envelope = { id, at, key: own.publicHex, to: serverKey };
    const proof = new Signer(next.seedHex).sign(rotationText(envelope, next.publicHex)).toString('hex');
    const request = { kind: 'rotate', next: next.publicHex, proof } as const;
    return requester.request(seal(envelope, request, new Signer(own.seedHex)), TIMEOUT_MS);
  };
  try {
    const first = await ask(wallSeconds());
    const isClockOff = first.ok && first.reply.status === 'RETRY' && first.reply.code === 'clock';
    return isClockOff ? await ask(first.reply.now) : first;
  } finally {
    requester.close();
  }
}

/** Whether the server knows nothing of the key that asked, or no longer. */
function isShutOut(answer: Answer): boolean {
  return answer.ok ? answer.reply.code === 'unknown-key' : answer.fault === 'not-admitted';
}

function faultOf(answer: Answer, paths: HostPaths): (Rotated & { ok: false }) | undefined {
  if (!answer.ok) {
    if (answer.fault !== 'not-admitted')
      return {
        ok: false,
        code: 'no-server',
        reason: `${answer.reason}. Nothing has changed; try again later`,
      };
    const reason =
      "the server does not admit this host's key: it was revoked, or the server was set up anew; see banshare-client status";
    return { ok: false, code: 'refused', reason };
  }
  const { status, code = '', reason = code } = answer.reply;
  if (status === 'OK') return undefined;
  if (status === 'RETRY')
    return { ok: false, code: 'no-server', reason: `${reason}. Nothing has changed; try again later` };
  if (code === 'unsupported')
    return { ok: false, code: 'refused', reason: 'the server is of an older version, which cannot do this' };
  // The next try makes another one.
  if (code === 'next' || code === 'proof') dropNextKey(paths);
  return { ok: false, code: 'refused', reason };
}

/** Says something that changes nothing; returns whether the server has heard it. */
async function speak(server: ServerAddress, key: EnrolledKey): Promise<boolean> {
  const link = new ServerLink(server, key);
  const question = { kind: 'sync', epoch: 'none', since: 0, tail: EMPTY_TAIL, limit: 1 } as const;
  const answer = await link.ask(question, TIMEOUT_MS);
  link.close();
  // A ledger that cannot be written has not taken the key over either.
  return answer.ok && answer.reply.status !== 'REFUSED' && answer.reply.code !== 'ledger';
}

/**
 * Finds a server, the first of the list that answers, and goes over to a new key; every fault is an answer. The next key stays the
 * same meanwhile: asked for it again, a server that has it already says so.
 */
export async function rotateHere(
  paths: HostPaths,
  knownOutside: readonly string[],
  serverEndpoint: ServerEndpoint,
  adopt: (key: EnrolledKey) => void,
): Promise<AdminReply> {
  const rotated = (server: string): Promise<AdminReply> =>
    rotateAt(server, { paths, knownOutside, serverEndpoint, adopt });
  return firstThatCounts(serverEndpoint.servers, rotated, (reply) => reply.ok || reply.code !== 'no-server');
}

async function rotateAt(
  name: string,
  host: {
    paths: HostPaths;
    knownOutside: readonly string[];
    serverEndpoint: ServerEndpoint;
    adopt: (key: EnrolledKey) => void;
  },
): Promise<AdminReply> {
  const { paths, knownOutside, serverEndpoint, adopt } = host;
  const server = await locateServer(serverEndpoint, name, knownOutside, paths);
  if (!server.ok) return { ok: false, code: 'no-server', reason: `${server.fault}. Nothing has changed` };
  try {
    const rotated = await rotate(paths, server.value, adopt);
    return rotated.ok ? { ok: true, result: { says: rotated.says } } : rotated;
  } catch (error) {
    return {
      ok: false,
      code: 'keys',
      reason: `${(error as Error).message}; the key that was here still counts`,
    };
  }
}
