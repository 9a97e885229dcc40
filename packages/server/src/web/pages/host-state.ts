import { onlyListens, isInPlace } from '../../fleet/in-place.ts';
import type { HostStatus } from '../../operator/status.ts';
import { spanText } from './parts.ts';

/** How a host is, in one word, and what that means for whoever looks: all well, just a moment, something to do, or it does not count. */
export type HostState = {
  readonly word: string;
  readonly sign: 'well' | 'moving' | 'todo' | 'wrong' | 'paused' | 'waits' | 'out';
  /** What there is to know beside the word. */
  readonly more: string;
};

type Rule = (host: HostStatus, now: number) => HostState | undefined;

/** The first that speaks counts: what a person has to know first. */
const RULES: readonly Rule[] = [
  ({ state }) => (state === 'pending' ? is('waits for you', 'waits', 'not in the fleet yet') : undefined),
  ({ state }) => (state === 'revoked' ? is('revoked', 'out', 'shut out') : undefined),
  ({ state }) =>
    state === 'admitted' ? is('admitted', 'waits', 'let in beforehand, and has not come yet') : undefined,
  ({ state, awaySeconds }) =>
    state === 'gone' ? is('gone', 'out', `not heard of for ${spanText(awaySeconds)}`) : undefined,
  ({ mutedUntil, muteNote }, now) =>
    mutedUntil !== null && mutedUntil > now ? is('muted', 'out', muteNote ?? '') : undefined,
  ({ ahead }) => (ahead > 0 ? is('ahead', 'wrong', 'has events that this ledger lacks') : undefined),
  ({ receipt }) =>
    receipt?.pausedSince === undefined ? undefined : is('paused', 'paused', 'no ban is in place there'),
  ({ isBehind, lastSeen, awaySeconds }) =>
    isBehind && lastSeen === null
      ? is('new', 'moving', `joined ${spanText(awaySeconds)} ago, and has not said yet what it has`)
      : undefined,
  ({ isBehind, lag, awaySeconds }) => {
    if (!isBehind) return undefined;
    const text = lag === 0 ? 'silent' : 'behind';
    return is(text, 'todo', `for ${spanText(awaySeconds)}`);
  },
  ({ receipt }) =>
    receipt !== null && receipt.failed > 0
      ? is('bans fail', 'wrong', receipt.why ?? `${receipt.failed} failed`)
      : undefined,
  ({ receipt }) =>
    receipt !== null && receipt.full > 0 ? is('full', 'todo', `${receipt.full} bans do not fit`) : undefined,
  ({ receipt }) => (receipt?.blind === undefined ? undefined : is('cannot see', 'todo', receipt.blind)),
  ({ lag }) => (lag > 0 ? is('catching up', 'moving', `${lag} events to go`) : undefined),
  ({ receipt }) =>
    onlyListens(receipt) ? is('only listens', 'well', 'bans nothing, as its client.toml wants') : undefined,
  ({ receipt }) =>
    receipt === null
      ? is('in step', 'well', 'of an older version: what is in place there is unknown')
      : undefined,
  ({ receipt }) =>
    receipt !== null && !isInPlace(receipt)
      ? is('not all in place', receipt.unproven > 0 ? 'todo' : 'moving', receipt.why ?? '')
      : undefined,
];

/** How a host is; now is epoch seconds. */
export function stateOf(host: HostStatus, now: number): HostState {
  for (const rule of RULES) {
    const state = rule(host, now);
    if (state !== undefined) return state;
  }
  return is('in place', 'well', '');
}

/** What needs a person stands first. */
export const SIGN_ORDER: readonly HostState['sign'][] = [
  'wrong',
  'paused',
  'todo',
  'waits',
  'moving',
  'well',
  'out',
];

/** What a sign says, for the legend of the tiles. */
export const SIGN_WORDS: Readonly<Record<HostState['sign'], string>> = {
  wrong: 'bans fail',
  paused: 'paused',
  todo: 'behind or not all in place',
  waits: 'waiting for you',
  moving: 'catching up',
  well: 'in place',
  out: 'not counted',
};

function is(word: string, sign: HostState['sign'], more: string): HostState {
  return { word, sign, more };
}
