import { monotonicSeconds, type ServerNote, type ServerEndpoint, throughLoopback } from '@banshare/runtime';
import { endpoint, Pipeline, Requester, type Answer, type HostKey, type Sealed } from '@banshare/transport';
import { resolveServer } from './resolve.ts';

/** Where the servers are, and how they are asked. Times are milliseconds. */
export type Way = {
  serverEndpoint: Pick<ServerEndpoint, 'servers' | 'reportPort' | 'serverPublicKey'>;
  knownOutside: readonly string[];
  addressCache: string;
  timeoutMs: number;
  isMany: boolean;
};

/** One server; heardAt is when it last answered, in monotonic milliseconds. */
type Line = {
  readonly server: string;
  asker: Requester | Pipeline | undefined;
  connecting: Promise<Requester | Pipeline | undefined> | undefined;
  heardAt: number;
};

/** After so long without an answer the next server is asked as well. */
const STEP_MS = 400;

/**
 * The connections over which reports go: to the server that this host's client uses, and to the next ones where that does not answer
 * in time or says that it cannot write. The first answer counts. All are asked the same, by its id: together they take it once.
 */
export class Connections {
  readonly #way: Way;
  readonly #stepMs: number;
  #curve: HostKey['curve'] | undefined;
  #noted: () => ServerNote | undefined = () => undefined;
  /** In the order in which they are asked; none while closed. */
  #lines: Line[] = [];

  constructor(way: Way) {
    this.#way = way;
    this.#stepMs = Math.min(STEP_MS, way.timeoutMs / way.serverEndpoint.servers.length);
  }

  /**
   * Begins to connect to the first server, in libzmq's own thread; waits for a resolver no longer than that server is waited for.
   * @param noted what the client has noted: it is read only where that is needed before the first server is connected to.
   */
  async open(noted: () => ServerNote | undefined, curve: HostKey['curve'], deadline: number): Promise<void> {
    this.#noted = noted;
    this.#curve = curve;
    const { servers } = this.#way.serverEndpoint;
    this.#lines = (servers.length === 1 ? servers : inOrder(servers, noted())).map((server) => ({
      server,
      asker: undefined,
      connecting: undefined,
      heardAt: 0,
    }));
    const [first, ...others] = this.#lines;
    if (first === undefined) return;
    const connecting = this.#connect(first, deadline);
    await (others.length === 0 ? connecting : this.#orSilence(connecting, first));
  }

  /** Asks until a deadline, in monotonic milliseconds. */
  request(message: Sealed, deadline: number): Promise<Answer> {
    const [first, ...others] = this.#lines;
    // One of many may have found the server silent, and closed what all of them use.
    if (first === undefined) return Promise.resolve(unreachable('the connection was closed'));
    return others.length === 0
      ? this.#askAt(first, message, deadline)
      : this.#askInTurn(first, others, message, deadline);
  }

  close(): void {
    for (const line of this.#lines) this.#closeLine(line);
    this.#lines = [];
  }

  /** The one that is asked first goes on being asked: it may still be the first to answer. */
  async #askInTurn(line: Line, others: readonly Line[], message: Sealed, deadline: number): Promise<Answer> {
    const own = this.#askAt(line, message, deadline);
    const [next, ...more] = others;
    if (next === undefined) return own;
    const early = await this.#orSilence(own, line);
    if (early !== undefined && !mayAnotherKnow(early)) return early;
    let said = early;
    void own.then((answer) => (said = answer));
    const answer = await firstThatKnows(own, this.#askInTurn(next, more, message, deadline));
    if (said !== answer && !mayAnotherKnow(answer)) this.#passOver(line);
    else this.#hangUp(others);
    return answer;
  }

  async #askAt(line: Line, message: Sealed, deadline: number): Promise<Answer> {
    const asker = line.asker ?? (await this.#connect(line, deadline));
    if (asker === undefined) return unreachable(`cannot resolve ${line.server}`);
    const answer = await asker.request(message, remaining(deadline));
    if (answer.ok) line.heardAt = nowMs();
    return answer;
  }

  /** Of many that want a connection at once, one makes it. Undefined where the server's name could not be resolved in time. */
  #connect(line: Line, deadline: number): Promise<Requester | Pipeline | undefined> {
    return (line.connecting ??= this.#makeConnection(line, deadline));
  }

  async #makeConnection(line: Line, deadline: number): Promise<Requester | Pipeline | undefined> {
    const { serverEndpoint, knownOutside, addressCache, isMany } = this.#way;
    const ip = (): string | undefined => this.#noted()?.servers.find(({ name }) => name === line.server)?.ip;
    const address = await resolveServer(line.server, { ip, path: addressCache }, remaining(deadline));
    if (address === undefined || this.#curve === undefined) return undefined;
    const peer = {
      endpoint: endpoint(throughLoopback(address, knownOutside), serverEndpoint.reportPort),
      serverKey: serverEndpoint.serverPublicKey,
      curve: this.#curve,
    };
    const asker = isMany ? new Pipeline(peer) : new Requester(peer);
    asker.connect();
    line.asker = asker;
    return asker;
  }

  /** What comes of it; undefined once the server has said nothing at all for a while: one of many waits its turn. */
  #orSilence<T>(coming: Promise<T>, line: Line): Promise<T | undefined> {
    return new Promise((resolve) => {
      let since = nowMs();
      const end = (what?: T): void => {
        clearInterval(timer);
        resolve(what);
      };
      const look = (): void => {
        if (line.heardAt <= since) end();
        else since = nowMs();
      };
      // A process that got no time itself finds an answer that came meanwhile, before it calls the server silent.
      const timer = setInterval(() => setImmediate(look), this.#stepMs);
      void coming.then(end);
    });
  }

  /** Another one answers: it is asked first from now on. */
  #passOver(line: Line): void {
    if (!this.#lines.includes(line)) return;
    this.#lines = [...this.#lines.filter((each) => each !== line), line];
    this.#hangUp([line]);
  }

  /** A connection for one request at a time that still waits for an answer takes no other; over one for many it may come late. */
  #hangUp(lines: readonly Line[]): void {
    if (!this.#way.isMany) for (const line of lines) this.#closeLine(line);
  }

  #closeLine(line: Line): void {
    line.asker?.close();
    line.asker = undefined;
    line.connecting = undefined;
  }
}

/** As the client of this host tries them; those that it does not know of come last. */
function inOrder(servers: readonly string[], note: ServerNote | undefined): string[] {
  const noted = (note?.servers ?? []).flatMap(({ name }) => (servers.includes(name) ? [name] : []));
  return [...noted, ...servers.filter((server) => !noted.includes(server))];
}

/** The first answer that is one; where neither is, the one that leaves more hope. */
function firstThatKnows(one: Promise<Answer>, other: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve) => {
    const settle = (answer: Answer): void => {
      if (!mayAnotherKnow(answer)) resolve(answer);
    };
    void one.then(settle);
    void other.then(settle);
    void Promise.all([one, other]).then(([a, b]) => resolve(hopeOf(b) > hopeOf(a) ? b : bothSay(a, b)));
  });
}

/** Whether the next server may say otherwise: this one does not answer, cannot write now, or does not know this host yet. */
function mayAnotherKnow(answer: Answer): boolean {
  if (!answer.ok) return true;
  const { status, code } = answer.reply;
  return (status === 'RETRY' && code === 'ledger') || code === 'unknown-key';
}

/** One that will write again comes before one that may come back, and that before one that does not let this host in. */
function hopeOf(answer: Answer): number {
  if (answer.ok) return answer.reply.status === 'RETRY' ? 2 : 0;
  return answer.fault === 'not-admitted' ? 0 : 1;
}

function bothSay(one: Answer, other: Answer): Answer {
  const isSame = one.ok || other.ok || hopeOf(one) !== hopeOf(other) || one.reason === other.reason;
  return isSame ? one : { ...one, reason: `${one.reason}; ${other.reason}` };
}

function unreachable(reason: string): Answer {
  return { ok: false, fault: 'unreachable', reason };
}

function remaining(deadline: number): number {
  return Math.max(1, deadline - nowMs());
}

function nowMs(): number {
  return monotonicSeconds() * 1000;
}
