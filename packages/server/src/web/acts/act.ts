import type { AdminReply } from '@banshare/runtime';
import type { HostStatus, Status } from '../../operator/status.ts';
import type { AskServer } from '../daemon/ask-server.ts';
import type { MirrorBan } from '../daemon/ban-mirror.ts';
import type { Html } from '../pages/parts.ts';

/** What somebody put into the form of an act; a name may be there several times. */
export type Given = (name: string) => readonly string[];

/** What an act is planned with. */
export type ActParts = {
  readonly ask: AskServer;
  readonly status: Status | undefined;
  readonly hosts: readonly HostStatus[];
  /** The active bans; where not `isWhole` the page has not read all of them yet. */
  readonly bans: readonly MirrorBan[];
  readonly isWhole: boolean;
  readonly now: number;
};

/** What an act will do, before it is done. */
export type Plan = {
  /** One sentence each. */
  readonly says: readonly (string | Html)[];
  /** How many hosts or addresses it is about, whichever are more: with more than ten of them the number has to be typed. */
  readonly about: number;
  /** What these are; left out, they are of no kind that has to be said. */
  readonly of?: 'hosts' | 'addresses';
  /** Nobody can take it back: that has to be said yes to. */
  readonly isFinal: boolean;
};

/** What came of an act: sentences, and where to go from there. */
export type Outcome = { readonly says: readonly (string | Html)[]; readonly goTo?: string };

/** Something that the page can do. */
export type Act = {
  readonly title: string;
  readonly button: string;
  /** The fields of its form, as they were given. */
  readonly fields: (given: Given, parts: ActParts) => Html;
  /** What it will do; a text is why it cannot be done, undefined that something is to be filled in first. */
  readonly plan: (given: Given, parts: ActParts) => Promise<Plan | string | undefined>;
  readonly run: (given: Given, parts: ActParts, by: string) => Promise<Outcome | string>;
};

/** Of more hosts or addresses than this the number has to be typed. */
export const MOST_WITHOUT_NUMBER = 10;

/** The one value of a name; an empty text where there is none. */
export function one(given: Given, name: string): string {
  return given(name)[0]?.trim() ?? '';
}

/** Arguments of an action less those that nobody filled in. */
export function filled(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
}

/** What a good answer says, or why there is none. */
export function outcomeOf<T>(reply: AdminReply, tell: (result: T) => Outcome): Outcome | string {
  return reply.ok ? tell(reply.result as T) : reply.reason;
}

/**
 * What an act is about that reaches every host with some addresses: as many as there are of the one or the other. One address on 42 hosts is
 * a slip on 42 hosts.
 */
export function reaching(addresses: number, { status }: ActParts): Pick<Plan, 'about' | 'of'> {
  const hosts = status?.hosts ?? 0;
  return hosts > addresses ? { about: hosts, of: 'hosts' } : { about: addresses, of: 'addresses' };
}

/** How many hosts an act reaches, in words; unknown is unknown. */
export function everywhere({ status }: ActParts): string {
  if (status === undefined) return 'on every host';
  return status.hosts === 1 ? 'on the one host' : `on all ${status.hosts.toLocaleString('en-US')} hosts`;
}
