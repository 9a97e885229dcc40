import { randomInt } from 'node:crypto';
import { EMPTY_TAIL } from '@banshare/protocol';
import {
  complain,
  monotonicSeconds,
  outsideAddresses,
  type ClientConfig,
  type HostPaths,
  type ServerEndpoint,
} from '@banshare/runtime';
import { enrol, type Enrolment } from '../identity/enrol.ts';
import type { EnrolledKey } from '../identity/key-files.ts';
import { locateServer } from '../server/server-address.ts';
import { firstThatCounts, ServerChoice } from '../server/server-choice.ts';
import { ServerLink } from '../server/server-link.ts';
import { wait } from '../host/wait.ts';

/** What a person or an installer waits at most when the server asks to come later; the daemon goes on afterwards. */
const MOST_WAIT_SECONDS = 20;
const ASK_MS = 5000;

/** Where a server has said that, another may say otherwise. */
const ANOTHER_MAY: ReadonlySet<string> = new Set([
  'resolve',
  'unreachable',
  'unreadable',
  'not-admitted',
  'ledger',
]);

export type Setup = { config: ClientConfig; serverEndpoint: ServerEndpoint };

/** Asks one server after the other to take this host in, as long as they ask to come later, within a limit. */
export async function enrolAtServers(
  paths: HostPaths,
  { config, serverEndpoint }: Setup,
  wanted: string,
): Promise<Enrolment> {
  const askAt = async (name: string): Promise<Enrolment> => {
    const server = await locateServer(serverEndpoint, name, config.addresses, paths);
    return server.ok
      ? enrol(paths, server.value, wanted, outsideAddresses(config.addresses))
      : { ok: false, kind: 'wait', code: 'resolve', reason: server.fault };
  };
  const { order } = new ServerChoice(serverEndpoint.servers, wanted);
  const counts = (answer: Enrolment): boolean => answer.ok || !ANOTHER_MAY.has(answer.code);
  return askPatiently(() => firstThatCounts(order, askAt, counts));
}

/** Whether a server lets a key of this host in. */
export async function isKnownThere(
  paths: HostPaths,
  { config, serverEndpoint }: Setup,
  key: EnrolledKey,
): Promise<boolean> {
  const { order } = new ServerChoice(serverEndpoint.servers, key.publicHex);
  const askAt = async (name: string): Promise<boolean> => {
    const server = await locateServer(serverEndpoint, name, config.addresses, paths);
    if (!server.ok) return false;
    const link = new ServerLink(server.value, key);
    const question = { kind: 'sync', epoch: 'none', since: 0, tail: EMPTY_TAIL, limit: 1 } as const;
    const answer = await link.ask(question, ASK_MS);
    link.close();
    return answer.ok && answer.reply.status === 'OK';
  };
  return firstThatCounts(order, askAt, (isIn) => isIn);
}

/** Waits as long as the server asks for, within a limit: a whole fleet may enrol at once. */
async function askPatiently(ask: () => Promise<Enrolment>): Promise<Enrolment> {
  const began = monotonicSeconds();
  let result = await ask();
  while (!result.ok && result.after !== undefined) {
    const seconds = Math.max(1, result.after);
    if (monotonicSeconds() - began + seconds > MOST_WAIT_SECONDS) break;
    complain('banshare-client', `Not enrolled yet: ${result.reason}. Asking again in ${seconds} s`);
    await wait(seconds * randomInt(1000, 1500), new AbortController().signal);
    result = await ask();
  }
  return result;
}
