import { join } from 'node:path';

/*
 * What the client put in place on this host and when: a line "TIME JAIL IP" each, in a file for each day. Whatever reads
 * fail2ban's log long after, as recidive (by `installers/shared-ban`) and the reporter's follower do, tells by it a ban of the
 * fleet from one of this host's own, also when the ban and its note are gone.
 */

/** A ban that was put in place; `at` is epoch seconds by this host's clock, which fail2ban's log goes by. */
export type SharedBan = { at: number; jail: string; ip: string };

/** recidive looks back a day by itself, and a week where an administrator asks for it: so many days are kept. */
export const SHARED_BANS_DAYS = 8;
/** fail2ban logs a ban some moments after the client began to put it in place, one of a batch some seconds after. */
export const LOGGED_WITHIN_SECONDS = 15;
/** What the two clocks' readings may differ by: the log's has whole seconds or milliseconds, the line's whole ones. */
export const CLOCK_SLACK_SECONDS = 2;

const DAY_SECONDS = 86_400;

/** The file of the day of a time; epoch seconds, days are UTC's. */
export function sharedBansFile(folder: string, seconds: number): string {
  return join(folder, new Date(seconds * 1000).toISOString().slice(0, 10));
}

/** The name of the oldest file that is still kept at that time (epoch seconds); older ones sort before it. */
export function oldestSharedBansFile(now: number): string {
  return sharedBansFile('', now - SHARED_BANS_DAYS * DAY_SECONDS);
}

/** The line of a ban. */
export function formatSharedBan({ at, jail, ip }: SharedBan): string {
  return `${Math.floor(at)} ${jail} ${ip}\n`;
}

/** Reads a line, without its end; undefined where it is none. */
export function parseSharedBan(line: string): SharedBan | undefined {
  const [time = '', jail = '', ip = ''] = line.split(' ');
  return ip === '' ? undefined : { at: Number(time), jail, ip };
}

/** Between which times a ban was put in place that fail2ban logged between two times, and the files that say so. */
export function timesOfLogged(from: number, to: number): { since: number; until: number; days: number[] } {
  const [since, until] = [from - LOGGED_WITHIN_SECONDS, to + CLOCK_SLACK_SECONDS];
  const days = [since];
  for (let day = since; day < until;) days.push((day = Math.min(day + DAY_SECONDS, until)));
  return { since, until, days };
}
