import { isOperators, OPERATOR_HOST, type EnrolRequest, type Envelope } from '@banshare/protocol';
import { curveKeyOf } from '@banshare/transport';
import { refuse, type Answer } from '../words/answer.ts';
import { type Audit, LIMIT_ENTRY } from '../ledger/books/audit.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Admissions } from '../ports/admissions.ts';
import type { JoinCheck } from './join-check.ts';
import type { Doors } from './doors.ts';
import { EnrolmentRate, type EnrolmentHold } from './enrolment-rate.ts';
import type { HostBook } from './hosts.ts';
import type { Opening } from './opening.ts';
import type { TokenBook } from './tokens.ts';
import type { Host } from '../words/hosts/host.ts';

export type NewcomerParts = {
  ledger: Ledger;
  book: HostBook;
  admissions: Admissions;
  audit: Audit;
  tokens: TokenBook;
  /** Whether a newcomer has the join key. */
  joinCheck: Pick<JoinCheck, 'holds'>;
  opening: Opening;
  newcomersPerMinute: number;
  /** Newcomers have to wait from now on. */
  limited: (reason: string) => void;
  now: () => number;
};

/** A client that waits for an operator asks every few seconds; one that has not asked for so long is given up. */
const WAITS_SECONDS = 86_400;
const MOST_NAMED = 10;

const NO_JOIN_PROOF = refuse(
  'join',
  'this key is not enrolled here, and does not prove that it has the join key: run a client-install.sh there that was ' +
    "built with this server's version or a later one (make client-install.sh)",
);

const CLOSED = refuse(
  'closed',
  'enrolment is closed: an operator opens it with banshare-server enrolment open',
);

/** Decides about who asks to be in the fleet, and answers once that host is let in at both ports. */
export class Newcomers {
  readonly #parts: NewcomerParts;
  readonly #doors: Doors;
  readonly #rate: EnrolmentRate;

  constructor(parts: NewcomerParts, doors: Doors) {
    this.#parts = parts;
    this.#doors = doors;
    const earlier = parts.book.all().filter(hasAsked);
    this.#rate = new EnrolmentRate(
      parts.newcomersPerMinute,
      earlier.map(({ enrolled }) => enrolled),
    );
  }

  /** Takes so many in a minute from now on. */
  takeAMinute(newcomers: number): void {
    this.#rate.changed(newcomers);
  }

  /** What holds newcomers back, or did within the last hour. */
  get hold(): EnrolmentHold | undefined {
    return this.#rate.hold(this.#parts.now());
  }

  /**
   * Takes a host into the fleet, or lets it wait. Its CURVE key is derived here from the key that signed, so that nobody can
   * enrol a CURVE key that is not its own. Asking again with the same key gives the same answer.
   * @throws when the ledger cannot be written.
   */
  async enrol(request: Envelope & EnrolRequest): Promise<{ answer: Answer; newcomer?: Host }> {
    const { ledger, book, tokens } = this.#parts;
    const known = book.byKey(request.key);
    if (known !== undefined) return { answer: await this.#answerKnown(request, known) };
    const refusal = this.#refusalOf(request);
    if (refusal !== undefined) return { answer: refusal };
    const curve = await curveKeyOf(request.key);
    if (curve === undefined) return { answer: refuse('malformed', 'the host key is no Ed25519 public key') };
    const inTheWay = this.#inTheWay(request, curve);
    if (inTheWay !== undefined) return { answer: await this.#answerOf(inTheWay) };
    const later = await this.#later(this.#stateFor(request) ?? 'pending');
    if (later !== undefined) return { answer: later };
    const done = await ledger.write(() => this.#inTheWay(request, curve) ?? this.#add(request, curve));
    const newcomer = book.byKey(request.key);
    if (done !== 'added' || newcomer === undefined) return { answer: await this.#answerOf(done) };
    if (newcomer.token !== null) tokens.enrolled(newcomer.token);
    return { answer: await this.#answer(newcomer), newcomer };
  }

  async #answerKnown(request: Envelope & EnrolRequest, known: Host): Promise<Answer> {
    const { book, now } = this.#parts;
    const waits = known.state === 'pending';
    // One that was admitted beforehand has come.
    if (waits || known.lastSeen === null) book.hear(known, now());
    if (waits && request.token !== undefined) await this.#approveBy(request, known);
    return this.#answer(known);
  }

  /** Why a key that nobody knows may not be enrolled, as far as the request tells. */
  #refusalOf(request: Envelope & EnrolRequest): Answer | undefined {
    const { joinCheck, tokens } = this.#parts;
    const checked = request.token === undefined ? undefined : tokens.check(request);
    if (checked === undefined && !joinCheck.holds(request)) return NO_JOIN_PROOF;
    if (checked !== undefined && 'refusal' in checked) return checked.refusal;
    if (isOperators(request.name))
      return refuse('name', `no host may be called ${OPERATOR_HOST}: set another name in client.toml`);
    return this.#stateFor(request) === undefined ? CLOSED : undefined;
  }

  /** As what a newcomer is taken now; undefined where it is not. A token is an operator's word: it holds also while enrolment is closed. */
  #stateFor({
    to,
    token: id,
  }: Pick<Envelope, 'to'> & Pick<EnrolRequest, 'token'>): 'active' | 'pending' | undefined {
    const { opening, tokens, now } = this.#parts;
    const mode = opening.modeFor(to, now());
    const token = id === undefined ? undefined : tokens.byId(id);
    if (mode === 'open' || token?.approves === true) return 'active';
    return mode === 'closed' && token === undefined ? undefined : 'pending';
  }

  /**
   * A host that waits shows a token that approves: it waits no more, and came by that. The token has to fit what the host asked to be
   * called when it came, which is what it is approved as, whatever it calls itself now.
   */
  async #approveBy(request: Envelope & EnrolRequest, host: Host): Promise<void> {
    const { ledger, book, audit, tokens, now } = this.#parts;
    const checked = tokens.check(request);
    if ('refusal' in checked || !checked.token.approves) return;
    const done = await ledger.write(() => {
      if (book.byKey(request.key)?.state !== 'pending') return undefined;
      const { name, wanted, key } = host;
      const used = tokens.use(checked.token.id, { name: wanted });
      if ('refusal' in used) return undefined;
      book.change(host, { state: 'active', approved: now(), token: used.token.id });
      audit.note('approved', { name, wanted, key, replaced: null, token: used.token.id }, now());
      return used.token;
    });
    if (done !== undefined) tokens.enrolled(done.id);
  }

  /** What keeps a key from being enrolled: an answer, or the host that has it. */
  #inTheWay({ key }: Pick<Envelope, 'key'>, curve: string): Answer | Host | undefined {
    const { book, admissions } = this.#parts;
    const met = book.byKey(key);
    if (met !== undefined) return met;
    // Two Ed25519 keys have each CURVE key, and whoever knows its secret can sign by both.
    if (book.byCurve(curve) === undefined && !admissions.isForJoining(curve)) return undefined;
    return refuse('key', 'the host key is in use already, in another form: make another');
  }

  #add(request: Envelope & EnrolRequest, curve: string): Answer | 'added' {
    const { book, audit, tokens, now } = this.#parts;
    const state = this.#stateFor(request);
    if (state === undefined) return CLOSED;
    const full = state === 'pending' ? this.#rate.full(book.pending().length) : undefined;
    if (full !== undefined) return full;
    const used = request.token === undefined ? undefined : tokens.use(request.token, request);
    if (used !== undefined && 'refusal' in used) return used.refusal;
    const token = used?.token;
    const how = token === undefined ? {} : { token: token.id, approved: token.approves ? now() : null };
    const { name, wanted, key } = book.enrol({ ...request, curve }, state, now(), how);
    const by = token === undefined ? {} : { token: token.id, from: tokens.whence(token) ?? null };
    audit.note('enrolled', { name, wanted, state, key, ...by }, now());
    return 'added';
  }

  async #answerOf(met: Answer | Host | 'added'): Promise<Answer> {
    // It was taken back already, by an operator.
    if (met === 'added') return refuse('unknown-key', 'this host key is not enrolled here any more');
    return 'verdict' in met ? met : this.#answer(met);
  }

  /** The answer to a newcomer for whom there is no room now. */
  async #later(state: 'active' | 'pending'): Promise<Answer | undefined> {
    const { book, audit, limited, now } = this.#parts;
    const pending = state === 'pending' ? book.pending().length : undefined;
    const held = this.#rate.ask(pending, now());
    if (held?.isNew === true) {
      const reason = held.answer.reason ?? '';
      await audit.add(LIMIT_ENTRY, { enrolment: reason }, now());
      limited(reason);
    }
    return held?.answer;
  }

  /** Forgets who waited for an operator and has not asked for a day, so that there is room for others. */
  async forgetUnheard(): Promise<void> {
    const { ledger, book, audit, now } = this.#parts;
    const unheard = (): Host[] =>
      book.pending().filter(({ lastSeen, enrolled }) => now() - (lastSeen ?? enrolled) > WAITS_SECONDS);
    if (unheard().length === 0) return;
    await ledger.write(() => {
      const hosts = unheard();
      // Another server may have done it.
      if (hosts.length === 0) return;
      const names = hosts.slice(0, MOST_NAMED).map(({ name }) => name);
      audit.note('forgotten', { pending: hosts.length, names }, now());
      for (const host of hosts) book.forget(host);
    });
  }

  async #answer(host: Host): Promise<Answer> {
    if (host.state === 'revoked') return refuse('revoked', `the key of ${host.name} was revoked`);
    if (host.state === 'pending') {
      const reason = `${host.name} waits for an operator: banshare-server hosts approve ${host.name}`;
      return { status: 'OK', verdict: 'pending', reason, fields: { name: host.name } };
    }
    await this.#doors.opened(host);
    return { status: 'OK', verdict: 'accepted', fields: { name: host.name } };
  }
}

/** Whom an operator admitted by its key, as hundreds at once, took no newcomer's place. */
function hasAsked({ enrolled, approved, token }: Host): boolean {
  return token !== null || approved !== enrolled;
}
