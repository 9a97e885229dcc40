import {
  isOperators,
  OPERATOR_HOST,
  type Address,
  type EnrolRequest,
  type Envelope,
  type HostName,
  type Result,
} from '@banshare/protocol';
import { curveKeyOf } from '@banshare/transport';
import { refuse, type Answer } from '../words/answer.ts';
import type { Audit } from '../ledger/audit.ts';
import type { Admissions } from '../ports/admissions.ts';
import type { JoinCheck } from './join-check.ts';
import { Opening, OPEN_SECONDS } from './opening.ts';
import { EnrolmentRate, type EnrolmentHold } from './enrolment-rate.ts';
import type { HostBook } from './hosts.ts';
import { nameWith } from '../words/host-names.ts';
import { namesakeOf, sayNamesake } from './namesake.ts';
import type { NeverBan } from '../never-ban/never-ban.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { curvesOf, type Host } from '../words/host.ts';
import type { EnrolmentMode, Openness } from '../words/enrolment.ts';

/** The publish port's doors, in the fan-out child. */
export type PublishDoors = { admit: (curve: string) => Promise<void>; expel: (curve: string) => void };

export type MembershipParts = {
  ledger: Ledger;
  book: HostBook;
  admissions: Admissions;
  doors: PublishDoors;
  neverBan: Pick<NeverBan, 'forget' | 'approve' | 'disapprove' | 'waiting' | 'comesFrom' | 'trusts'>;
  audit: Audit;
  /** Whether a newcomer has the join key. */
  joinCheck: Pick<JoinCheck, 'holds'>;
  /** What server.toml says; what an operator said since counts more. */
  configured: EnrolmentMode;
  generations: readonly { name: string; curve: { publicKey: string } }[];
  newcomersPerMinute: number;
  /** Newcomers have to wait from now on. */
  braked: (reason: string) => void;
  /** Enrolment was open, and is so no more by itself. */
  ended: () => void;
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

const FORGOTTEN_MAY_ASK =
  ' Its key is not known as revoked any more, and enrolment is open: whoever has it and the join key can enrol it again.';

/** Who belongs to the fleet: decides about newcomers, and carries out what operators decide. */
export class Membership {
  readonly #parts: MembershipParts;
  readonly #rate: EnrolmentRate;
  readonly #opening: Opening;
  #wasOpen: boolean;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.#rate = new EnrolmentRate(parts.newcomersPerMinute);
    this.#opening = new Opening(parts.ledger, parts.configured, parts.generations, parts.now());
    this.#wasOpen = this.mode === 'open';
    parts.admissions.openJoining(this.mode !== 'closed');
  }

  get mode(): EnrolmentMode {
    return this.openness.mode;
  }

  /** How newcomers are met, and until when. */
  get openness(): Openness {
    return this.#opening.at(this.#parts.now());
  }

  /** What holds newcomers back, or did within the last hour. */
  get hold(): EnrolmentHold | undefined {
    return this.#rate.hold(this.#parts.now());
  }

  /** `openSeconds` counts for `open`, which ends by itself. @throws when the ledger cannot be written. */
  setMode(mode: EnrolmentMode, openSeconds = OPEN_SECONDS): void {
    const { audit, admissions, now } = this.#parts;
    const until = now() + openSeconds;
    const details = mode === 'open' ? { mode, until } : { mode };
    this.#opening.say(mode, until, () => audit.add('enrolment', details, now()));
    this.#wasOpen = mode === 'open';
    admissions.openJoining(mode !== 'closed');
  }

  /** Notices once that enrolment is open no more. @throws when the ledger cannot be written. */
  noticeEnd(): void {
    if (!this.#wasOpen || this.mode === 'open') return;
    const { audit, ended, now } = this.#parts;
    audit.add('enrolment', { mode: this.mode, ended: true }, now());
    this.#wasOpen = false;
    ended();
  }

  /**
   * Takes a host into the fleet, or lets it wait. Its CURVE key is derived here from the key that signed, so that nobody can
   * enrol a CURVE key that is not its own. Asking again with the same key gives the same answer.
   * @throws when the ledger cannot be written.
   */
  async enrol(request: Envelope & EnrolRequest): Promise<{ answer: Answer; newcomer?: Host }> {
    const { book, admissions, audit, joinCheck, now } = this.#parts;
    const known = book.byKey(request.key);
    if (known !== undefined) {
      if (known.state === 'pending') book.hear(known, now());
      return { answer: await this.#answer(known) };
    }
    if (!joinCheck.holds(request)) return { answer: NO_JOIN_PROOF };
    if (isOperators(request.name)) {
      return {
        answer: refuse('name', `no host may be called ${OPERATOR_HOST}: set another name in client.toml`),
      };
    }
    const mode = this.#opening.modeFor(request.to, now());
    if (mode === 'closed') {
      return {
        answer: refuse(
          'closed',
          'enrolment is closed: an operator opens it with banshare-server enrolment open',
        ),
      };
    }
    const curve = await curveKeyOf(request.key);
    if (curve === undefined) return { answer: refuse('malformed', 'the host key is no Ed25519 public key') };
    // Two enrolments of one key may have met in the await.
    const met = book.byKey(request.key);
    if (met !== undefined) return { answer: await this.#answer(met) };
    // Two Ed25519 keys have each CURVE key, and whoever knows its secret can sign by both.
    if (book.byCurve(curve) !== undefined || admissions.isForJoining(curve))
      return { answer: refuse('key', 'the host key is in use already, in another form: make another') };
    const state = mode === 'open' ? 'active' : 'pending';
    const later = this.#later(state);
    if (later !== undefined) return { answer: later };
    const newcomer = this.#write(() => {
      const host = book.enrol({ ...request, curve }, state, now());
      audit.add('enrolled', { name: host.name, wanted: host.wanted, state, key: host.key }, now());
      return host;
    });
    return { answer: await this.#answer(newcomer), newcomer };
  }

  /** The answer to a newcomer for whom there is no room now. */
  #later(state: 'active' | 'pending'): Answer | undefined {
    const { book, audit, braked, now } = this.#parts;
    const pending = state === 'pending' ? book.pending().length : undefined;
    const held = this.#rate.ask(pending, now());
    if (held?.isNew === true) {
      const reason = held.answer.reason ?? '';
      audit.add('brake', { enrolment: reason }, now());
      braked(reason);
    }
    return held?.answer;
  }

  /** Forgets who waited for an operator and has not asked for a day, so that there is room for others. */
  forgetUnheard(): void {
    const { book, audit, now } = this.#parts;
    const unheard = book
      .pending()
      .filter(({ lastSeen, enrolled }) => now() - (lastSeen ?? enrolled) > WAITS_SECONDS);
    if (unheard.length === 0) return;
    const names = unheard.slice(0, MOST_NAMED).map(({ name }) => name);
    this.#write(() => {
      audit.add('forgotten', { pending: unheard.length, names }, now());
      for (const host of unheard) book.forget(host);
    });
  }

  /**
   * Lets a waiting host in. The name it asked for is handed over where the host that has it is silent, and then shut out; from
   * one that is alive it is taken only with `replace`: else whoever has the join key takes any name by asking for it.
   * Of the addresses that it tells, exactly those that are named are never banned from then on, also where it was in already.
   */
  async approve(
    name: string,
    { replace, addresses = [] }: { replace: boolean; addresses?: readonly string[] },
  ): Promise<Result<string>> {
    const { book, neverBan, now } = this.#parts;
    const host = book.byName(name);
    if (host === undefined) return noHost(name);
    const told = neverBan.waiting(host, now());
    if (addresses.some((address) => !host.addresses.includes(address)))
      return {
        ok: false,
        fault: `nothing was approved: ${name} tells other addresses by now: ${told.join(', ') || 'none that is not approved'}`,
      };
    const isIn = host.state === 'active';
    if (isIn && host.name === host.wanted) {
      this.#trust(host);
      return {
        ok: true,
        value: `${name} is in the fleet already.${this.#approveAddresses(host, addresses)}`,
      };
    }
    const namesake = namesakeOf(host, book, now())?.namesake;
    if (namesake?.isAlive === true && !replace) {
      if (isIn) this.#trust(host);
      else await this.#letIn(host, host.name);
      const where = isIn ? 'stays in the fleet under this name' : 'is in the fleet under this name';
      return {
        ok: true,
        value: `${name} ${where}: ${sayNamesake(name, namesake, now())}.${this.#approveAddresses(host, addresses)}`,
      };
    }
    const before = book.like(host.wanted);
    const replaced = await this.#letIn(host, host.wanted as HostName, before === host ? undefined : before);
    return {
      ok: true,
      value: `${host.wanted} is in the fleet.${replaced}${this.#approveAddresses(host, addresses)}`,
    };
  }

  /** An operator says of a host that is in that it is one of the fleet's: where it comes from is protected at once. */
  #trust(host: Host): void {
    const { book, audit, now } = this.#parts;
    if (host.approved !== null) return;
    this.#write(() => {
      book.change(host, { approved: now() });
      audit.add('approved', { name: host.name, wanted: host.wanted, key: host.key, replaced: null }, now());
    });
  }

  /** Returns what became of the host that had the name. */
  async #letIn(host: Host, name: HostName, before?: Host): Promise<string> {
    const { ledger, book, audit, now } = this.#parts;
    this.#write(() => {
      if (before !== undefined) {
        book.change(before, { state: 'revoked', name: oldName(before) });
        ledger.dropHeldOf(before.id);
      }
      book.change(host, { state: 'active', name, approved: now() });
      const { key, wanted } = host;
      audit.add('approved', { name, wanted, key, replaced: before?.key ?? null }, now());
    });
    if (before !== undefined) this.#shut(before);
    await this.#open(host);
    return before === undefined ? '' : ` The host that had the name is revoked, and called ${before.name}.`;
  }

  #approveAddresses(host: Host, addresses: readonly string[]): string {
    const { neverBan, audit, now } = this.#parts;
    const { approved, tooMany } = this.#write(() => {
      const result = neverBan.approve(host, addresses, now()) ?? { approved: [], tooMany: [] };
      if (result.approved.length > 0)
        audit.add('approved addresses', { name: host.name, addresses: result.approved }, now());
      return result;
    });
    const waiting = neverBan.waiting(host, now()).filter((address) => !tooMany.includes(address));
    const from = neverBan.comesFrom(host, now()).filter((address) => !approved.includes(address));
    return [
      ...(from.length === 0 ? [] : [` Never banned while it comes from there: ${from.join(', ')}.`]),
      ...(approved.length === 0 ? [] : [` Never banned, as it tells: ${approved.join(', ')}.`]),
      ...(tooMany.length === 0 ? [] : [` Too many, and left out: ${tooMany.join(', ')}.`]),
      ...(waiting.length === 0
        ? []
        : [
            ` It also tells ${waiting.join(', ')}, which protects nothing: hosts approve ${host.name} --address ${waiting.join(',')} protects exactly that.`,
          ]),
    ].join('');
  }

  /** Takes back what an operator approved of a host; without addresses all of it. The host stays in the fleet. */
  disapprove(name: string, addresses: readonly string[]): Result<string> {
    const { book, neverBan, audit, now } = this.#parts;
    const host = book.byName(name);
    if (host === undefined) return noHost(name);
    const isAll = addresses.length === 0;
    const taken = this.#write(() => {
      const each = isAll ? [undefined] : addresses.map((address) => address as Address);
      const done = each.flatMap((address) =>
        neverBan.disapprove(
          { hostId: host.id, ...(address === undefined ? {} : { address }) },
          () => undefined,
        ),
      );
      if (isAll) book.change(host, { approved: null });
      const gone = done.map(({ address }) => address);
      if (isAll || gone.length > 0) audit.add('disapproved', { name, addresses: gone }, now());
      return gone;
    });
    if (!isAll && taken.length === 0)
      return {
        ok: false,
        fault: `no such address of ${name} is approved: see banshare-server never-ban list`,
      };
    if (isAll) neverBan.trusts(host);
    const gone = taken.length === 0 ? 'none' : taken.join(', ');
    return {
      ok: true,
      value: `Protected no more because ${name} tells it: ${gone}. ${name} stays in the fleet.`,
    };
  }

  /** Shuts a host out at once. Since it may know the join key, nobody enrols without approval until an operator says so. */
  revoke(name: string): Result<string> {
    const { ledger, book, audit, now } = this.#parts;
    const host = book.byName(name);
    if (host === undefined) return noHost(name);
    const dropped = this.#write(() => {
      book.change(host, { state: 'revoked' });
      const held = ledger.dropHeldOf(host.id);
      audit.add('revoked', { name, key: host.key, heldDropped: held }, now());
      return held;
    });
    this.#shut(host);
    const says = `${name} is revoked.${saysDropped(dropped)}`;
    if (this.mode !== 'open') return { ok: true, value: says };
    this.setMode('approve');
    const text =
      'Since it may know the join key, enrolment now needs your approval: banshare-server enrolment open ends that.';
    return { ok: true, value: `${says} ${text}` };
  }

  /** Removes a host that is gone for good; with its key it could only enrol anew. */
  forget(name: string): Result<string> {
    const { ledger, book, audit, now } = this.#parts;
    const host = book.byName(name);
    if (host === undefined) return noHost(name);
    const dropped = this.#write(() => {
      const held = ledger.dropHeldOf(host.id);
      audit.add('forgotten', { name, key: host.key, heldDropped: held }, now());
      book.forget(host);
      return held;
    });
    this.#shut(host);
    const mayAsk = host.state === 'revoked' && this.mode === 'open' ? FORGOTTEN_MAY_ASK : '';
    return { ok: true, value: `${name} is forgotten.${saysDropped(dropped)}${mayAsk}` };
  }

  async #answer(host: Host): Promise<Answer> {
    if (host.state === 'revoked') return refuse('revoked', `the key of ${host.name} was revoked`);
    if (host.state === 'pending') {
      const reason = `${host.name} waits for an operator: banshare-server hosts approve ${host.name}`;
      return { status: 'OK', verdict: 'pending', reason, fields: { name: host.name } };
    }
    await this.#open(host);
    return { status: 'OK', verdict: 'accepted', fields: { name: host.name } };
  }

  async #open(host: Host): Promise<void> {
    const { admissions, doors } = this.#parts;
    for (const curve of curvesOf(host)) admissions.admitHost(curve);
    await Promise.all(curvesOf(host).map((curve) => doors.admit(curve)));
  }

  #shut(host: Host): void {
    for (const curve of curvesOf(host)) {
      this.#parts.admissions.expelHost(curve);
      this.#parts.doors.expel(curve);
    }
    // Where a host that is out came from is protected no more.
    this.#parts.neverBan.forget(host);
  }

  /** Changes hosts and the audit log in one transaction; where it fails, neither has changed. */
  #write<T>(work: () => T): T {
    try {
      return this.#parts.ledger.write(work);
    } catch (error) {
      this.#parts.book.reload();
      throw error;
    }
  }
}

function saysDropped(count: number): string {
  return count === 0 ? '' : ` ${count} held ${count === 1 ? 'ban' : 'bans'} of it dropped.`;
}

function oldName(host: Host): HostName {
  const name = nameWith(host.name, `-old-${host.key.slice(0, 8)}`);
  if (name === undefined) throw new Error(`Cannot find another name for the host ${host.name}`);
  return name;
}

function noHost(name: string): { ok: false; fault: string } {
  return { ok: false, fault: `no host is called "${name}": see banshare-server hosts` };
}
