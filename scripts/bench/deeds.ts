import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { rotationText } from '@banshare/protocol';
import { hostPaths } from '@banshare/runtime';
import { makeIdentity, readSecretSections, Signer, type Answer, type Identity } from '@banshare/transport';
import { ask as askDaemon } from '../../test/chaos/state-of.ts';
import { untilAnswered } from '../../test/fleet/within.ts';
import { makeId, Peer, type Meeting } from '../../test/fleet/peers/peer.ts';
import { reportOf } from '../../packages/server/test/reports.ts';
import { Fault } from '../say.ts';
import { median, quantile, show, type Figure } from './figures.ts';
import type { BenchFleet } from './load/fleet.ts';

const ROUNDS = 25;
const MOST_MS = 10_000;
/** One question waits for 10 s: so long a server that answers is not silent for three of them. */
const UNANSWERED_MS = 30_000;
const CUT_MS = 300;

/** Where two servers of one ledger are: what is done at the first counts at the ports of the second a moment later. */
export type Pair = { readonly a: string; readonly b: string };

/** What comes of a request, as one word. */
type Look = () => Promise<string>;

/** How long after a deed's answer at one server it counts at the ports of the other, for each kind of deed. */
export async function measureDeeds(fleet: BenchFleet, at: Pair): Promise<Figure> {
  const bench = new Deeds(fleet, at);
  try {
    await bench.begin();
    for (let round = 0; round < ROUNDS; round += 1) await bench.round(round);
    return bench.figure();
  } finally {
    bench.end();
  }
}

class Deeds {
  readonly #meetings: { readonly a: Meeting; readonly b: Meeting };
  readonly #socket: string;
  readonly #times = new Map<string, number[]>();
  /** What one question to the second server takes: as fine as the rest can be. */
  readonly #questions: number[] = [];
  readonly #peers: Peer[] = [];
  /** A host that is in the fleet all the time: over its connections the others ask, so that what is measured is no handshake. */
  #known: Peer | undefined;
  #second: Peer | undefined;
  #count = 0;

  constructor(fleet: BenchFleet, at: Pair) {
    const { reportPort: report, publishPort: publish } = fleet.fleet;
    const [server, joining] = ['server', 'join'].map((name) => {
      const read = readSecretSections(join(fleet.certs, name));
      if (!read.ok) throw new Fault(read.fault);
      return read.value.curve;
    });
    if (server === undefined || joining === undefined) throw new Fault('The fleet has no keys');
    const meeting = { keys: { server, join: joining }, ports: () => ({ report, publish }) };
    this.#meetings = { a: { ...meeting, address: at.a }, b: { ...meeting, address: at.b } };
    this.#socket = hostPaths(join(fleet.folder, 'a')).serverSocket;
  }

  async begin(): Promise<void> {
    await this.#do('enrolment', { mode: 'open', for: '1h' });
    this.#known = await Peer.enrolled(this.#meetings.a, 'known');
    this.#peers.push(this.#known);
    await this.#do('enrolment', { mode: 'approve' });
    await untilAnswered(
      () => this.#enters(),
      MOST_MS,
      () => 'a host of the first server at the second',
    );
  }

  /** Whether the second server lets the host in; who was refused once is so for good, over that connection. */
  async #enters(): Promise<true | undefined> {
    const there = this.#knownPeer.at(this.#meetings.b);
    const answer = await there.ask({ kind: 'sync', limit: 1 });
    there.leave();
    return answer.ok ? true : undefined;
  }

  /** Everything that an operator or a host does to the fleet, once. */
  async round(n: number): Promise<void> {
    const name = `new-${n}`;
    const look = this.#asks(this.#knownAtB);
    await look();
    const began = performance.now();
    await look();
    this.#questions.push(performance.now() - began);
    const newcomer = this.#peer(await makeIdentity());
    const next = await makeIdentity();
    const [atB, nextAtB] = [this.#atB(newcomer.identity), this.#atB(next)];
    await this.#untilItCounts('enrolment', this.#asks(atB), () => newcomer.enrol(name));
    await this.#untilItCounts('approval', this.#asks(atB), () => this.#change('approve', name));
    await this.#untilItCounts('rotation', this.#asks(nextAtB), () => this.#rotate(newcomer, next));
    await this.#isCut();
    await this.#untilItCounts('revocation', this.#asks(nextAtB), () => this.#change('revoke', name));
    await this.#isCut();
    await this.#untilItCounts('never-ban', this.#reports(n), () =>
      this.#do('never-ban', { action: 'add', range: `47.0.${n}.0/24` }),
    );
    await this.#untilItCounts('enrolment mode', this.#enrols(), () =>
      this.#do('enrolment', { mode: 'closed' }),
    );
    await this.#untilItCounts('enrolment mode', this.#enrols(), () =>
      this.#do('enrolment', { mode: 'approve' }),
    );
  }

  figure(): Figure {
    const all = [...this.#times.values()].flat();
    const each = [...this.#times].map(([what, times]) => `${what} ${show(quantile(times, 0.99), 'ms')}`);
    return {
      name: 'enrolment, approval, revocation, rotation, never-ban, mode: until they count at the other server, p99',
      value: quantile(all, 0.99),
      unit: 'ms',
      bound: 'most',
      goal: 100,
      raw: `p50 ${show(median(all), 'ms')} of ${all.length}; p99 of ${each.join(', ')}; one question alone p50 ${show(median(this.#questions), 'ms')}, p99 ${show(quantile(this.#questions, 0.99), 'ms')}`,
    };
  }

  end(): void {
    for (const peer of this.#peers) peer.leave();
  }

  /** Does something at the first server, and asks the second until it answers otherwise than before; what has no answer is asked again. */
  async #untilItCounts(what: string, look: Look, deed: () => Promise<unknown>): Promise<void> {
    const answered = async (): Promise<string | undefined> => {
      const word = await look();
      return word === 'unreachable' ? undefined : word;
    };
    const before = await untilAnswered(answered, UNANSWERED_MS, () => 'an answer of the other server');
    await deed();
    const done = performance.now();
    for (let now: string | undefined = before; now === undefined || now === before; now = await answered())
      if (performance.now() - done > (now === undefined ? UNANSWERED_MS : MOST_MS))
        throw new Fault(`${what} does not count at the other server: ${now ?? 'it does not answer'}`);
    this.#times.set(what, [...(this.#times.get(what) ?? []), performance.now() - done]);
  }

  /** Behind a key that counts no more servers cut every connection once: what is asked next would wait for another one. */
  async #isCut(): Promise<void> {
    await pause(CUT_MS);
    await this.#asks(this.#knownAtB)();
  }

  #asks(peer: Peer): Look {
    return async () => wordOf(await peer.ask({ kind: 'sync', limit: 1 }, {}, this.#curve));
  }

  #reports(n: number): Look {
    const known = this.#knownAtB;
    let last = 0;
    return async () => {
      last += 1;
      return wordOf(await known.ask(reportOf(known, `47.0.${n}.${last}`)));
    };
  }

  /** Of keys that nobody has heard of yet. */
  #enrols(): Look {
    return async () => {
      const stranger = this.#atB(await makeIdentity());
      this.#count += 1;
      const { request, id } = stranger.enrolment(`stranger-${this.#count}`);
      return wordOf(await stranger.ask(request, { id }, this.#curve));
    };
  }

  async #rotate(peer: Peer, next: Identity): Promise<void> {
    const id = makeId();
    const text = rotationText({ id, key: peer.identity.publicHex, to: peer.serverKey }, next.publicHex);
    const proof = new Signer(next.seedHex).sign(text).toString('hex');
    const answer = await peer.ask({ kind: 'rotate', next: next.publicHex, proof }, { id });
    if (!answer.ok || answer.reply.status !== 'OK') throw new Fault(`No rotation: ${wordOf(answer)}`);
  }

  #change(action: string, name: string): Promise<void> {
    return this.#do('change-host', { action, name });
  }

  async #do(command: string, args: object): Promise<void> {
    if ((await askDaemon(this.#socket, command, args)) === undefined)
      throw new Fault(`The server refuses ${command} ${JSON.stringify(args)}`);
  }

  #peer(identity: Identity): Peer {
    const peer = new Peer(this.#meetings.a, identity);
    this.#peers.push(peer);
    return peer;
  }

  #atB(identity: Identity): Peer {
    const peer = new Peer(this.#meetings.b, identity);
    this.#peers.push(peer);
    return peer;
  }

  get #knownPeer(): Peer {
    if (this.#known === undefined) throw new Fault('begin() comes first');
    return this.#known;
  }

  get #knownAtB(): Peer {
    this.#second ??= this.#knownPeer.at(this.#meetings.b);
    if (!this.#peers.includes(this.#second)) this.#peers.push(this.#second);
    return this.#second;
  }

  get #curve(): Identity['curve'] {
    return this.#knownPeer.identity.curve;
  }
}

function wordOf(answer: Answer): string {
  return answer.ok ? (answer.reply.code ?? answer.reply.verdict) : answer.fault;
}
