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
