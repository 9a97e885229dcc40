import { randomInt } from 'node:crypto';
import { good, HEARTBEAT_MS, type HostName, type Position, type Receipt } from '@banshare/protocol';
import {
  type ClientConfig,
  type HostPaths,
  monotonicSeconds,
  outsideAddresses,
  type ServerEndpoint,
  wallSeconds,
} from '@banshare/runtime';
import { Subscription, type CurvePair } from '@banshare/transport';
import { Acknowledger, type Bell, type DroppedHere, type TimesHere } from './acknowledge.ts';
import { enrolAnew, removeJoinKey } from '../identity/enrol.ts';
import { removeToken } from '../identity/token-file.ts';
import { type FollowEnd, Follower, isOlder } from './follow.ts';
import type { EnrolledKey } from '../identity/key-files.ts';
import type { OwnKey } from '../identity/own-key.ts';
import { NextServer, type Listening } from './next-server.ts';
import type { Progress } from './progress.ts';
import { nextHeartbeat, Scout } from './scout.ts';
import { comeBack } from '../identity/rotate.ts';
import { locateServer, takingOf } from '../server/server-address.ts';
import type { ServerChoice } from '../server/server-choice.ts';
import type { ServerClock } from '../server/server-clock.ts';
import { ServerLink, type ServerAddress } from '../server/server-link.ts';
import type { State } from '../bans/state.ts';
import { LeftEpochs } from '../bans/left-epochs.ts';
import type { News } from '../bans/news.ts';
import { wait } from '../host/wait.ts';

/** What staying connected needs of the daemon. */
export type ConnectionParts = {
  paths: HostPaths;
  config: ClientConfig;
  serverEndpoint: ServerEndpoint;
  /** Which of them this host uses. */
  servers: ServerChoice;
  ownKey: OwnKey;
  state: State;
  clock: ServerClock;
  progress: Progress;
  instance: string;
  /** The generation of keys and ports that it goes by. */
  generation: string;
  /** Whether everything that this host applies can be a range. */
  takesRanges: boolean;
  /** What is really in place here. */
  receipt: () => Receipt;
  /** How many reports wait here for a server. */
  spooled: () => number;
  dropped: DroppedHere;
  times: TimesHere;
  bell: Bell;
  /** Hears at which address the server was found, before anything is sent there. */
  found: (ip: string) => void;
  /** Hears that this host follows another server than before. */
  moved: (server: string, before: string) => void;
  /** Hears that the server in use, which could not, can write again. */
  writable: () => void;
  /** Hears what the server calls this host. */
  named: (name: HostName) => void;
  take: (news: News) => void | Promise<void>;
  /** Hears that more is missing, at the beginning of catching up and before each piece. */
  missing: () => void;
  /** Hears that this host has everything that its server has, once all that goes with that is done. */
  inStep: (position: Position) => void;
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

/** Where the next server is listened to already there is less to wait for, and all that is left to spread are questions. */
const MOST_REST_MS = 300;

/** Where a server was found, and what listens there already. */
type Found = ServerAddress & { ip: string; listening: Listening | undefined };

/** Why a connection ended: as following does, or this host left for another server, since its own does not answer, or that is better. */
type ConnectionEnd = FollowEnd | 'unanswered' | 'better';

type Connecting = ConnectionParts & { next: NextServer };

/**
 * Stays connected until the signal: whenever following ends, looks the server up again and starts over, with the next one where
 * there are several.
 */
export async function stayConnected(given: ConnectionParts, signal: AbortSignal): Promise<void> {
  const { servers, progress, ownKey } = given;
  const next = nextServerOf(given);
  const parts = { ...given, next };
  while (!signal.aborted) {
    const listening = next.take(servers.current, ownKey.key.publicHex);
    const server = listening === undefined ? await locate(parts, servers.current) : good(listening.at);
    // A resolver may take half a minute.
    if (signal.aborted) listening?.subscription.close();
    else if (server.ok) {
      const rest = await connectAt(parts, { ...server.value, listening }, signal);
      await wait(rest, signal);
    } else {
      progress.trouble = server.fault;
      parts.fault('resolve', server.fault);
      await wait(servers.goOn() ? randomInt(1000, 3000) : shortRest(), signal);
    }
  }
  next.close();
}

/** Listens to the next server where the one in use is quiet. */
function nextServerOf(parts: ConnectionParts): NextServer {
  const { servers, ownKey } = parts;
  return new NextServer({
    next: () => servers.others[0],
    listen: async (server) => {
      const at = await locate(parts, server);
      if (!at.ok) return undefined;
      const { publicHex, curve } = ownKey.key;
      const subscription = subscribeAt(at.value, curve);
      if (subscription instanceof Error) return undefined;
      return { server, key: publicHex, at: at.value, subscription };
    },
  });
}

/** Hosts of a fleet that lost their server at once do not come to another at once. */
function shortRest(): number {
  return randomInt(100, 600);
}

function locate(
  { serverEndpoint, config, paths, servers }: ConnectionParts,
  server: string,
): ReturnType<typeof locateServer> {
  return locateServer(serverEndpoint, server, config.addresses, paths, servers.passed(server));
}

/** Is connected until that ends; returns for how many milliseconds to rest before the next try. */
async function connectAt(parts: Connecting, server: Found, signal: AbortSignal): Promise<number> {
  const { servers, ownKey, next } = parts;
  const { publicHex } = ownKey.key;
  parts.found(server.ip);
  const end = await connectOrSay(parts, server, signal);
  if (signal.aborted || end === 'better') return 0;
  // Closed for that: the next connection is the new key's.
  if (ownKey.key.publicHex !== publicHex) return 0;
  if (end === 'refused' && (await findsItsWay(parts, server))) return shortRest();
  explain(end, parts);
  if (end === 'refused' && (await isEnrolledAnew(parts, server))) return 0;
  if (end !== 'refused') servers.passed(servers.current).add(server.ip);
  if (servers.goOn() && end === 'refused') return AFTER_REFUSAL_MS;
  return next.isAt(servers.current) ? randomInt(MOST_REST_MS) : shortRest();
}

/** No socket may be had, where descriptors ran out: then the next try is as good as after a silent server. */
async function connectOrSay(parts: Connecting, server: Found, signal: AbortSignal): Promise<ConnectionEnd> {
  const subscription = server.listening?.subscription ?? subscribeAt(server, parts.ownKey.key.curve);
  if (subscription instanceof Error) {
    parts.fault('socket', `Cannot connect to the server: ${subscription.message}`);
    return 'silent';
  }
  return connectOnce(parts, server, subscription, signal);
}

function subscribeAt(
  { publishEndpoint: endpoint, serverKey }: ServerAddress,
  curve: CurvePair,
): Subscription | Error {
  try {
    return new Subscription({ endpoint, serverKey, curve }, randomInt(250, 1500));
  } catch (error) {
    return error as Error;
  }
}

async function connectOnce(
  parts: Connecting,
  server: ServerAddress,
  subscription: Subscription,
  signal: AbortSignal,
): Promise<ConnectionEnd> {
  const { ownKey, state, progress, servers } = parts;
  const { key } = ownKey;
  if (progress.phase !== 'refused') progress.phase = 'connecting';
  const closed = new AbortController();
  let left: ConnectionEnd | undefined;
  const leave = (why: ConnectionEnd): void => {
    left ??= why;
    closed.abort();
  };
  const taking = takingOf(parts.paths, parts.serverEndpoint, key);
  const link = new ServerLink(server, key, key.curve, taking, (isAnswered) => {
    // A stale one may wait for its database, and the scout looks for a better one.
    if (!isAnswered && !progress.isStale && servers.isDeaf()) leave('unanswered');
  });
  const acknowledger = new Acknowledger(link, state, parts);
  const ack = (): void => acknowledger.ring();
  parts.bell.listen(ack);
  const timer = setInterval(ack, ACK_MS + randomInt(0, 1000));
  closed.signal.addEventListener('abort', () => {
    clearInterval(timer);
    acknowledger.close();
    subscription.close();
    link.close();
  });
  const close = (): void => closed.abort();
  signal.addEventListener('abort', close, { once: true });
  const forget = ownKey.onChange(close);
  const scout = scoutOf(
    parts,
    (better) => {
      servers.goTo(better);
      leave('better');
    },
    closed.signal,
  );
  const follower = followerOf(parts, { subscription, link, key, scout, ack });
  try {
    const end = await follower.follow();
    return left ?? end;
  } finally {
    signal.removeEventListener('abort', close);
    forget();
    close();
  }
}

/** Looks for a server that is better than the one in use. */
function scoutOf(parts: ConnectionParts, found: (server: string) => void, signal: AbortSignal): Scout {
  const { servers, ownKey, state } = parts;
  return new Scout(
    {
      others: () => servers.others,
      isOlder: (position) => isOlder(position, state.position(), leftEpochs(parts)),
      found,
      listen: async (server) => {
        const at = await locate(parts, server);
        if (!at.ok || signal.aborted) return undefined;
        const { publishEndpoint: endpoint, serverKey } = at.value;
        return nextHeartbeat({ endpoint, serverKey, curve: ownKey.key.curve }, signal);
      },
    },
    signal,
  );
}

function followerOf(
  parts: Connecting,
  own: { subscription: Subscription; link: ServerLink; key: EnrolledKey; scout: Scout; ack: () => void },
): Follower {
  const { progress, clock, state, ownKey, servers, next } = parts;
  const { subscription, link, key, scout, ack } = own;
  const at = servers.current;
  next.heard();
  return new Follower({
    subscription,
    link,
    position: state.position(),
    leftEpochs: leftEpochs(parts),
    take: async (news) => {
      await parts.take(news);
      progress.position = news.position;
      if (news.kind !== 'in-step' && news.kind !== 'lagging') return;
      standAs(news, parts);
      if (news.kind === 'in-step') parts.inStep(news.position);
      scout.lags(news.kind === 'lagging');
      ack();
    },
    missing: parts.missing,
    heard: (now) => {
      clock.hear(now);
      progress.heardAt = monotonicSeconds();
      progress.clockAhead = wallSeconds() - now;
    },
    beat: ({ stale = false }) => {
      // What had arrived before this host chose another server is still read.
      if (servers.current !== at) return;
      next.heard();
      settle(parts);
      if (progress.isStale && !stale) parts.writable();
      progress.isStale = stale;
      scout.stale(stale);
    },
    fault: (text) => {
      if (ownKey.key.publicHex !== key.publicHex) return;
      progress.phase = 'connecting';
      progress.trouble = text;
      parts.fault(`follow ${text}`, text);
    },
    silentAfterMs: SILENT_AFTER_MS,
  });
}

/** Where there is one server, its epoch is the fleet's, whichever that is. */
function leftEpochs({ serverEndpoint, state }: ConnectionParts): readonly string[] {
  return serverEndpoint.servers.length === 1 ? [] : new LeftEpochs(state).all();
}

/** The server in use was heard: this host stays there. */
function settle({ servers, progress, moved }: ConnectionParts): void {
  servers.settle();
  const { current } = servers;
  const before = progress.follows?.server;
  if (before === current) return;
  progress.follows = { server: current, since: wallSeconds() };
  if (before !== undefined) moved(current, before);
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
  // The installer lays a join key with every upgrade, and a token may wait from when no server was there; a host that is known needs neither.
  removeJoinKey(paths);
  removeToken(paths);
}

function laggingText({ head, position, isOfLeftEpoch }: News & { kind: 'lagging' }): string {
  if (isOfLeftEpoch === true)
    return `the server's ledger is of an epoch that this host has left for that of another server: it is an older copy; every ban stays, and nothing new is taken from it`;
  return `the server's ledger ends at event ${head} and this host has ${position.seq} of the same epoch: it is an older copy; every ban stays, and nothing new is taken from it until it has more`;
}

/** The server may have forgotten this host, or be an older copy of itself: a fresh join key, or a token, lets the same host key in again. */
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

function explain(end: ConnectionEnd, parts: ConnectionParts): void {
  const { progress, servers } = parts;
  const [next] = servers.others;
  const goesOn = next === undefined ? 'trying again' : `going on with ${next}`;
  progress.phase = end === 'refused' ? 'refused' : 'connecting';
  if (end === 'refused')
    progress.trouble = `the server does not admit this host's key: it was revoked or forgotten, or the server was set up anew`;
  else if (end === 'unanswered')
    progress.trouble = `${servers.current} publishes, and does not answer at its report port; ${goesOn}`;
  else
    progress.trouble = `nothing was heard from ${servers.current} for ${SILENT_AFTER_MS / 1000} s; ${goesOn}`;
  parts.fault('connection', `Not connected: ${progress.trouble}`);
}
