import type { Address, EnrolRequest, Envelope, HostName, Result } from '@banshare/protocol';
import type { Answer } from '../words/answer.ts';
import { Doors, type PublishDoors } from './doors.ts';
import { HostAdmitting } from './admitting.ts';
import type { Admitting } from '../words/hosts/admitting.ts';
import { Newcomers, type NewcomerParts } from './newcomers.ts';
import { OPEN_SECONDS } from './opening.ts';
import type { EnrolmentHold } from './enrolment-rate.ts';
import { someOf } from '@banshare/runtime';
import { nameWith } from '../words/hosts/host-names.ts';
import { noHost } from './no-host.ts';
import { namesakeOf, sayNamesake } from './namesake.ts';
import type { NeverBan } from '../never-ban/never-ban.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { dropHeldOf } from '../ledger/deeds.ts';
import type { Books } from '../ledger/record.ts';
import type { Host } from '../words/hosts/host.ts';
import type { EnrolmentMode, Openness } from '../words/hosts/enrolment.ts';

export type MembershipParts = NewcomerParts & {
  ledger: Ledger;
  doors: PublishDoors;
  neverBan: Pick<NeverBan, 'forget' | 'approve' | 'disapprove' | 'waiting' | 'comesFrom'>;
  /** Enrolment was open, and is so no more by itself. */
  ended: () => void;
};

/** What an approval did, in words, and to which addresses. */
type Approved = { host: Host; says: string; approved: readonly Address[]; tooMany: readonly Address[] };

const FORGOTTEN_MAY_ASK =
  ' Its key is not known as revoked any more, and enrolment is open: whoever has it and the join key can enrol it again.';

/**
 * Who belongs to the fleet: newcomers come by `newcomers.ts`, and what operators decide is carried out here. Each deed and its entry in the audit log are
 * one piece of the ledger's queue, in which what it depends on is looked at: another deed may have come before it.
 */
export class Membership {
  readonly #parts: MembershipParts;
  readonly #newcomers: Newcomers;
  readonly #admitting: HostAdmitting;
  readonly #doors: Doors;
  #wasOpen: boolean;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.#doors = new Doors(parts);
    this.#newcomers = new Newcomers(parts, this.#doors);
    this.#admitting = new HostAdmitting({
      ...parts,
      opened: (host) => this.#doors.opened(host),
      approve: (books, host, how) => this.#admit(books, host, how),
      trust: (host) => this.#trust(host),
      shutOut: (books, host) => this.#handOver(books, host),
    });
    this.#wasOpen = this.mode === 'open';
    parts.admissions.openJoining(this.mode !== 'closed');
    parts.ledger.follow({
      applied: ({ isAll, settings }) => {
        const isSaid = settings.has('enrolment') || settings.has('enrolment-until');
        if (isSaid) this.#wasOpen = this.mode === 'open';
        if (isSaid || isAll) parts.admissions.openJoining(this.mode !== 'closed');
      },
    });
  }

  get mode(): EnrolmentMode {
    return this.openness.mode;
  }

  /** How newcomers are met, and until when. */
  get openness(): Openness {
    return this.#parts.opening.at(this.#parts.now());
  }

  /** server.toml says otherwise from now on; what an operator said counts more. */
  configure(mode: EnrolmentMode): void {
    this.#parts.opening.configure(mode);
    this.#wasOpen = this.mode === 'open';
    this.#parts.admissions.openJoining(this.mode !== 'closed');
  }

  /** So many newcomers are taken in a minute from now on. */
  takeAMinute(newcomers: number): void {
    this.#newcomers.takeAMinute(newcomers);
  }

  /** What holds newcomers back, or did within the last hour. */
  get hold(): EnrolmentHold | undefined {
    return this.#newcomers.hold;
  }

  /** `openSeconds` counts for `open`, which ends by itself. @throws when the ledger cannot be written. */
  async setMode(mode: EnrolmentMode, openSeconds = OPEN_SECONDS): Promise<void> {
    await this.#parts.ledger.write(() => this.#say(mode, openSeconds));
  }

  #say(mode: EnrolmentMode, openSeconds = OPEN_SECONDS): void {
    const { audit, opening, now } = this.#parts;
    const until = now() + openSeconds;
    opening.say(mode, until);
    audit.note('enrolment', mode === 'open' ? { mode, until } : { mode }, now());
  }

  /** Notices that enrolment is open no more: one of several servers notes it, once. @throws when the ledger cannot be written. */
  async noticeEnd(): Promise<void> {
    if (!this.#wasOpen || this.mode === 'open') return;
    const { ledger, audit, opening, ended, now } = this.#parts;
    const isNews = await ledger.write(() => {
      if (!opening.noteEnd(now())) return false;
      audit.note('enrolment', { mode: this.mode, ended: true }, now());
      return true;
    });
    this.#wasOpen = false;
    if (isNews) ended();
  }

  /** Takes a host into the fleet, or lets it wait: see Newcomers. @throws when the ledger cannot be written. */
  enrol(request: Envelope & EnrolRequest): Promise<{ answer: Answer; newcomer?: Host }> {
    return this.#newcomers.enrol(request);
  }

  /** Forgets who waited for an operator and has not asked for a day, so that there is room for others. */
  forgetUnheard(): Promise<void> {
    return this.#newcomers.forgetUnheard();
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
    const done = await this.#parts.ledger.write((books) => this.#approve(books, name, replace, addresses));
    if ('fault' in done) return { ok: false, fault: done.fault };
    await this.#doors.opened(done.host);
    return { ok: true, value: `${done.says}${this.#sayAddresses(done)}` };
  }

  #approve(
    books: Books,
    name: string,
    replace: boolean,
    addresses: readonly string[],
  ): Approved | { fault: string } {
    const { book, neverBan, audit, now } = this.#parts;
    const host = book.byName(name);
    if (host === undefined) return { fault: noHost(name, book) };
    if (addresses.some((address) => !host.addresses.includes(address))) {
      const told = neverBan.waiting(host, now()).join(', ') || 'none that is not approved';
      return { fault: `nothing was approved: ${name} tells other addresses by now: ${told}` };
    }
    const { says, called } = this.#admit(books, host, { replace, isFree: false });
    const { approved, tooMany } = neverBan.approve(host, addresses, now()) ?? { approved: [], tooMany: [] };
    if (approved.length > 0) audit.note('approved addresses', { name: called, addresses: approved }, now());
    return { host, says, approved, tooMany };
  }

  /** Lets hosts in by their keys, all or none: see Admitting. @throws when the ledger cannot be written. */
  admitAll(entries: readonly unknown[], how: { replace: boolean; check: boolean }): Promise<Admitting> {
    return this.#admitting.admitAll(entries, how);
  }

  /** Lets a host in under the name that it can have, in words; where it is in, only says so. */
  #admit(
    books: Books,
    host: Host,
    { replace, isFree }: { replace: boolean; isFree: boolean },
  ): { says: string; called: string } {
    const { book, now } = this.#parts;
    const { name, wanted } = host;
    const isIn = host.state === 'active';
    if (isIn && name === wanted) {
      this.#trust(host);
      return { says: `${name} is in the fleet already.`, called: name };
    }
    const namesake = isFree ? undefined : namesakeOf(host, book, now())?.namesake;
    if (namesake?.isAlive === true && !replace) {
      if (isIn) this.#trust(host);
      else this.#letIn(books, host, name);
      const where = isIn ? 'stays in the fleet under this name' : 'is in the fleet under this name';
      return { says: `${name} ${where}: ${sayNamesake(name, namesake, now())}.`, called: name };
    }
    const before = isFree ? undefined : book.like(wanted);
    const replaced = this.#letIn(books, host, wanted as HostName, before === host ? undefined : before);
    return { says: `${wanted} is in the fleet.${replaced}`, called: wanted };
  }

  /** An operator says of a host that is in that it is one of the fleet's: where it comes from is protected at once. */
  #trust(host: Host): void {
    const { book, audit, now } = this.#parts;
    if (host.approved !== null) return;
    book.change(host, { approved: now() });
    audit.note('approved', { name: host.name, wanted: host.wanted, key: host.key, replaced: null }, now());
  }

  /** Returns what became of the host that had the name. */
  #letIn(books: Books, host: Host, name: HostName, before?: Host): string {
    const { book, audit, now } = this.#parts;
    const { key, wanted } = host;
    const old = before === undefined ? undefined : this.#handOver(books, before);
    book.change(host, { state: 'active', name, approved: now() });
    audit.note('approved', { name, wanted, key, replaced: before?.key ?? null }, now());
    return old === undefined ? '' : ` The host that had the name is revoked, and called ${old}.`;
  }

  /** Takes its name from a host, which is revoked; returns what that is called from now on. */
  #handOver(books: Books, host: Host): HostName {
    const name = oldName(host);
    this.#parts.book.change(host, { state: 'revoked', name });
    this.#dropAllOf(books, host);
    return name;
  }

  #sayAddresses({ host, approved, tooMany }: Approved): string {
    const { neverBan, now } = this.#parts;
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
  async disapprove(name: string, addresses: readonly string[]): Promise<Result<string>> {
    const { ledger, book, neverBan, audit, now } = this.#parts;
    const isAll = addresses.length === 0;
    const taken = await ledger.write(() => {
      const host = book.byName(name);
      if (host === undefined) return undefined;
      const each = isAll ? [undefined] : [...new Set(addresses)].map((address) => address as Address);
      const gone = each
        .flatMap((address) =>
          neverBan.disapprove({ hostId: host.id, ...(address === undefined ? {} : { address }) }),
        )
        .map(({ address }) => address);
      if (isAll) book.change(host, { approved: null });
      if (isAll || gone.length > 0) audit.note('disapproved', { name, addresses: gone }, now());
      return gone;
    });
    if (taken === undefined) return { ok: false, fault: noHost(name, this.#parts.book) };
    if (!isAll && taken.length === 0)
      return {
        ok: false,
        fault: `no such address of ${name} is approved: see banshare-server never-ban list`,
      };
    const gone = taken.length === 0 ? 'none' : taken.join(', ');
    return {
      ok: true,
      value: `Protected no more because ${name} tells it: ${gone}. ${name} stays in the fleet.`,
    };
  }

  /** Shuts a host out at once. Since it may know the join key, nobody enrols without approval until an operator says so. */
  async revoke(name: string): Promise<Result<string>> {
    const { ledger, book, audit, now } = this.#parts;
    const done = await ledger.write((books) => {
      const host = book.byName(name);
      if (host === undefined) return undefined;
      book.change(host, { state: 'revoked' });
      const dropped = this.#dropAllOf(books, host);
      audit.note('revoked', { name, key: host.key, heldDropped: dropped }, now());
      const wasOpen = this.mode === 'open';
      if (wasOpen) this.#say('approve');
      return { dropped, wasOpen };
    });
    if (done === undefined) return { ok: false, fault: noHost(name, this.#parts.book) };
    const says = `${name} is revoked.${saysDropped(done.dropped)}`;
    if (!done.wasOpen) return { ok: true, value: says };
    const text =
      'Since it may know the join key, enrolment now needs your approval: banshare-server enrolment open ends that.';
    return { ok: true, value: `${says} ${text}` };
  }

  /** Undoes a token that leaked: revokes it, and every host that came by it. */
  async revokeByToken(id: string): Promise<Result<string>> {
    const { ledger, book, tokens, audit, now } = this.#parts;
    const done = await ledger.write((books) => {
      const token = tokens.byId(id);
      if (token === undefined) return undefined;
      const hosts = book.all().filter((host) => host.token === id && host.state !== 'revoked');
      let dropped = 0;
      for (const host of hosts) {
        book.change(host, { state: 'revoked' });
        dropped += this.#dropAllOf(books, host);
      }
      const isNews = token.revoked === null || hosts.length > 0;
      tokens.revoke(token);
      const names = hosts.map(({ name }) => name);
      if (isNews) audit.note('revoked', { token: id, hosts: names, heldDropped: dropped }, now());
      return { names, dropped };
    });
    if (done === undefined) return { ok: false, fault: noToken(id) };
    const { names, dropped } = done;
    const who = names.length === 0 ? 'no host is in that came by it' : `revoked too: ${sayHosts(names)}`;
    const undo =
      names.length === 0
        ? ''
        : ` What they caused: banshare-server undo --host ${names[0]} --since 1d, for each, or undo --all --since 1h.`;
    return { ok: true, value: `The token ${id} is revoked; ${who}.${saysDropped(dropped)}${undo}` };
  }

  /** Removes a host that is gone for good; with its key it could only enrol anew. */
  async forget(name: string): Promise<Result<string>> {
    const { ledger, book, audit, now } = this.#parts;
    const done = await ledger.write((books) => {
      const host = book.byName(name);
      if (host === undefined) return undefined;
      const dropped = this.#dropAllOf(books, host);
      audit.note('forgotten', { name, key: host.key, heldDropped: dropped }, now());
      book.forget(host);
      return { dropped, wasRevoked: host.state === 'revoked' };
    });
    if (done === undefined) return { ok: false, fault: noHost(name, this.#parts.book) };
    const mayAsk = done.wasRevoked && this.mode === 'open' ? FORGOTTEN_MAY_ASK : '';
    return { ok: true, value: `${name} is forgotten.${saysDropped(done.dropped)}${mayAsk}` };
  }

  /** What waits of a host that is shut out is dropped, and where it came from is protected no more; returns how many were held. */
  #dropAllOf(books: Books, host: Host): number {
    this.#parts.neverBan.forget(host);
    return dropHeldOf(books, host.id);
  }
}

function sayHosts(names: readonly string[]): string {
  return names.length === 1
    ? `${names[0]}, which came by it`
    : `the ${names.length} hosts that came by it: ${someOf(names)}`;
}

/** In words that no such token is known. */
export function noToken(id: string): string {
  return `no token has the id "${id}": see banshare-server token list`;
}

function saysDropped(count: number): string {
  return count === 0 ? '' : ` ${count} held ${count === 1 ? 'ban' : 'bans'} of it dropped.`;
}

function oldName(host: Host): HostName {
  const name = nameWith(host.name, `-old-${host.key.slice(0, 8)}`);
  if (name === undefined) throw new Error(`Cannot find another name for the host ${host.name}`);
  return name;
}
