import { Publisher, Router } from 'zeromq';
import type { CurvePair } from './certificate.ts';
import { endpoint } from './endpoint.ts';

/** One endpoint to bind: its own key and ZAP domain, since a socket serves every generation in service. */
export type Listening = { domain: string; curve: CurvePair; address: string; port: number };

/** Common to both listening sockets; the times and sizes are those of facts section 7. */
const SERVER_OPTIONS = {
  linger: 0,
  backlog: 1024,
  handshakeInterval: 5000,
  heartbeatInterval: 10_000,
  heartbeatTimeout: 30_000,
  heartbeatTimeToLive: 30_000,
  tcpKeepalive: 1,
  tcpKeepaliveIdle: 60,
  tcpKeepaliveInterval: 10,
  tcpKeepaliveCount: 6,
} as const;

/** Frames above this are dropped with their connection: an ack's body, the longest, and CURVE's overhead. */
const LARGEST_FRAME = 8192 + 256;
/** A subscription is short; an event goes the other way. */
const LARGEST_SUBSCRIPTION = 512;

/** The socket of the report port, not bound yet. */
export function reportRouter(): Router {
  return new Router({
    ...SERVER_OPTIONS,
    mandatory: true,
    sendTimeout: 0,
    sendHighWaterMark: 64,
    receiveHighWaterMark: 16,
    maxMessageSize: LARGEST_FRAME,
  });
}

/** The socket of the publish port, not bound yet. */
export function eventPublisher(): Publisher {
  return new Publisher({
    ...SERVER_OPTIONS,
    sendHighWaterMark: 10_000,
    maxMessageSize: LARGEST_SUBSCRIPTION,
  });
}

/**
 * Binds one more endpoint. libzmq copies key and domain at bind; both ZAP options are set here and nowhere else, since
 * with either missing it would serve any key.
 * @returns the bound endpoint, with the port taken where 0 was asked for.
 * @throws libzmq's error, such as EADDRINUSE; EBUSY where the socket is still at another bind: await each.
 */
export async function listen(socket: Router | Publisher, to: Listening): Promise<string> {
  if (to.domain === '') throw new Error('Cannot listen without a ZAP domain: any key would be let in');
  // Where a host has no IPv6, libzmq falls back for the wildcard but not for an IPv4 address.
  socket.ipv6 = to.address.includes(':') || to.address === '*';
  socket.curveServer = true;
  socket.curveSecretKey = to.curve.secretKey;
  socket.zapDomain = to.domain;
  socket.zapEnforceDomain = true;
  await socket.bind(endpoint(to.address, to.port));
  const bound = socket.lastEndpoint;
  if (bound === null) throw new Error(`Cannot tell which port was taken at ${to.address}`);
  return bound;
}
