import type { Reply } from '@banshare/protocol';
import {
  EXIT,
  failpoint,
  monotonicSeconds,
  readMacKey,
  readServerNote,
  type ServerNote,
  wallSeconds,
} from '@banshare/runtime';
import { KeptMac, Sealer, type Answer, type HostKey } from '@banshare/transport';
import type { HostName } from '@banshare/protocol';
import type { Ending } from '../words/ending.ts';
import { Connections, type Way } from './connections.ts';
import { freshId } from './fresh-id.ts';
import { NO_SERVER_SECONDS, type Content, type Spool, type Waiting } from '../spool/spool.ts';

/** As whom this host reports. */
export type HostIdentity = { key: HostKey; name: HostName };

/** What a delivery needs of its host and its servers; of many reports each has the time for itself. */
export type Delivery = Way & {
  /** Where this host's client keeps the key of its MACs. */
  macKey: string;
  identity: HostIdentity;
  /** What the key file holds now. */
  readIdentity: () => HostIdentity;
  spool: Spool;
  isStrict: boolean;
};

/** For so long nothing more is asked where a server names no time, and at most. */
const PAUSE_SECONDS = 10;
const LONGEST_PAUSE_SECONDS = 60;

/**
 * Delivers reports, each within its time, or keeps them on disk. States: no connection yet; connected; and, after one report found
 * no server, straight to the spool.
 */
export class Courier {
  readonly #to: Delivery;
  readonly #connections: Connections;
  #opened: Promise<void> | undefined;
  #sealer: Sealer | undefined;
  #identity: HostIdentity;
  /** Beside the mark, which a spool that cannot be written does not take: monotonic seconds. */
  #missingUntil = 0;
  #isServerFound = false;
  /** Monotonic seconds, and why. */
  #pausedUntil = 0;
  #pausedFor = '';

  constructor(to: Delivery) {
    this.#to = to;
    this.#connections = new Connections(to);
    this.#identity = to.identity;
  }

  /** Asks the server about what was kept, and leaves it to the caller what follows from the answer. */
  async resend(waiting: Waiting): Promise<Answer> {
    const deadline = this.#deadline();
    await this.#connect(deadline);
    const answer = await this.#askInTime(waiting, deadline);
    if (answer.ok && !this.#isServerFound) this.#to.spool.markServerFound();
    if (answer.ok) this.#isServerFound = true;
    return answer;
  }

  /** Delivers what is new, or what was kept and has its id for life. */
  async deliver(what: Content | Waiting): Promise<Ending> {
    const at = wallSeconds();
    await this.#waitForRoom();
    const deadline = this.#deadline();
    const why = this.#whyNotNow();
    if (why === undefined) await this.#connect(deadline);
    const waiting: Waiting = 'id' in what ? what : { id: freshId(), at, ...what };
    if (why !== undefined) return this.#keep(waiting, why);
    const answer = await this.#askInTime(waiting, deadline);
    if (answer.ok && this.#isPaused(answer.reply) && !this.#to.spool.hasRoom) return this.deliver(waiting);
    if (answer.ok) return this.#end(answer.reply, waiting);
    if (answer.fault === 'not-admitted') {
      return { code: EXIT.refused, says: `refused: ${answer.reason}; run banshare-client status` };
    }
    return this.#missed(waiting, answer.reason);
  }

  #deadline(): number {
    return monotonicSeconds() * 1000 + this.#to.timeoutMs;
  }

  /** Why a report goes straight to the spool. */
  #whyNotNow(): string | undefined {
    const now = monotonicSeconds();
    if (this.#to.spool.isServerMissing || now < this.#missingUntil)
      return 'the server was not found a moment ago';
    return now < this.#pausedUntil ? this.#pausedFor : undefined;
  }

  /** Where one of many is told that this host reports too much, the others ask no more for as long as the server says. */
  #isPaused({
    status,
    code,
    reason = 'the server asks to try again later',
    after = PAUSE_SECONDS,
  }: Reply): boolean {
    if (!this.#to.isMany || status !== 'RETRY' || code !== 'limit') return false;
    this.#pausedUntil = monotonicSeconds() + Math.min(after, LONGEST_PAUSE_SECONDS);
    this.#pausedFor = reason;
    return true;
  }

  /** A full spool takes nothing: then many reports wait here, rather than be lost, until the server takes more. */
  async #waitForRoom(): Promise<void> {
    for (;;) {
      const seconds = this.#pausedUntil - monotonicSeconds();
      if (seconds <= 0 || this.#to.spool.hasRoom) return;
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
  }

  close(): void {
    this.#opened = undefined;
    this.#connections.close();
  }

  /** Of many that want a connection at once, one makes it, and all go on in their order. */
  #connect(deadline: number): Promise<void> {
    return (this.#opened ??= this.#open(deadline));
  }

  /** Connects before the key is parsed and the report signed: the handshake runs in another thread meanwhile. */
  async #open(deadline: number): Promise<void> {
    const { serverEndpoint, addressCache } = this.#to;
    const { key } = this.#identity;
    let read: { note: ServerNote | undefined } | undefined;
    const noted = (): ServerNote | undefined => (read ??= { note: readServerNote(addressCache) }).note;
    await this.#connections.open(noted, key.curve, deadline);
    this.#sealer = new Sealer(key, serverEndpoint.serverPublicKey, this.#macOf(noted()));
  }

  /** Whether the servers take MACs; of a single report what makes one, where the key is kept: node:crypto takes 3 ms to load. */
  #macOf(note: ServerNote | undefined): boolean | KeptMac {
    const { serverEndpoint, macKey, isMany } = this.#to;
    if (note?.macKey !== serverEndpoint.serverPublicKey) return false;
    const between = { host: this.#identity.key.publicHex, server: serverEndpoint.serverPublicKey };
    const kept = isMany ? undefined : readMacKey(macKey, between);
    return kept === undefined ? true : new KeptMac(kept);
  }

  /** Where this host went over to another key since (banshare-client rotate), the report is signed again with that. */
  async #askInTime(waiting: Waiting, deadline: number): Promise<Answer> {
    const asked = this.#identity;
    const answer = await this.#askByClock(waiting, deadline);
    if (isKeyUnknown(answer)) this.#goOver(this.#to.readIdentity());
    // Another report may have gone over meanwhile, and cut this one.
    const isNewKey = this.#identity.key.publicHex !== asked.key.publicHex;
    if (!isNewKey || (answer.ok && !isKeyUnknown(answer))) return answer;
    await this.#connect(deadline);
    return this.#askByClock(waiting, deadline);
  }

  #goOver(identity: HostIdentity): void {
    if (identity.key.publicHex === this.#identity.key.publicHex) return;
    this.#identity = identity;
    this.close();
  }

  /** Where this host's clock is wrong, the report is signed again for the server's. */
  async #askByClock(waiting: Waiting, deadline: number): Promise<Answer> {
    const first = await this.#ask(waiting, waiting.at, deadline);
    const isClockOff = first.ok && first.reply.status === 'RETRY' && first.reply.code === 'clock';
    return isClockOff ? this.#ask(waiting, first.reply.now - ageOf(waiting), deadline) : first;
  }

  async #ask(waiting: Waiting, at: number, deadline: number): Promise<Answer> {
    const sealer = this.#sealer;
    if (sealer === undefined) throw new Error('unreachable: it is made with the connection');
    const { key, name } = this.#identity;
    const to = this.#to.serverEndpoint.serverPublicKey;
    const envelope = { id: waiting.id, at, age: ageOf(waiting), key: key.publicHex, to };
    const request =
      waiting.kind === 'report'
        ? ({ kind: 'report', sender: name, report: waiting.report } as const)
        : ({ kind: 'unban', ban: waiting.ban } as const);
    const ask = (): Promise<Answer> => this.#connections.request(sealer.seal(envelope, request), deadline);
    const isByMac = sealer.takesMac;
    const answer = await ask();
    // Of many that are refused for their MAC the first one makes all sign.
    return isByMac && (sealer.hasToSign(answer) || isMacRefused(answer)) ? ask() : answer;
  }

  #end(reply: Reply, waiting: Waiting): Ending {
    failpoint('answered');
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

function isMacRefused(answer: Answer): boolean {
  return answer.ok && answer.reply.code === 'signature';
}

/** In milliseconds, which say enough. */
function ageOf(waiting: Waiting): number {
  return Math.round(Math.max(0, wallSeconds() - waiting.at) * 1000) / 1000;
}
