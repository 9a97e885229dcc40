import { ban, neverBanAdd, neverBanRemove, unban } from './ban-acts.ts';
import type { Act } from './act.ts';
import { approve, drill, drop, freeze, release, revoke, thaw, undo } from './fleet-acts.ts';

/** Everything that the page can do, by the name in its address. */
export const ACTS: Readonly<Record<string, Act>> = {
  ban,
  unban,
  'never-ban': neverBanAdd,
  'never-ban-remove': neverBanRemove,
  undo,
  freeze,
  thaw,
  drill,
  release,
  drop,
  approve,
  revoke,
};
