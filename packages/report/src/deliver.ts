import { randomBytes } from 'node:crypto';
import { type Reply } from '@banshare/protocol';
import { isMacNoted, monotonicSeconds, wallSeconds } from '@banshare/runtime';
import { endpoint, Requester, Sealer, type Answer, type HostKey } from '@banshare/transport';
import type { HostName } from '@banshare/protocol';
import { EXIT, type Ending } from './exit-codes.ts';
import { resolveServer, throughLoopback } from './resolve.ts';
import { NO_SERVER_SECONDS, type Content, type Spool, type Waiting } from './spool.ts';

/** As whom this host reports. */
export type HostIdentity = { key: HostKey; name: HostName };

/** What a delivery needs of its host and its server. Times are milliseconds. */
export type Delivery = {
  place: { server: string; reportPort: number; serverPublicKey: string };
  knownOutside: readonly string[];
  addressCache: string;
  identity: HostIdentity;
  /** What the key file holds now. */
  readIdentity: () => HostIdentity;
  spool: Spool;
  timeoutMs: number;
  isStrict: boolean;
};

/**
 * Delivers reports over one connection, each within its time, or keeps them on disk. States: no connection yet; connected;
 * and, after one report found no server, straight to the spool.
 */
export class Courier {
  readonly #to: Delivery;
  #requester: Requester | undefined;
  #sealer: Sealer | undefined;
  #identity: HostIdentity;
  /** Beside the mark, which a spool that cannot be written does not take: monotonic seconds. */
  #missingUntil = 0;
  #isServerFound = false;

  constructor(to: Delivery) {
    this.#to = to;
    this.#identity = to.identity;
  }

  /** Asks the server about what was kept, and leaves it to the caller what follows from the answer. */
  async resend(waiting: Waiting): Promise<Answer> {
    const deadline = monotonicSeconds() * 1000 + this.#to.timeoutMs;
    if (!(await this.#connect(deadline))) {
      return { ok: false, fault: 'unreachable', reason: `cannot resolve ${this.#to.place.server}` };
    }
    const answer = await this.#askInTime(waiting, deadline);
    if (answer.ok && !this.#isServerFound) this.#to.spool.markServerFound();
    if (answer.ok) this.#isServerFound = true;
    return answer;
  }

  /** Delivers what is new, or what was kept and has its id for life. */
  async deliver(what: Content | Waiting): Promise<Ending> {
    const at = wallSeconds();
    const deadline = monotonicSeconds() * 1000 + this.#to.timeoutMs;
    const isServerMissing = this.#to.spool.isServerMissing || monotonicSeconds() < this.#missingUntil;
    const isConnected = !isServerMissing && (await this.#connect(deadline));
    // Not before the connection: what makes ids and signatures takes some milliseconds to load.
    const waiting: Waiting = 'id' in what ? what : { id: makeId(), at, ...what };
    if (isServerMissing) return this.#keep(waiting, 'the server was not found a moment ago');
    if (!isConnected) return this.#missed(waiting, `cannot resolve ${this.#to.place.server}`);
    const answer = await this.#askInTime(waiting, deadline);
    if (answer.ok) return this.#end(answer.reply, waiting);
    if (answer.fault === 'not-admitted') {
      return { code: EXIT.refused, says: `refused: ${answer.reason}; run banshare-client status` };
    }
    return this.#missed(waiting, answer.reason);
  }

  close(): void {
    this.#requester?.close();
    this.#requester = undefined;
  }

  /** Connects before the key is parsed and the report signed: the handshake runs in another thread meanwhile. */
  async #connect(deadline: number): Promise<boolean> {
    if (this.#requester !== undefined) return true;
    const { place, knownOutside, addressCache } = this.#to;
    const address = await resolveServer(place.server, addressCache, remaining(deadline));
    if (address === undefined) return false;
    this.#requester = new Requester({
      endpoint: endpoint(throughLoopback(address, knownOutside), place.reportPort),
      serverKey: place.serverPublicKey,
      curve: this.#identity.key.curve,
    });
    this.#requester.connect();
    const takesMac = isMacNoted(addressCache, place.serverPublicKey);
    this.#sealer = new Sealer(this.#identity.key, place.serverPublicKey, takesMac);
    return true;
  }

  /** Where this host went over to another key since (banshare-client rotate), the report is signed again with that. */
  async #askInTime(waiting: Waiting, deadline: number): Promise<Answer> {
    const answer = await this.#askByClock(waiting, deadline);
    const identity = isKeyUnknown(answer) ? this.#to.readIdentity() : this.#identity;
    if (identity.key.publicHex === this.#identity.key.publicHex) return answer;
    this.#identity = identity;
    this.close();
    return (await this.#connect(deadline)) ? this.#askByClock(waiting, deadline) : answer;
  }

  /** Where this host's clock is wrong, the report is signed again for the server's. */
  async #askByClock(waiting: Waiting, deadline: number): Promise<Answer> {
    const first = await this.#ask(waiting, waiting.at, deadline);
    const isClockOff = first.ok && first.reply.status === 'RETRY' && first.reply.code === 'clock';
    return isClockOff ? this.#ask(waiting, first.reply.now - ageOf(waiting), deadline) : first;
  }

  async #ask(waiting: Waiting, at: number, deadline: number): Promise<Answer> {
    if (this.#requester === undefined || this.#sealer === undefined) {
      throw new Error('asked before connecting');
    }
    const { key, name } = this.#identity;
    const envelope = { id: waiting.id, at, key: key.publicHex, to: this.#to.place.serverPublicKey };
    const request =
      waiting.kind === 'report'
        ? ({ kind: 'report', sender: name, report: waiting.report } as const)
        : ({ kind: 'unban', ban: waiting.ban } as const);
    const ask = (requester: Requester, sealer: Sealer): Promise<Answer> =>
      requester.request(sealer.seal(envelope, request), remaining(deadline));
    const answer = await ask(this.#requester, this.#sealer);
    return this.#sealer.hasToSign(answer) ? ask(this.#requester, this.#sealer) : answer;
  }

  #end(reply: Reply, waiting: Waiting): Ending {
    // Once a run is enough: while the server answers here, nobody makes another.
    if (!this.#isServerFound) this.#to.spool.markServerFound();
    this.#isServerFound = true;
    if (reply.status === 'REFUSED')
      return { code: EXIT.refused, says: `refused: ${reply.reason ?? reply.code ?? ''}` };
    if (reply.status === 'RETRY')
      return this.#keep(waiting, reply.reason ?? 'the server asks to try again later');
    if (reply.verdict === 'accepted') return { code: EXIT.done };
    const { verdict, reason } = reply;
    return { code: EXIT.done, says: reason === undefined ? verdict : `${verdict}: ${reason}` };
  }

  #missed(waiting: Waiting, reason: string): Ending {
    this.#missingUntil = monotonicSeconds() + NO_SERVER_SECONDS;
    this.#isServerFound = false;
    // A later report, of a run that lasts, resolves the name again.
    this.close();
    this.#to.spool.markServerMissing();
    return this.#keep(waiting, reason);
  }

  #keep(waiting: Waiting, reason: string): Ending {
    try {
      this.#to.spool.keep(waiting);
    } catch (error) {
      return {
        code: EXIT.notNow,
        says: `cannot report (${reason}) and cannot keep the report in the spool: ${(error as Error).message}`,
      };
    }
    return {
      code: this.#to.isStrict ? EXIT.notNow : EXIT.done,
      says: `in the spool, and sent as soon as the server answers: ${reason}`,
    };
  }
}

/** By the door, or behind it: a connection may be older than a change of the key. */
function isKeyUnknown(answer: Answer): boolean {
  return answer.ok ? answer.reply.code === 'unknown-key' : answer.fault === 'not-admitted';
}

/** A fresh id, unique for a report's whole life. */
function makeId(): string {
  return randomBytes(16).toString('hex');
}

function remaining(deadline: number): number {
  return Math.max(1, deadline - monotonicSeconds() * 1000);
}

function ageOf(waiting: Waiting): number {
  return Math.max(0, wallSeconds() - waiting.at);
}
