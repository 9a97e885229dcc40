import { once } from 'node:events';
import { chmodSync, existsSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { bad, good, quote, type Result } from '@banshare/protocol';
import { shortSocketPath, type AdminReply, type AdminRequest } from './protocol.ts';
import { askAdmin } from './ask.ts';
import { isTable } from '../config/kinds.ts';
import { errorText } from '../log/log-line.ts';
import { makePrivateDirectory } from '../files/private-file.ts';

export type AdminService = {
  readonly path: string;
  readonly handle: (request: Required<AdminRequest>) => AdminReply | Promise<AdminReply>;
  /** Where it is aborted the socket closes. */
  readonly signal: AbortSignal;
};

export type AdminSocket = { close(): Promise<void> };

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
 * Serves operators' commands on a socket that only its user and root may open. Where the socket is taken away beneath it, as
 * whoever clears /run does, it is made again within seconds: a daemon that cannot be asked seems not to run.
 */
export async function serveAdmin(service: AdminService): Promise<Result<AdminSocket>> {
  const peers = new Set<Socket>();
  const first = await open(service, peers);
  if (!first.ok) return first;
  let current = first.value;
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
  if (service.signal.aborted) await close();
  return good({ close });
}

/** Listens once. Who is connected stays so when it closes. */
async function open(service: AdminService, peers: Set<Socket>): Promise<Result<AdminSocket>> {
  let short: ReturnType<typeof shortSocketPath>;
  try {
    makePrivateDirectory(dirname(service.path));
    short = shortSocketPath(service.path);
  } catch (error) {
    return bad(`Cannot listen at ${service.path}: ${errorText(error)}`);
  }
  // Half open: a peer may close its own side after the request and still wait for the answer.
  const server = createServer({ allowHalfOpen: true }, (peer) => {
    peers.add(peer);
    peer.once('close', () => peers.delete(peer));
    serve(peer, service);
  });
  server.maxConnections = MOST_PEERS;
  const bound = await bind(server, short.path, service.path);
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

/** Binds the socket; one that a dead daemon left behind is replaced, one that answers is not. */
async function bind(server: Server, path: string, shown: string): Promise<Result<undefined>> {
  const first = await tryBind(server, path);
  if (first === undefined) return good(undefined);
  if (first.code === 'EADDRINUSE' && statSync(path).isSocket()) {
    const answer = await askAdmin(shown, { command: 'ping' }, 2000);
    if (answer.ok || answer.code !== 'no-daemon') {
      return bad(`Cannot listen at ${shown}: another daemon answers there; stop it first`);
    }
    rmSync(path, { force: true });
    const second = await tryBind(server, path);
    if (second === undefined) return good(undefined);
    return bad(`Cannot listen at ${shown}: ${second.message}`);
  }
  return bad(`Cannot listen at ${shown}: ${first.message}`);
}

async function tryBind(server: Server, path: string): Promise<NodeJS.ErrnoException | undefined> {
  try {
    server.listen(path);
    await once(server, 'listening');
    chmodSync(path, 0o600);
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

function serve(peer: Socket, service: AdminService): void {
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
    else void answer(peer, Buffer.concat(chunks).toString('utf8'), service);
  };
  peer.on('data', take);
  peer.on('end', () => {
    // Without a whole line there will be no answer.
    if (peer.listeners('data').includes(take)) peer.destroy();
  });
}

async function answer(peer: Socket, line: string, service: AdminService): Promise<void> {
  const request = parseRequest(line);
  if (!request.ok) {
    reply(peer, { ok: false, code: 'malformed', reason: request.fault });
    return;
  }
  try {
    reply(peer, await service.handle(request.value));
  } catch (error) {
    reply(peer, { ok: false, code: 'internal', reason: errorText(error) });
  }
}

function parseRequest(line: string): Result<Required<AdminRequest>> {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch {
    return bad('the request is not JSON');
  }
  if (!isTable(request) || typeof request['command'] !== 'string') return bad('the request names no command');
  const odd = Object.keys(request).find((key) => key !== 'command' && key !== 'args');
  if (odd !== undefined) return bad(`a request has "command" and "args", and no ${quote(odd)}`);
  const args = request['args'] ?? {};
  return isTable(args) ? good({ command: request['command'], args }) : bad('the arguments are not an object');
}

function reply(peer: Socket, answer: AdminReply): void {
  peer.end(`${JSON.stringify(answer)}\n`, () => peer.destroy());
}
