import { rotationText, type Envelope, type RotateRequest } from '@banshare/protocol';
import { curveKeyOf, SignatureChecker } from '@banshare/transport';
import { refuse, retry, type Answer } from '../words/answer.ts';
import type { Audit } from '../ledger/audit.ts';
import type { Admissions } from '../ports/admissions.ts';
import type { HostBook } from './hosts.ts';
import type { PublishDoors } from './membership.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Host } from '../words/host.ts';
import { TokenBucket } from '../words/token-bucket.ts';

export type RotationParts = {
  ledger: Ledger;
  book: HostBook;
  admissions: Admissions;
  doors: PublishDoors;
  audit: Audit;
  now: () => number;
};

/** Each new key is a line in the audit log, and its use cuts every subscription for a moment. */
const MOST_AT_ONCE = 5;
const PER_MINUTE = 1;
const COME_AGAIN_SECONDS = 60;

/**
 * How a host goes over to another key. States of a host: one key; a next one waits beside it, and both are let in; the next
 * one signed something, and is the host's one key. Whoever holds the key that counts decides which is next, and only what the
 * next one signs makes it count: so a host that is killed at any moment has a key that is let in.
 */
export class Rotation {
  readonly #parts: RotationParts;
  readonly #proofs = new SignatureChecker();
  readonly #limits = new Map<number, TokenBucket>();

  constructor(parts: RotationParts) {
    this.#parts = parts;
  }

  /**
   * Lets a host's next key in at both doors beside its own. Asking again for the same one gives the same answer; another one
   * takes its place. @throws when the ledger cannot be written.
   */
  async ask(request: Envelope & RotateRequest, host: Host): Promise<Answer> {
    const { book, admissions, doors } = this.#parts;
    const proof = Buffer.from(request.proof, 'hex');
    if (!this.#proofs.holds(request.next, Buffer.from(rotationText(request, request.next)), proof))
      return refuse('proof', 'the proof is not signed by the next key for this request');
    const curve = await curveKeyOf(request.next);
    if (curve === undefined) return refuse('malformed', 'the next key is no Ed25519 public key');
    // An operator, or this host's next key, may have come in between.
    if (book.byKey(request.key) !== host || host.state !== 'active' || host.key !== request.key)
      return refuse('unknown-key', 'this host key is not enrolled here any more');
    if (host.next?.key !== request.next) {
      if (
        book.byKey(request.next) !== undefined ||
        book.byCurve(curve) !== undefined ||
        admissions.isForJoining(curve)
      )
        return refuse('next', 'the next key is in use already: make another');
      const tooSoon = this.#tooSoon(host, request.at);
      if (tooSoon !== undefined) return tooSoon;
      this.#setNext(host, { key: request.next, curve }, request.at);
    }
    admissions.admitHost(curve);
    await doors.admit(curve);
    return { status: 'OK', verdict: 'accepted', fields: { name: host.name } };
  }

  /**
   * A host's next key has signed something: it counts alone from now on, and the one before is shut out at both doors.
   * @throws when the ledger cannot be written.
   */
  use(host: Host): void {
    const { book, audit, now } = this.#parts;
    const { key: before, curve: shut, next } = host;
    if (next === null) return;
    this.#write(() => {
      book.setKeys(host, { ...next, next: null, rotationAt: host.rotationAt });
      audit.add('rotated', { name: host.name, before, key: next.key }, now());
    });
    this.#shut(shut);
  }

  /** Why not now: a captured request must not bring an earlier key back, and nobody needs ever new keys. */
  #tooSoon(host: Host, at: number): Answer | undefined {
    if (host.rotationAt !== null && at <= host.rotationAt)
      return retry('clock', 'this rotation is not later than the last one');
    const now = this.#parts.now();
    const bucket = this.#limits.get(host.id) ?? new TokenBucket(PER_MINUTE, MOST_AT_ONCE, now);
    this.#limits.set(host.id, bucket);
    if (bucket.take(now)) return undefined;
    return retry('limit', 'this host asked for too many keys: one a minute is taken', COME_AGAIN_SECONDS);
  }

  #setNext(host: Host, next: { key: string; curve: string }, rotationAt: number): void {
    const { book, audit, now } = this.#parts;
    const { key, curve, next: before, name } = host;
    this.#write(() => {
      book.setKeys(host, { key, curve, next, rotationAt });
      const replaced = before === null ? {} : { replaced: before.key };
      audit.add('rotation asked', { name, key, next: next.key, ...replaced }, now());
    });
    if (before !== null) this.#shut(before.curve);
  }

  #shut(curve: string): void {
    this.#parts.admissions.expelHost(curve);
    this.#parts.doors.expel(curve);
  }

  /** Changes keys and the audit log in one transaction; where it fails, neither has changed. */
  #write(work: () => void): void {
    try {
      this.#parts.ledger.write(work);
    } catch (error) {
      this.#parts.book.reload();
      throw error;
    }
  }
}
