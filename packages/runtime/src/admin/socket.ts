import { once } from 'node:events';
import { chmodSync, existsSync, rmSync, statSync, type BigIntStats } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { bad, good, oneLine, quote, type Result } from '@banshare/protocol';
import { shortSocketPath, type AdminReply, type AskedRequest } from './protocol.ts';
import { askAdmin } from './ask.ts';
import { Lanes } from './lanes.ts';
import { isTable } from '../config/kinds/is-table.ts';
import { errorText } from '../log/log-line.ts';
import { makePrivateDirectory } from '../files/private-file.ts';

export type AdminService = {
  readonly path: string;
  readonly handle: (request: AskedRequest) => AdminReply | Promise<AdminReply>;
  /**
   * Whether the group of the socket's folder may ask as well. The folder has to be there: whoever installs makes it, with that group
   * and its set-group-ID bit, since a daemon without rights can give a file to no group that it is not in.
   */
  readonly forGroup?: boolean;
  /**
   * How many questions are answered at once, until whoever asked has the answer; those that cost little, as `isLight`
   * says, are not counted. All of them where it is left out.
   */
  readonly atOnce?: { readonly most: number; readonly isLight: (request: AskedRequest) => boolean };
  /** Where it is aborted the socket closes. */
  readonly signal: AbortSignal;
};

export type AdminSocket = { close(): Promise<void> };

/** Who asks is a login name, or the name in a link to the page. */
const LONGEST_NAME = 64;
/** A part of an import of a thousand bans, each with its reason. */
const LONGEST_REQUEST = 524_288;
/** A request is one short line from a program on this machine: who needs longer is stuck or rude. */
const REQUEST_MS = 10_000;
/** For so long a peer may leave an answer unread. */
const UNREAD_MS = 30_000;
const MOST_PEERS = 64;
/** How often is looked whether the socket is still there. */
const WATCH_MS = 2000;

/**
 * Serves operators' commands on a socket that only its user and root may open, or its folder's group as well. Where the socket is taken away beneath it, as
 * whoever clears /run does, it is made again within seconds: a daemon that cannot be asked seems not to run.
 */
export async function serveAdmin(service: AdminService): Promise<Result<AdminSocket>> {
  const peers = new Set<Socket>();
  const first = await open(service, peers);
  // Where nobody made the folder the group is not wanted, or will be: it is looked for from then on.
  const isUnwanted = service.forGroup === true && !existsSync(dirname(service.path));
  if (!first.ok && !isUnwanted) return first;
  return good(keepOpen(service, peers, first.ok ? first.value : { close: () => Promise.resolve() }));
}

/** Makes the socket again whenever it is gone, until it is closed. */
function keepOpen(service: AdminService, peers: Set<Socket>, first: AdminSocket): AdminSocket {
  let current = first;
  let isClosed = false;
  let reopening: Promise<void> = Promise.resolve();
  const reopen = async (): Promise<void> => {
    // Its name is removed with it, so that one goes before the next comes.
    void current.close();
    const next = await open(service, peers);
    if (next.ok) current = next.value;
    if (isClosed) await current.close();
  };
  const watch = setInterval(() => {
    if (!existsSync(service.path)) reopening = reopening.then(() => (isClosed ? undefined : reopen()));
  }, WATCH_MS);
  const close = async (): Promise<void> => {
    isClosed = true;
    clearInterval(watch);
    for (const peer of peers) peer.destroy();
    await reopening;
    await current.close();
  };
  service.signal.addEventListener('abort', () => void close(), { once: true });
  if (service.signal.aborted) void close();
  return { close };
}

/** Listens once. Who is connected stays so when it closes. */
async function open(service: AdminService, peers: Set<Socket>): Promise<Result<AdminSocket>> {
  let short: ReturnType<typeof shortSocketPath>;
  try {
    if (service.forGroup !== true) makePrivateDirectory(dirname(service.path));
    short = shortSocketPath(service.path);
  } catch (error) {
    return bad(`Cannot listen at ${service.path}: ${errorText(error)}`);
  }
  // Half open: a peer may close its own side after the request and still wait for the answer.
  const lanes = service.atOnce === undefined ? undefined : new Lanes(service.atOnce.most);
  const server = createServer({ allowHalfOpen: true }, (peer) => {
    peers.add(peer);
    peer.once('close', () => peers.delete(peer));
    serve(peer, service, lanes);
  });
  server.maxConnections = MOST_PEERS;
  const bound = await bind(server, short.path, service);
  if (!bound.ok) {
    short.release();
    return bound;
  }
  // A failing accept (no file descriptors left) must not end the daemon; the next may work.
  server.on('error', () => {});
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    short.release();
    await closed;
  };
  return good({ close });
}

/**
 * Binds the socket; one that a dead daemon left behind is replaced, one that answers is not, nor one that another program has bound
 * while this one looked: both would take themselves for the only one.
 */
async function bind(server: Server, path: string, service: AdminService): Promise<Result<undefined>> {
  const { path: shown, forGroup } = service;
  const mode = forGroup === true ? 0o660 : 0o600;
  const taken = bad(`Cannot listen at ${shown}: another daemon answers there; stop it first`);
  const first = await tryBind(server, path, mode);
  if (first === undefined) return good(undefined);
  const found = first.code === 'EADDRINUSE' ? lookAt(path) : undefined;
  if (first.code !== 'EADDRINUSE' || found?.isSocket() === false)
    return bad(`Cannot listen at ${shown}: ${first.message}`);
  if (found !== undefined) {
    const answer = await askAdmin(shown, { command: 'ping' }, 2000);
    if (answer.ok || answer.code !== 'no-daemon') return taken;
    const now = lookAt(path);
    // A number of a file is given to the next one at once, its time is not.
    if (now !== undefined && (now.ino !== found.ino || now.ctimeNs !== found.ctimeNs)) return taken;
    rmSync(path, { force: true });
  }
  const second = await tryBind(server, path, mode);
  if (second === undefined) return good(undefined);
  return second.code === 'EADDRINUSE' ? taken : bad(`Cannot listen at ${shown}: ${second.message}`);
}

function lookAt(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false });
}

async function tryBind(
  server: Server,
  path: string,
  mode: number,
): Promise<NodeJS.ErrnoException | undefined> {
  try {
    server.listen(path);
    await once(server, 'listening');
    chmodSync(path, mode);
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

function serve(peer: Socket, service: AdminService, lanes: Lanes | undefined): void {
  const chunks: Buffer[] = [];
  let length = 0;
  const tooSlow = setTimeout(() => peer.destroy(), REQUEST_MS);
  peer.on('error', () => peer.destroy());
  peer.once('close', () => clearTimeout(tooSlow));
  const take = (chunk: Buffer): void => {
    const end = chunk.indexOf(10);
    chunks.push(end === -1 ? chunk : chunk.subarray(0, end));
    length += chunk.length;
    const tooLong = length > LONGEST_REQUEST;
    if (end === -1 && !tooLong) return;
    clearTimeout(tooSlow);
    peer.off('data', take);
    peer.setTimeout(UNREAD_MS, () => peer.destroy());
    if (tooLong)
      reply(peer, { ok: false, code: 'too-long', reason: `a request has at most ${LONGEST_REQUEST} bytes` });
    else void answer(peer, Buffer.concat(chunks).toString('utf8'), service, lanes);
  };
  peer.on('data', take);
  peer.on('end', () => {
    // Without a whole line there will be no answer.
    if (peer.listeners('data').includes(take)) peer.destroy();
  });
}

async function answer(
  peer: Socket,
  line: string,
  service: AdminService,
  lanes: Lanes | undefined,
): Promise<void> {
  const request = parseRequest(line);
  if (!request.ok) {
    reply(peer, { ok: false, code: 'malformed', reason: request.fault });
    return;
  }
  const leave = await beginning(request.value, service, lanes);
  try {
    // Whoever waited for too long may be gone.
    if (!peer.destroyed) reply(peer, await service.handle(request.value));
  } catch (error) {
    reply(peer, { ok: false, code: 'internal', reason: errorText(error) });
  }
  if (peer.destroyed) leave();
  else peer.once('close', leave);
}

/** Waits until a question may be answered; returns what to call once it is, and the answer was read. */
async function beginning(
  request: AskedRequest,
  { atOnce }: AdminService,
  lanes: Lanes | undefined,
): Promise<() => void> {
  if (atOnce === undefined || lanes === undefined) return () => {};
  if (!atOnce.isLight(request)) return lanes.enter();
  await lanes.turn();
  return () => {};
}

function parseRequest(line: string): Result<AskedRequest> {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch {
    return bad('the request is not JSON');
  }
  if (!isTable(request)) return bad('the request names no command');
  const odd = Object.keys(request).find((key) => !['command', 'args', 'by'].includes(key));
  if (odd !== undefined) return bad(`a request has "command", "args" and "by", and no ${quote(odd)}`);
  const { command, args = {}, by } = request;
  if (typeof command !== 'string') return bad('the request names no command');
  if (!isTable(args)) return bad('the arguments are not an object');
  if (by === undefined) return good({ command, args });
  if (typeof by !== 'string' || by === '' || by.length > LONGEST_NAME)
    return bad(`who asks is no text of 1 to ${LONGEST_NAME} letters`);
  return good({ command, args, by: oneLine(by) });
}

function reply(peer: Socket, answer: AdminReply): void {
  peer.end(`${JSON.stringify(answer)}\n`, () => peer.destroy());
}
