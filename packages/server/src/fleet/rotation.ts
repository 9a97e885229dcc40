import { rotationText, type Envelope, type RotateRequest } from '@banshare/protocol';
import { curveKeyOf, SignatureChecker } from '@banshare/transport';
import { refuse, retry, type Answer } from '../words/answer.ts';
import type { Audit } from '../ledger/books/audit.ts';
import type { Admissions } from '../ports/admissions.ts';
import type { HostBook } from './hosts.ts';
import type { PublishDoors } from './doors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Host, Key } from '../words/hosts/host.ts';
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

const TOO_MANY = retry(
  'limit',
  'this host asked for too many keys: one a minute is taken',
  COME_AGAIN_SECONDS,
);

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
   * replaces it. @throws when the ledger cannot be written.
   */
  async ask(request: Envelope & RotateRequest, host: Host): Promise<Answer> {
    const { ledger, doors } = this.#parts;
    const proof = Buffer.from(request.proof, 'hex');
    if (!this.#proofs.holds(request.next, Buffer.from(rotationText(request, request.next)), proof))
      return refuse('proof', 'the proof is not signed by the next key for this request');
    const curve = await curveKeyOf(request.next);
    if (curve === undefined) return refuse('malformed', 'the next key is no Ed25519 public key');
    const next = { key: request.next, curve };
    const fault = this.#faultOf(request, host, next);
    if (fault !== undefined) return fault;
    if (host.next?.key !== next.key) {
      if (!this.#hasToken(host)) return TOO_MANY;
      const done = await ledger.write(
        () => this.#faultOf(request, host, next) ?? this.#setNext(host, next, request.at),
      );
      if (done !== 'set') return done;
    }
    await doors.admit(curve);
    return { status: 'OK', verdict: 'accepted', fields: { name: host.name } };
  }

  /** Why a key cannot be a host's next one; asked again within the piece that makes it that. */
  #faultOf(request: Envelope & RotateRequest, host: Host, next: Key): Answer | undefined {
    const { book, admissions } = this.#parts;
    // An operator, or this host's next key, may have come in between.
    if (book.byKey(request.key) !== host || host.state !== 'active' || host.key !== request.key)
      return refuse('unknown-key', 'this host key is not enrolled here any more');
    if (host.next?.key === next.key) return undefined;
    if (
      book.byKey(next.key) !== undefined ||
      book.byCurve(next.curve) !== undefined ||
      admissions.isForJoining(next.curve)
    )
      return refuse('next', 'the next key is in use already: make another');
    // A captured request must not bring an earlier key back.
    if (host.rotationAt !== null && request.at <= host.rotationAt)
      return retry('clock', 'this rotation is not later than the last one');
    return undefined;
  }

  /**
   * A host's next key has signed something: it counts alone from now on, and the one before is shut out at both doors. Returns whether
   * that was the first time. @throws when the ledger cannot be written.
   */
  async use(host: Host, key: string): Promise<boolean> {
    const { ledger, book, audit, now } = this.#parts;
    return ledger.write(() => {
      const { key: before, next } = host;
      // Another word of it, or an operator, may have come before.
      if (next?.key !== key || book.byKey(key) !== host) return false;
      book.setKeys(host, { ...next, next: null, rotationAt: host.rotationAt });
      audit.note('rotated', { name: host.name, before, key: next.key }, now());
      return true;
    });
  }

  /** Nobody needs ever new keys. */
  #hasToken(host: Host): boolean {
    const now = this.#parts.now();
    const bucket = this.#limits.get(host.id) ?? new TokenBucket(PER_MINUTE, MOST_AT_ONCE, now);
    this.#limits.set(host.id, bucket);
    return bucket.take(now);
  }

  #setNext(host: Host, next: Key, rotationAt: number): 'set' {
    const { book, audit, now } = this.#parts;
    const { key, curve, next: before, name } = host;
    if (before?.key === next.key) return 'set';
    book.setKeys(host, { key, curve, next, rotationAt });
    const replaced = before === null ? {} : { replaced: before.key };
    audit.note('rotation asked', { name, key, next: next.key, ...replaced }, now());
    return 'set';
  }
}
