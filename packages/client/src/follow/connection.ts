import { randomInt } from 'node:crypto';
import { HEARTBEAT_MS, type HostName, type Receipt } from '@banshare/protocol';
import {
  type ClientConfig,
  type HostPaths,
  monotonicSeconds,
  outsideAddresses,
  type ServerPlace,
  wallSeconds,
} from '@banshare/runtime';
import { Subscription } from '@banshare/transport';
import { Acknowledger, type Bell } from './acknowledge.ts';
import { enrolAnew, removeJoinKey } from '../identity/enrol.ts';
import { type FollowEnd, Follower } from './follow.ts';
import type { OwnKey } from '../identity/own-key.ts';
import type { Progress } from './progress.ts';
import { comeBack } from '../identity/rotate.ts';
import { locateServer, takingOf } from '../server/server-address.ts';
import type { ServerClock } from '../server/server-clock.ts';
import { ServerLink, type ServerAddress } from '../server/server-link.ts';
import type { State } from '../bans/state.ts';
import type { News } from '../bans/news.ts';
import { wait } from '../host/wait.ts';

/** What staying connected needs of the daemon. */
export type ConnectionParts = {
  paths: HostPaths;
  config: ClientConfig;
  serverPlace: ServerPlace;
  ownKey: OwnKey;
  state: State;
  clock: ServerClock;
  progress: Progress;
  instance: string;
  /** Whether everything that this host applies can be a range. */
  takesRanges: boolean;
  /** What is really in place here. */
  receipt: () => Receipt;
  bell: Bell;
  /** Hears at which address the server was found, before anything is sent there. */
  found: (ip: string) => void;
  /** Hears what the server calls this host. */
  named: (name: HostName) => void;
  take: (news: News) => void | Promise<void>;
  /** Hears that more is missing, at the beginning of catching up and before each piece. */
  missing: () => void;
  /** Hears that this host goes on with its key, or with another, where it was refused. */
  cameBack: (isAnother: boolean) => void;
  fault: (key: string, text: string) => void;
  over: (key: string) => void;
};

/** Heartbeats come every second; after this the server counts as silent and everything is built anew. */
const SILENT_AFTER_MS = 5 * HEARTBEAT_MS;
const ACK_MS = 5000;
/** A refusal is final for libzmq; a person may change the server's mind. */
const AFTER_REFUSAL_MS = 5000;

/** Stays connected until the signal: whenever following ends, looks the server up again and starts over. */
export async function stayConnected(parts: ConnectionParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const server = await locateServer(
      parts.serverPlace,
      parts.serverPlace.servers[0],
      parts.config.addresses,
      parts.paths,
    );
    // A resolver may take half a minute.
    if (signal.aborted) return;
    if (server.ok) {
      const { publicHex } = parts.ownKey.key;
      parts.found(server.value.ip);
      const end = await connectOrSay(parts, server.value, signal);
      if (signal.aborted) return;
      // Closed for that: the next connection is the new key's.
      if (parts.ownKey.key.publicHex !== publicHex) continue;
      if (end === 'refused' && (await findsItsWay(parts, server.value))) {
        await wait(randomInt(100, 600), signal);
        continue;
      }
      explain(end, parts);
      if (end === 'refused' && (await isEnrolledAnew(parts, server.value))) continue;
      await wait(end === 'refused' ? AFTER_REFUSAL_MS : randomInt(100, 600), signal);
    } else {
      parts.progress.trouble = server.fault;
      parts.fault('resolve', server.fault);
      await wait(randomInt(1000, 3000), signal);
    }
  }
}

/** No socket may be had, where descriptors ran out: then the next try is as good as after a silent server. */
async function connectOrSay(
  parts: ConnectionParts,
  server: ServerAddress,
  signal: AbortSignal,
): Promise<FollowEnd> {
  const { curve } = parts.ownKey.key;
  const peer = { endpoint: server.publishEndpoint, serverKey: server.serverKey, curve };
  let subscription;
  try {
    subscription = new Subscription(peer, randomInt(250, 1500));
  } catch (error) {
    parts.fault('socket', `Cannot connect to the server: ${(error as Error).message}`);
    return 'silent';
  }
  return connectOnce(parts, server, subscription, signal);
}

async function connectOnce(
  parts: ConnectionParts,
  server: ServerAddress,
  subscription: Subscription,
  signal: AbortSignal,
): Promise<FollowEnd> {
  const { ownKey, state, progress, clock } = parts;
  const { key } = ownKey;
  if (progress.phase !== 'refused') progress.phase = 'connecting';
  const link = new ServerLink(server, key, key.curve, takingOf(parts.paths, parts.serverPlace, key));
  const acknowledger = new Acknowledger(link, state, parts);
  const ack = (): void => acknowledger.ring();
  parts.bell.listen(ack);
  const timer = setInterval(ack, ACK_MS + randomInt(0, 1000));
  const close = (): void => {
    clearInterval(timer);
    subscription.close();
    link.close();
  };
  signal.addEventListener('abort', close, { once: true });
  const forget = ownKey.onChange(close);
  const follower = new Follower({
    subscription,
    link,
    position: state.position(),
    take: async (news) => {
      await parts.take(news);
      progress.position = news.position;
      if (news.kind === 'in-step' || news.kind === 'lagging') {
        standAs(news, parts);
        ack();
      }
    },
    missing: parts.missing,
    heard: (now) => {
      clock.hear(now);
      progress.heardAt = monotonicSeconds();
      progress.clockAhead = wallSeconds() - now;
    },
    fault: (text) => {
      if (ownKey.key.publicHex !== key.publicHex) return;
      progress.phase = 'connecting';
      progress.trouble = text;
      parts.fault(`follow ${text}`, text);
    },
    silentAfterMs: SILENT_AFTER_MS,
  });
  try {
    return await follower.follow();
  } finally {
    signal.removeEventListener('abort', close);
    forget();
    close();
  }
}

/** Notes where this host stands with its server. */
function standAs(
  news: News & { kind: 'in-step' | 'lagging' },
  { progress, paths, over, fault }: ConnectionParts,
): void {
  progress.phase = news.kind;
  progress.trouble = news.kind === 'lagging' ? laggingText(news) : '';
  if (news.kind === 'lagging') fault('lagging', progress.trouble);
  else for (const key of ['connection', 'lagging']) over(key);
  // The installer lays a join key with every upgrade; a host that the server knows needs none.
  removeJoinKey(paths);
}

function laggingText({ head, position }: News & { kind: 'lagging' }): string {
  return `the server's ledger ends at event ${head} and this host has ${position.seq} of the same epoch: it is an older copy; every ban stays, and nothing new is taken from it until it has more`;
}

/** The server may have forgotten this host, or be an older copy of itself: a fresh join key lets the same host key in again. */
async function isEnrolledAnew(parts: ConnectionParts, server: ServerAddress): Promise<boolean> {
  const result = await enrolAnew(
    parts.paths,
    server,
    parts.ownKey.key,
    outsideAddresses(parts.config.addresses),
  );
  if (result === undefined) return false;
  if (result.ok) {
    parts.named(result.key.name);
    parts.over('connection');
    return true;
  }
  parts.progress.trouble += `; enrolling anew: ${result.reason}`;
  parts.fault('enrol', `Cannot enrol anew yet: ${result.reason}`);
  return false;
}

/** Where this host's key is refused: whether there is a key to go on with at once. */
async function findsItsWay(
  { ownKey, paths, cameBack, fault }: ConnectionParts,
  server: ServerAddress,
): Promise<boolean> {
  try {
    const key = await comeBack(paths, server, ownKey.key);
    if (key === undefined) return false;
    cameBack(key.publicHex !== ownKey.key.publicHex);
    ownKey.key = key;
    return true;
  } catch (error) {
    fault('keys', `Cannot look for another key of this host: ${(error as Error).message}`);
    return false;
  }
}

function explain(end: FollowEnd, parts: ConnectionParts): void {
  const { progress, serverPlace } = parts;
  if (end === 'refused') {
    progress.phase = 'refused';
    progress.trouble = `the server does not admit this host's key: it was revoked or forgotten, or the server was set up anew`;
  } else {
    progress.phase = 'connecting';
    progress.trouble = `nothing was heard from ${serverPlace.servers[0]} for ${SILENT_AFTER_MS / 1000} s; trying again`;
  }
  parts.fault('connection', `Not connected: ${progress.trouble}`);
}
