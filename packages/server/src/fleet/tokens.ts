import { randomBytes } from 'node:crypto';
import {
  enrolmentText,
  isInRange,
  parseAddress,
  type EnrolRequest,
  type Envelope,
  type Range,
} from '@banshare/protocol';
import { JoinProof } from '@banshare/transport';
import type { Admissions } from '../ports/admissions.ts';
import { TokenRows } from '../ledger/books/token-rows.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Generation } from '../setup/generations.ts';
import { refuse, type Answer } from '../words/answer.ts';
import { fitsPattern } from '../words/hosts/name-pattern.ts';
import { time } from '../words/phrases.ts';
import { tokenState, type Token } from '../words/hosts/token.ts';

/** Whoever was let in by a token from where that may be used has so many seconds to enrol. */
const KNOCK_SECONDS = 60;
/** Whose answer was lost with his connection asks once more within so many seconds, and may have taken the last use. */
const ANSWER_SECONDS = 10;
/** Of more at once the oldest have gone on long since. */
const MOST_KNOCKS = 1000;
/** What has ended is listed for so long. */
const LISTED_SECONDS = 90 * 86_400;

const UNKNOWN = refuse(
  'token',
  'no such token is known here, or its secret is another: banshare-server token list says which there are',
);

/** Somebody was let in by a token, from an address; epoch seconds. */
type Knock = { at: number; address: string };

/**
 * The tokens by which hosts join, as the ledger has them, and in memory for every key that knocks: one that opens nothing any more is to
 * the doors what any stranger's key is. Whatever writes is called within a piece of the ledger's queue.
 */
export class TokenBook {
  readonly #rows: TokenRows;
  readonly #admissions: Admissions;
  readonly #generations: readonly Pick<Generation, 'curve'>[];
  readonly #now: () => number;
  readonly #byId = new Map<string, Token>();
  readonly #byKey = new Map<string, Token>();
  /** Those that had ended when that was last looked at, and by which somebody came. */
  #ending: readonly Token[] = [];
  /** Who came by each at this server, and has not enrolled yet; empty where all have. */
  readonly #knocks = new Map<string, Knock[]>();
  /** When this server last took a host by each. */
  readonly #usedAt = new Map<string, number>();
  readonly #proofs = new Map<string, JoinProof>();

  /** @param generations those in service at the moment of each question. */
  constructor(
    ledger: Ledger,
    admissions: Admissions,
    generations: readonly Pick<Generation, 'curve'>[],
    now: () => number,
  ) {
    this.#rows = new TokenRows(ledger);
    this.#admissions = admissions;
    this.#generations = generations;
    this.#now = now;
    this.#read();
    ledger.follow({
      applied: ({ isAll, tokens }) => {
        if (isAll || tokens) this.#read();
      },
    });
    admissions.admitTokens({
      has: (key) => this.#byKey.has(key),
      opens: (key, address) => this.#opens(key, address),
    });
  }

  all(): Token[] {
    return [...this.#byId.values()];
  }

  byId(id: string): Token | undefined {
    return this.#byId.get(id);
  }

  alive(): Token[] {
    return this.all().filter((token) => tokenState(token, this.#now()) === 'alive');
  }

  /** Adds a token of that public half, and returns it. */
  add(token: Omit<Token, 'id' | 'made' | 'used' | 'revoked'>): Token {
    const id = randomBytes(6).toString('hex');
    const added = { ...token, id, made: this.#now(), used: 0, revoked: null };
    this.#rows.insert(added);
    return added;
  }

  revoke(token: Token): void {
    this.#rows.revoke(token.id, this.#now());
  }

  /** Forgets those that ended long ago. */
  sweep(): void {
    this.#rows.sweep(this.#now() - LISTED_SECONDS);
  }

  /** Whether there is one that sweep() would remove, as far as is known here. */
  get hasOld(): boolean {
    return this.all().some(({ until }) => until < this.#now() - LISTED_SECONDS);
  }

  /** Somebody was let in by a key, which may be a token's. */
  knocked(key: string, address: string): void {
    const token = this.#byKey.get(key);
    if (token === undefined) return;
    const knocks = this.#knocks.get(token.id) ?? [];
    knocks.push({ at: this.#now(), address });
    this.#knocks.set(token.id, knocks.slice(-MOST_KNOCKS));
  }

  /** Why an enrolment by a token may not be, as far as can be said before it is written; or that token. */
  check(request: Omit<Envelope, 'at'> & EnrolRequest): { refusal: Answer } | { token: Token } {
    const token = this.#byId.get(request.token ?? '');
    if (token === undefined || !this.#isProven(token, request)) return { refusal: UNKNOWN };
    const refusal = this.#refusalOf(token, request);
    return refusal === undefined ? { token } : { refusal };
  }

  /**
   * Takes a use of a token, as the tables have it by now, or says why not; within the piece that enrols the host.
   */
  use(id: string, request: { readonly name: string }): { refusal: Answer } | { token: Token } {
    const token = this.#rows.get(id);
    if (token === undefined) return { refusal: UNKNOWN };
    const refusal = this.#refusalOf(token, request);
    if (refusal !== undefined) return { refusal };
    this.#rows.use(id);
    return { token };
  }

  /** From where whoever came last by a token, and has not enrolled yet, was let in. */
  whence({ id }: Token): string | undefined {
    return this.#knocks.get(id)?.at(-1)?.address;
  }

  /** Who came last by a token has enrolled: for another host somebody has to be let in again. */
  enrolled(id: string): void {
    this.#usedAt.set(id, this.#now());
    this.#knocks.get(id)?.pop();
  }

  /**
   * Cuts who came by what has ended, at the second look: whoever used it last has his answer by then. It lets nobody in at once.
   */
  noticeEnds(): void {
    this.#cut(this.#ending);
    this.#ending = this.all().filter(
      (token) => this.#knocks.has(token.id) && tokenState(token, this.#now()) !== 'alive',
    );
  }

  #cut(tokens: readonly Token[]): void {
    const hasGuests = tokens.some(({ id }) => this.#knocks.has(id));
    for (const { id } of tokens) this.#knocks.delete(id);
    if (hasGuests) this.#admissions.withdrawToken();
  }

  #opens(key: string, address: string): boolean {
    const token = this.#byKey.get(key);
    if (token === undefined || !isFrom(address, token.from)) return false;
    const state = tokenState(token, this.#now());
    if (state === 'alive') return true;
    // It takes no further host: who is in already hears so.
    return state === 'used up' && this.#now() - (this.#usedAt.get(token.id) ?? -Infinity) < ANSWER_SECONDS;
  }

  #isProven(token: Token, request: Omit<Envelope, 'at'> & EnrolRequest): boolean {
    const generation = this.#generations.find(({ curve }) => curve.publicKey === request.to);
    if (generation === undefined || request.join === undefined) return false;
    return this.#proofOf(token, generation).holds(enrolmentText(request, request.name), request.join);
  }

  /** Reckoned once for each: whoever is let in may ask as often as he likes. */
  #proofOf({ key }: Token, { curve }: Pick<Generation, 'curve'>): JoinProof {
    const name = `${key} ${curve.publicKey}`;
    const known = this.#proofs.get(name);
    if (known !== undefined) return known;
    const proof = new JoinProof(curve.secretKey, key, 'token');
    this.#proofs.set(name, proof);
    return proof;
  }

  #refusalOf(token: Token, { name }: { readonly name: string }): Answer | undefined {
    const { id, until, uses, pattern, from } = token;
    const state = tokenState(token, this.#now());
    if (state === 'revoked') return refuse('token', `the token ${id} was revoked`);
    if (state === 'ended') return refuse('token', `the token ${id} ended at ${time(until)}`);
    if (state === 'used up')
      return refuse(
        'token',
        `the token ${id} is used up: ${uses} ${uses === 1 ? 'host has' : 'hosts have'} joined by it`,
      );
    if (pattern !== null && !fitsPattern(name, pattern))
      return refuse(
        'token',
        `the token ${id} is for hosts that are called like ${pattern}, not ${name}: set name in client.toml`,
      );
    if (from !== null && !this.#hasKnocked(id))
      return refuse('token', `the token ${id} may be used from ${from} only`);
    return undefined;
  }

  /** The doors let in by a token only who is where that may be used; zeromq does not tell over which connection a request comes. */
  #hasKnocked(id: string): boolean {
    const since = this.#now() - KNOCK_SECONDS;
    const knocks = (this.#knocks.get(id) ?? []).filter(({ at }) => at >= since);
    if (this.#knocks.has(id)) this.#knocks.set(id, knocks);
    return knocks.length > 0;
  }

  #read(): void {
    for (const map of [this.#byId, this.#byKey, this.#proofs]) map.clear();
    for (const token of this.#rows.all()) {
      this.#byId.set(token.id, token);
      this.#byKey.set(token.key, token);
    }
    this.#cut(this.all().filter(({ revoked }) => revoked !== null));
  }
}

/** The kernel may show an IPv4 peer as ::ffff:a.b.c.d, which is read as a.b.c.d. */
function isFrom(text: string, from: Range | null): boolean {
  if (from === null) return true;
  const address = parseAddress(text);
  return address.ok && isInRange(address.value, from);
}
