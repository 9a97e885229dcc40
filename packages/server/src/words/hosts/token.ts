import type { Range } from '@banshare/protocol';

/** So many may live at once; more are made by hand only by mistake. */
export const MOST_TOKENS = 100;
export const MOST_USES = 10_000;
/** Seconds. */
export const LONGEST_TOKEN = 30 * 86_400;

/** What lets hosts in that have its secret: `key` is its public half (Z85). Times are epoch seconds. */
export type Token = {
  id: string;
  key: string;
  made: number;
  until: number;
  uses: number;
  used: number;
  /** From where it may be used; null: from everywhere. */
  from: Range | null;
  /** What hosts have to be called that use it; null: anything. */
  pattern: string | null;
  /** Whether whoever uses it counts as approved by an operator. */
  approves: boolean;
  revoked: number | null;
};

/** Why a token opens nothing any more. */
export type TokenState = 'alive' | 'ended' | 'used up' | 'revoked';

export function tokenState({ until, uses, used, revoked }: Token, now: number): TokenState {
  if (revoked !== null) return 'revoked';
  if (used >= uses) return 'used up';
  return now < until ? 'alive' : 'ended';
}

/** What is told of a token; the hosts that came by it are named. */
export type ToldToken = Omit<Token, 'key'> & { state: TokenState; hosts: string[] };
