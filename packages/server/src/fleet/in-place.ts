import type { FieldsOf } from '@banshare/runtime';
import { type Receipt, uncomparedSeconds } from '@banshare/protocol';

/** What a host says of its bans, as an operator is told: why not all of them are in place. Times are epoch seconds. */
export type OutOfPlace = {
  name: string;
  wanted: number;
  placed: number;
  failed: number;
  full: number;
  unproven: number;
  why: string | null;
  pausedSince: number | null;
  /** Why it cannot see what is in place, or since how many seconds it did not look. */
  blind: string | null;
  unseenSeconds: number | null;
  /** For how long it has not been in place. */
  outSeconds: number;
};

/** The shape of what the daemon tells of it. */
export const OUT_OF_PLACE: FieldsOf<OutOfPlace> = {
  name: 'text',
  wanted: 'number',
  placed: 'number',
  failed: 'number',
  full: 'number',
  unproven: 'number',
  why: { orNull: 'text' },
  pausedSince: { orNull: 'number' },
  blind: { orNull: 'text' },
  unseenSeconds: { orNull: 'number' },
  outSeconds: 'number',
};

/** What the hosts that count say of their bans. */
export type InPlace = {
  /** How many say something, and of how many of these every ban is in place. */
  hosts: number;
  complete: number;
  /** How many bans those have that are complete: hosts follow different jails. */
  fewest: number;
  most: number;
};

/** A host that carries out nothing, since its administrator wants it so. */
export function onlyListens(receipt: Receipt | null): boolean {
  return receipt?.enforcer === 'none';
}

/** Whether all that should be in place on a host is, and can be seen there. */
export function isInPlace(receipt: Receipt): boolean {
  return receipt.unproven === 0 && mayBeInPlace(receipt);
}

/** The same, where what was carried out and cannot be seen counts: it is to do, and no reason to wake anybody. */
export function mayBeInPlace(receipt: Receipt): boolean {
  const { wanted, placed, unproven, pausedSince } = receipt;
  if (pausedSince !== undefined || placed + unproven < wanted) return false;
  // A host that reckons two different sets cannot be right about their sizes.
  if (unproven === 0 && receipt.wantedDigest !== receipt.placedDigest) return false;
  return receipt.blind === undefined && uncomparedSeconds(receipt) === undefined;
}

/** What is wrong with the bans of a host. */
export function outOfPlace(name: string, receipt: Receipt, outSeconds: number): OutOfPlace {
  const { wanted, placed, failed, full, unproven } = receipt;
  return {
    name,
    wanted,
    placed,
    failed,
    full,
    unproven,
    why: receipt.why ?? null,
    pausedSince: receipt.pausedSince ?? null,
    blind: receipt.blind ?? null,
    unseenSeconds: uncomparedSeconds(receipt) ?? null,
    outSeconds,
  };
}

/** How many bans complete hosts have, at least and at most. */
export function inPlaceOf(hosts: readonly { receipt: Receipt; isComplete: boolean }[]): InPlace {
  const complete = hosts.flatMap(({ receipt, isComplete }) => (isComplete ? [receipt.placed] : []));
  return {
    hosts: hosts.length,
    complete: complete.length,
    fewest: complete.length === 0 ? 0 : Math.min(...complete),
    most: complete.length === 0 ? 0 : Math.max(...complete),
  };
}
