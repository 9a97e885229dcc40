import { ACK_BODY_LIMIT } from '@banshare/protocol';
import { Publisher, Router } from 'zeromq';
import type { CurvePair } from './keys/certificate.ts';
import { endpoint } from './endpoint.ts';
import { untilDone } from './interrupted.ts';

/** One endpoint to bind: its own key and ZAP domain, since a socket serves every generation in service. */
export type Listening = { domain: string; curve: CurvePair; address: string; port: number };

/**
 * How a connection whose other end is gone without a word is noticed within 30 s, by the kernel: by probes where nothing is
 * under way, and by what is not acknowledged, since probes wait meanwhile. Never by ZMTP's heartbeats: a peer that fills its
 * connection and drops it before the heartbeat's timer fires ends the whole process by an assertion of libzmq 4.3.5
 * (stream_engine_base.cpp:310, its issues 3937 and 4767).
 */
export const TCP_WATCH = {
  tcpKeepalive: 1,
  tcpKeepaliveIdle: 15,
  tcpKeepaliveInterval: 5,
  tcpKeepaliveCount: 3,
  tcpMaxRetransmitTimeout: 30_000,
} as const;

/** Common to both listening sockets. */
const SERVER_OPTIONS = { ...TCP_WATCH, linger: 0, backlog: 1024, handshakeInterval: 5000 } as const;

/** Frames above this are dropped with their connection: an ack's body, the longest, and CURVE's overhead. */
const LARGEST_FRAME = ACK_BODY_LIMIT + 256;
/** A subscription is short; an event goes the other way. */
const LARGEST_SUBSCRIPTION = 512;

/** Whoever waits for a message so long is told that there was none: only then can the socket be bound or unbound. */
const LONGEST_WAIT_MS = 200;

/**
 * Answers that may wait for one peer; more are dropped. A peer has at most 64 requests under way, and libzmq counts what was
 * taken of a queue only in halves of it.
 */
const ANSWERS_WAITING = 128;

/** The socket of the report port, not bound yet. */
export function reportRouter(): Router {
  const options = {
    ...SERVER_OPTIONS,
    mandatory: true,
    sendTimeout: 0,
    receiveTimeout: LONGEST_WAIT_MS,
    sendHighWaterMark: ANSWERS_WAITING,
    receiveHighWaterMark: 16,
    maxMessageSize: LARGEST_FRAME,
  };
  return untilDone(() => new Router(options));
}

/** The socket of the publish port, not bound yet. */
export function eventPublisher(): Publisher {
  const options = {
    ...SERVER_OPTIONS,
    sendHighWaterMark: 10_000,
    maxMessageSize: LARGEST_SUBSCRIPTION,
  };
  return untilDone(() => new Publisher(options));
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
  untilDone(() => {
    socket.ipv6 = to.address.includes(':') || to.address === '*';
    socket.curveServer = true;
    socket.curveSecretKey = to.curve.secretKey;
    socket.zapDomain = to.domain;
    socket.zapEnforceDomain = true;
  });
  await socket.bind(endpoint(to.address, to.port));
  const bound = untilDone(() => socket.lastEndpoint);
  if (bound === null) throw new Error(`Cannot tell which port was taken at ${to.address}`);
  return bound;
}
