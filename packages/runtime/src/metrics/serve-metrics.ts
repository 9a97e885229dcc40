import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { EXIT } from '../process/exit-codes.ts';
import { isLoopback } from '../config/kinds/metrics-kinds.ts';
import { monotonicSeconds } from '../machine/clock.ts';
import { formFor } from './accept.ts';
import { exposed, MEDIA_TYPES, type Family, type Form } from './exposition.ts';
import type { FromMetrics, ToMetrics } from './messages.ts';

const KEPT_SECONDS = 1;
const ANSWER_MS = 5000;
const MOST_CONNECTIONS = 64;
const REQUEST_MS = 5000;
const IDLE_MS = 90_000;
const HEADER_BYTES = 8192;

const ALWAYS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'",
  'x-content-type-options': 'nosniff',
};

/** What the daemon told last, undefined where it could not, and when that came; monotonic seconds. */
type Told = { measures: unknown; at: number };

/**
 * The child that serves a daemon's metrics: it answers GET /metrics and nothing else, of what its daemon told at most a second ago, and
 * ends with it. `families` are those of that daemon's measures.
 */
export async function serveMetrics(families: (measures: unknown) => Family[]): Promise<void> {
  // Loaded in this process only.
  const { createServer } = await import('node:http');
  const asker = new Asker(() => say({ word: 'ask' }));
  const texts = new Map<Form, { of: unknown; text: string }>();
  let knowsHosts = true;
  const textOf = (measures: unknown, form: Form): string => {
    const kept = texts.get(form);
    if (kept !== undefined && kept.of === measures) return kept.text;
    const text = exposed(families(measures), form);
    texts.set(form, { of: measures, text });
    return text;
  };
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: IDLE_MS,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      const refusal = refusalOf(request, knowsHosts);
      if (refusal !== undefined) return answer(response, refusal.status, refusal.says);
      return void asker.ask().then((measures) => {
        if (measures === undefined) return answer(response, 503, 'The daemon does not answer now');
        const form = formFor(request.headers.accept);
        return answer(response, 200, textOf(measures, form), MEDIA_TYPES[form]);
      });
    },
  );
  server.maxConnections = MOST_CONNECTIONS;
  server.on('error', (error) => {
    // process.exit() would not wait for what is told.
    process.send?.({ word: 'failed', reason: error.message } satisfies FromMetrics, () =>
      process.exit(EXIT.failed),
    );
  });
  process.on('disconnect', () => process.exit(EXIT.done));
  // The terminal's Ctrl-C reaches the whole group; the parent decides when this child ends.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.on('SIGHUP', () => undefined);
  process.on('message', (message: ToMetrics) => {
    if (message.word === 'measures') return asker.told(message.measures ?? undefined);
    knowsHosts = isLoopback(message.address);
    server.listen({ host: message.address, port: message.port }, () => {
      const bound = server.address();
      say({ word: 'opened', port: typeof bound === 'object' && bound !== null ? bound.port : message.port });
    });
  });
}

/** Asks the daemon for everybody who asks meanwhile. */
class Asker {
  readonly #send: () => void;
  readonly #waiting = new Set<(measures: unknown) => void>();
  #told: Told | undefined;

  constructor(send: () => void) {
    this.#send = send;
  }

  /** What the daemon tells, or told a moment ago; undefined where it does not answer in time. */
  ask(): Promise<unknown> {
    const told = this.#told;
    if (told !== undefined && monotonicSeconds() - told.at < KEPT_SECONDS)
      return Promise.resolve(told.measures);
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(undefined), ANSWER_MS);
      const done = (measures: unknown): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve(measures);
      };
      if (this.#waiting.size === 0) this.#send();
      this.#waiting.add(done);
    });
  }

  told(measures: unknown): void {
    // Also that it could not: else whoever asks all the time has it try all the time.
    this.#told = { measures, at: monotonicSeconds() };
    for (const done of this.#waiting) done(measures);
  }
}

/**
 * Why a request is not answered. A page in somebody's browser that has a name of its own lead here must not read what is served on
 * loopback: there only addresses and localhost are known as names of this server.
 */
function refusalOf(
  { method, url = '', headers }: IncomingMessage,
  isLocal: boolean,
): { status: number; says: string } | undefined {
  const host = (headers.host ?? '').replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  if (isLocal && host !== 'localhost' && isIP(host) === 0)
    return { status: 421, says: 'This is known as localhost, or by its address, only' };
  if (url.split('?', 1)[0] !== '/metrics') return { status: 404, says: 'There is only /metrics' };
  if (method !== 'GET') return { status: 405, says: 'There is only GET' };
  if ((headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined)
    return { status: 413, says: 'A GET has no body here' };
  return undefined;
}

/** What is refused ends its connection, so that nothing more is read of it. */
function answer(
  response: ServerResponse,
  status: number,
  text: string,
  type = 'text/plain; charset=utf-8',
): void {
  const more = {
    ...(status === 200 ? {} : { connection: 'close' }),
    ...(status === 405 ? { allow: 'GET' } : {}),
  };
  const body = Buffer.from(status === 200 ? text : `${text}\n`);
  response.writeHead(status, { ...ALWAYS, ...more, 'content-type': type, 'content-length': body.length });
  response.end(body);
}

function say(message: FromMetrics): void {
  if (process.connected) process.send?.(message, () => undefined);
}
