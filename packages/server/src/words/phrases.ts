import { someOf } from '@banshare/runtime';

/** Of so many things each is said in a line of its own; of more than that one line says how many there are. */
export const MOST_SINGLE = 3;

/** A moment, epoch seconds, for people. */
export function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** A count for people: 4,812. */
export function number(count: number): string {
  return count.toLocaleString('en-US');
}

/** In words until when a freeze holds, epoch seconds; null until somebody ends it. */
export function frozenUntil(until: number | null): string {
  return until === null ? 'until thaw' : `until ${time(until)}`;
}

/**
 * What a freeze changed that came over another one, which may be somebody else's: until when that held, until when it holds now, and where
 * that is sooner how it lasts as long again. Nothing where none held, or it ends as before. Epoch seconds.
 */
export function sayFrozenBefore(
  before: { readonly until: number | null } | null | undefined,
  { until }: { readonly until: number | null },
  now: number,
): string[] {
  if (before === null || before === undefined || before.until === until) return [];
  const isSooner = until !== null && (before.until === null || until < before.until);
  const again = before.until === null ? '' : ` --for ${span(before.until - now)}`;
  const back = isSooner ? `, which is sooner; as long as before: banshare-server freeze${again}` : '';
  return [`It was frozen ${frozenUntil(before.until)} before, and is now ${frozenUntil(until)}${back}.`];
}

/** Names who gets no ban of a range. */
export function cannot(hosts: readonly string[], what = 'apply ranges'): string {
  return `${hosts.length} ${hosts.length === 1 ? 'host' : 'hosts'} cannot ${what}: ${someOf(hosts)}`;
}

/** Why addresses of full /64s are held, and what lets the /64s be banned. */
export function sayFull(blocks: string, withoutRanges: readonly string[]): string {
  const [first = '', ...others] = withoutRanges;
  const name = others.length === 0 ? first : 'NAME';
  return `So many addresses of ${blocks} are banned that the next are held, since ${cannot(withoutRanges)}. Let nftables or ipset ban there, or hosts mute ${name} --for 90d: then the next report bans all of the /64 on the others`;
}

/** A span of seconds, roughly: "42s", "7m", "3h", "2d". */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 120) return `${whole}s`;
  if (whole < 7200) return `${Math.round(whole / 60)}m`;
  if (whole < 172_800) return `${Math.round(whole / 3600)}h`;
  return `${Math.round(whole / 86_400)}d`;
}
