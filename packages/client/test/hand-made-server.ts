import { createHash } from 'node:crypto';
import { after } from 'node:test';
import {
  EMPTY_TAIL,
  encodeEvents,
  encodeHeartbeat,
  encodeReply,
  nextTail,
  parseRequest,
  syncFields,
  type Event,
  type Position,
  type Reply,
  type Request,
  type SyncAnswer,
  type SyncRequest,
} from '@banshare/protocol';
import {
  answerZap,
  MAC_BYTES,
  makeCurvePair,
  portOf,
  PublishPort,
  readIncoming,
  ReportPort,
  type Admission,
  type CurvePair,
} from '@banshare/transport';
import { takePort } from '../../../test/fleet/ports.ts';
import { eventOf, ip } from './make.ts';

/** What a server answers: a reply without what every reply has, or silence. */
export type Answering = (
  request: Request,
) => (Partial<Reply> & Pick<Reply, 'status' | 'verdict'>) | undefined;

const BEAT_MS = 20;
const MAC_REFUSED = { status: 'REFUSED', verdict: 'refused', code: 'signature' } as const;

/** One for the whole process: libzmq gives its memory free only some time after it closed. */
let admission: Admission = 'admit';
const door = await answerZap(() => admission);
after(() => door.close());

/** Events that continue a position, with their tails; one address each. */
export function chain(after: Position, count: number, more: Partial<Event> = {}): Event[] {
  const events: Event[] = [];
  let { seq, tail } = after;
  for (let made = 0; made < count; made += 1) {
    seq += 1;
    const event = eventOf({ epoch: after.epoch, seq, ip: ip(`203.0.113.${seq % 256}`), ...more });
    tail = nextTail((text) => createHash('sha256').update(text).digest('hex'), tail, event);
    events.push({ ...event, tail });
  }
  return events;
}

export const start = (epoch = 'e1'): Position => ({ epoch, seq: 0, tail: EMPTY_TAIL });

export function positionOf(events: readonly Event[]): Position {
  const last = events.at(-1) ?? start();
  return { epoch: last.epoch, seq: last.seq, tail: last.tail };
}

/**
 * A server made by hand over real sockets: it publishes what the test says, and answers sync from `history`, or as the test
 * says.
 */
export class HandMadeServer implements AsyncDisposable {
  readonly curve: CurvePair;
  readonly asked: Request[] = [];
  #question = Promise.withResolvers<void>();
  history: Event[] = [];
  /** Set by a test that wants another answer to sync than the honest one; undefined is silence. */
  syncAnswer: (
    request: SyncRequest,
    honest: () => SyncAnswer,
  ) => SyncAnswer | 'retry' | 'behind' | undefined = (_request, honest) => honest();
  /** What it answers to anything but sync. */
  answer: Answering = () => ({ status: 'OK', verdict: 'accepted' });
  now = 1_795_257_600;
  /** A server of an earlier version refuses a MAC as a signature that does not fit. */
  takesMac = true;
  /** By what each request was sealed. */
  readonly sealedBy: ('mac' | 'signature')[] = [];
  /** Whether its heartbeats say that its database is away. */
  isStale = false;
  readonly #publish = new PublishPort();
  readonly #report = new ReportPort();
  #endpoints = { reportEndpoint: '', publishEndpoint: '' };
  #beat: NodeJS.Timeout | undefined;

  constructor(curve: CurvePair) {
    this.curve = curve;
  }

  /** @param like another server of the same fleet, whose keys, ports and history it has; it is at the second address. */
  static async start(like?: HandMadeServer): Promise<HandMadeServer> {
    const server = new HandMadeServer(like?.curve ?? (await makeCurvePair()));
    server.history = [...(like?.history ?? [])];
    admission = 'admit';
    const at = (domain: string, port: number): Parameters<ReportPort['listen']>[0] => ({
      domain,
      curve: server.curve,
      address: like === undefined ? '127.0.0.1' : '127.0.0.2',
      port,
    });
    const { report, publish } = like?.ports ?? { report: takePort(), publish: takePort() };
    server.#endpoints = {
      reportEndpoint: await server.#report.listen(at('report', report)),
      publishEndpoint: await server.#publish.listen(at('publish', publish)),
    };
    void server.#serve();
    return server;
  }

  get address(): { reportEndpoint: string; publishEndpoint: string; serverKey: string } {
    return { ...this.#endpoints, serverKey: this.curve.publicKey };
  }

  get ports(): { report: number; publish: number } {
    return {
      report: portOf(this.#endpoints.reportEndpoint),
      publish: portOf(this.#endpoints.publishEndpoint),
    };
  }

  /** The sync requests so far, in short. */
  get syncs(): string[] {
    return this.asked.flatMap((request) => (request.kind === 'sync' ? [syncText(request)] : []));
  }

  get head(): Position {
    return positionOf(this.history);
  }

  /** What its door says to every key from now on. */
  set admission(next: Admission) {
    admission = next;
  }

  /** Resolves with the next request that comes. */
  nextQuestion(): Promise<void> {
    return this.#question.promise;
  }

  /** Begins to beat with its head; a subscriber has everything that is published after the first beat it hears. */
  beat(): void {
    this.#beat ??= setInterval(() => void this.heartbeat(), BEAT_MS);
  }

  /** Stops beating; what was sent may still be on its way. */
  hush(): void {
    clearInterval(this.#beat);
    this.#beat = undefined;
  }

  heartbeat(head: Position = this.head): Promise<void> {
    return this.#publish.publish(
      ...encodeHeartbeat({ ...head, now: this.now, ...(this.isStale ? { stale: true } : {}) }),
    );
  }

  publish(...events: Event[]): Promise<void> {
    return this.#publish.publish(...encodeEvents(events));
  }

  publishRaw(subject: string, body: string): Promise<void> {
    return this.#publish.publish(subject, body);
  }

  /** Adds events to its history without a word. */
  record(count: number, more: Partial<Event> = {}): Event[] {
    const events = chain(this.head, count, more);
    this.history.push(...events);
    return events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hush();
    this.#publish.close();
    this.#report.close();
    await Promise.resolve();
  }

  async #serve(): Promise<void> {
    for (;;) {
      const frames = await this.#report.receive();
      if (frames === undefined) return;
      const incoming = readIncoming(frames);
      if ('fault' in incoming) continue;
      const request = parseRequest(incoming.subject, incoming.body);
      if (!request.ok) continue;
      this.asked.push(request.value);
      this.#question.resolve();
      this.#question = Promise.withResolvers();
      const isMac = incoming.signature.length === MAC_BYTES;
      this.sealedBy.push(isMac ? 'mac' : 'signature');
      const reply = isMac && !this.takesMac ? MAC_REFUSED : this.#reply(request.value);
      if (reply === undefined) continue;
      const frame = encodeReply({ id: request.value.id, now: this.now, ...reply });
      await this.#report.answer(incoming.envelope, frame);
    }
  }

  #reply(request: Request): ReturnType<Answering> {
    if (request.kind !== 'sync') return this.answer(request);
    const answer = this.syncAnswer(request, () => this.#honest(request));
    if (answer === 'retry') return { status: 'RETRY', verdict: 'retry', reason: 'busy' };
    if (answer === 'behind')
      return {
        status: 'RETRY',
        verdict: 'retry',
        code: 'behind',
        epoch: this.head.epoch,
        seq: this.head.seq,
      };
    return answer && { status: 'OK', verdict: 'accepted', fields: syncFields(answer) };
  }

  #honest({ epoch, since, tail, limit }: SyncRequest): SyncAnswer {
    const { head, history } = this;
    const known = since === 0 ? start(head.epoch) : history.find(({ seq }) => seq === since);
    if (since === undefined || epoch !== head.epoch || known?.tail !== tail)
      return { kind: 'snapshot', head, bans: history };
    return { kind: 'events', head, events: history.filter(({ seq }) => seq > since).slice(0, limit) };
  }
}

function syncText({ epoch, since, snapshot, next }: SyncRequest): string {
  if (next !== undefined) return `page ${next} of ${epoch}/${snapshot}`;
  return since === undefined ? 'everything' : `after ${epoch}/${since}`;
}
