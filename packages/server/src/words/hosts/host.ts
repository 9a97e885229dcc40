import type { Dropped, HostName, NodeBuild, Receipt, Uncounted } from '@banshare/protocol';
import type { Instances } from './instances.ts';

/** Seconds without a word after which a host counts as silent, and its name may be handed over. */
export const SILENT_SECONDS = 30;

/** `pending` waits for an operator; `revoked` is refused everywhere. */
export type HostState = 'active' | 'pending' | 'revoked';

/** A key of a host: Ed25519 in hex, and the same key for CURVE in Z85. */
export type Key = { key: string; curve: string };

/** What a host said it has dropped, and when that was read there, epoch seconds. */
export type ToldDropped = { readAt: number; what: Dropped | Uncounted };

/** A host of the fleet. Times are epoch seconds. */
export type Host = Key & {
  id: number;
  /** The key that shall follow, and counts beside this one until it is first used. */
  next: Key | null;
  /** When it last asked for another key, by its own clock. */
  rotationAt: number | null;
  name: HostName;
  /** The name it asked for, where another key has that one. */
  wanted: string;
  state: HostState;
  enrolled: number;
  /** When an operator said yes to it. */
  approved: number | null;
  addresses: readonly string[];
  /** Of its client's acknowledgements. */
  lastSeen: number | null;
  /** When it last said anything whole, reports too, since this server started. */
  heardAt: number | null;
  position: { epoch: string; applied: number } | null;
  /** How many events of this epoch it has beyond this ledger's head, and how many bans this ledger lacks, by its last word. */
  ahead: number;
  lacking: number;
  version: string | null;
  generation: string | null;
  /** What its client runs on; null where it is older and says nothing. */
  node: NodeBuild | null;
  /** The token that it came by; null where it came otherwise. */
  token: string | null;
  /** By which of several servers it is in the fleet, as it calls that; null where it knows one, or said nothing yet. */
  server: string | null;
  clockAhead: number | null;
  /** Whether everything that it applies can be a range, as it last said; null where it said nothing yet. */
  ranges: boolean | null;
  /** What its newest acknowledgement said is really in place; null where that one said nothing of it. */
  receipt: Receipt | null;
  /** Since when not all of it is. */
  outSince: number | null;
  /** Until when an operator wants it not to count, and why. */
  mute: { until: number; note: string } | null;
  /** How many reports wait there for a server, as it last said here; null where it said nothing of it to this server. */
  spool: number | null;
  /** What its own sets have dropped, as it last said here; null where it said nothing of it to this server. */
  dropped: ToldDropped | null;
  /** The processes that speak with its key. */
  instances: Instances;
};

/**
 * Whether a host of the fleet was not heard of for so long that it counts no more, until it comes back. A report counts too:
 * a host whose client stands still may report on. One that never came does not count either.
 */
export function isGone(host: Host, now: number, goneAfterSeconds: number): boolean {
  if (!hasCome(host)) return true;
  return now - Math.max(host.lastSeen ?? host.enrolled, host.heardAt ?? 0) > goneAfterSeconds;
}

/** Whether a host has said anything yet; one whose key an operator admitted beforehand has not. */
export function hasCome({ lastSeen, heardAt, approved, enrolled }: Host): boolean {
  // Of what an older version took in it may also be unknown when it was last seen.
  return lastSeen !== null || heardAt !== null || approved !== enrolled;
}

/** Whether an operator wants a host not to count now. */
export function isMuted({ mute }: Pick<Host, 'mute'>, now: number): boolean {
  return mute !== null && mute.until > now;
}

/** The CURVE keys with which a host may come in. */
export function curvesOf(host: Host): string[] {
  return keysOf(host).map(({ curve }) => curve);
}

export function keysOf({ key, curve, next }: Host): Key[] {
  return next === null ? [{ key, curve }] : [{ key, curve }, next];
}
