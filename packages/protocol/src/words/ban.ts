import type { Address } from './address.ts';
import { OPERATOR, type HostName, type JailName, type ProgName } from './names.ts';
import type { Target } from './range.ts';

/** What makes two bans the same one; ip is an address or a range. */
export type BanKey = { ip: Target; prog: ProgName; jail: JailName };

/** What a host reports, or takes back: always one address. */
export type ReportedBan = BanKey & { ip: Address };

/** What else a detector may know of a ban; it travels along and steers nothing. */
export type Details = { failures?: number; port?: string; protocol?: string; reason?: string };

/**
 * What a host says: this address misbehaved in this jail. durationSeconds -1 is for ever; absent leaves it to the server. The evidence
 * is what the detector saw, an attacker's text: it stays at the server, and travels with no event.
 */
export type Report = ReportedBan & Details & { durationSeconds?: number; evidence?: string };

/** Whose word a ban is: typed by an operator, found by hosts, or brought in from a list. */
export type Origin = 'operator' | 'host' | 'import';

/** A published ban or unban, at its position in the ledger. Times are epoch seconds; until is whole ones, null is for ever. */
export type Event = BanKey &
  Details & {
    kind: 'ban' | 'unban';
    epoch: string;
    seq: number;
    /** Eight bytes (hex) of the running hash over the epoch's events up to this one. */
    tail: string;
    at: number;
    until: number | null;
    host: HostName;
    /** Of an operator's unban: the address is never banned from now on, so every jail of a host lets it go. */
    everyJail?: true;
    /** Of a ban; read it with originOf(), since older servers leave it out. */
    by?: Origin;
  };

/** Whose word a ban is. Where the event does not say it, prog tells: an older server's imports count as typed by an operator. */
export function originOf({ by, prog }: Pick<Event, 'by' | 'prog'>): Origin {
  return by ?? (prog === OPERATOR ? 'operator' : 'host');
}

/** Reads the wire's word; undefined for one that this version does not know. */
export function parseOrigin(value: unknown): Origin | undefined {
  return value === 'operator' || value === 'host' || value === 'import' ? value : undefined;
}

/** A position in a server's ledger: everything up to seq of that epoch is known. */
export type Position = { epoch: string; seq: number; tail: string };

/** The text that stands for a ban as a map's key; no field can hold the separator. */
export function banKeyText(ban: BanKey): string {
  return `${ban.prog};${ban.jail};${ban.ip}`;
}
