import type { Address } from './address.ts';
import type { HostName, JailName, ProgName } from './names.ts';
import type { Target } from './range.ts';

/** What makes two bans the same one; ip is an address or a range. */
export type BanKey = { ip: Target; prog: ProgName; jail: JailName };

/** What a host reports, or takes back: always one address. */
export type ReportedBan = BanKey & { ip: Address };

/** What else a detector may know of a ban; it travels along and steers nothing. */
export type Details = { failures?: number; port?: string; protocol?: string; reason?: string };

/** What a host says: this address misbehaved in this jail. durationSeconds -1 is for ever; absent leaves it to the server. */
export type Report = ReportedBan & Details & { durationSeconds?: number };

/** A published ban or unban, in its place in the ledger. Times are epoch seconds; until is whole ones, null is for ever. */
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
  };

/** A place in a server's ledger: everything up to seq of that epoch is known. */
export type Position = { epoch: string; seq: number; tail: string };

/** The text that stands for a ban as a map's key; no field can hold the separator. */
export function banKeyText(ban: BanKey): string {
  return `${ban.prog};${ban.jail};${ban.ip}`;
}
