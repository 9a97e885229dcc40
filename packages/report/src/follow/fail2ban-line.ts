import { FOR_EVER } from '@banshare/protocol';
import { readBantime } from '../words/details.ts';

/** When a line was written, in epoch seconds; isExact where the line tells its zone, else it is read in this host's. */
export type Stamp = { at: number; isExact: boolean };

/** A ban as fail2ban logs it; stamp is undefined where the line has no time, or one that cannot be read. */
export type LoggedBan = { jail: string; ip: string; stamp: Stamp | undefined; durationSeconds?: number };

const OWN_TIME = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[,.]\d{1,9})?`;
const ISO_TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[,.]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?`;
const SYSLOG_TIME = String.raw`[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d`;
const TAG = String.raw`fail2ban\.(?:actions|observer)\s*(?:\[\d+\])?:`;
const WORDS = String.raw`(?:(?:NOTICE|WARNING)\s+)?\[(?<jail>[^\]]{1,200})\]\s+(?<word>Increase Ban|Ban)\s+(?<ip>\S{1,80})(?:\s+\((?<more>[^)]*)\))?\s*$`;

/**
 * The forms of fail2ban 0.8 to 1.1: its own file, with or without a time; syslog and the journal, whose time, host and tag stand
 * before; and the journal's own handler, which leaves fail2ban's prefix out. Each is bound to the line's start: what other
 * programs write into the same log, and strangers into theirs, is never taken for a ban.
 */
const FORMS: readonly RegExp[] = [
  new RegExp(`^(?:(?<time>${OWN_TIME})\\s+)?${TAG}\\s+${WORDS}`),
  new RegExp(
    `^(?<time>${ISO_TIME}|${OWN_TIME}|${SYSLOG_TIME}) \\S+ (?:fail2ban(?:-server)?(?:\\[\\d+\\])?:\\s+)?(?:${OWN_TIME}\\s+)?${TAG}\\s+${WORDS}`,
  ),
  new RegExp(`^(?<time>${ISO_TIME}|${SYSLOG_TIME}) \\S+ fail2ban(?:\\[\\d+\\])?:\\s+${WORDS}`),
];

/** What looks like a ban in a form that is none of these. */
const LIKE_A_BAN = /fail2ban.*\[[^\]]{1,200}\]\s+(?:Increase )?Ban\s+\S+/i;
/** The pattern is not anchored: a stranger who writes into a log that others write too could have it try for as long as a line goes on. */
const LONGEST_LIKE_A_BAN = 600;

/** Reads a line of fail2ban's log at a time; undefined for all that is no new ban, also for Unban and Restore Ban. */
export function readLogLine(line: string, now: number): LoggedBan | undefined {
  for (const form of FORMS) {
    const found = form.exec(line)?.groups;
    if (found === undefined) continue;
    const { jail = '', ip = '', word, more = '', time } = found;
    const ban: LoggedBan = { jail, ip, stamp: time === undefined ? undefined : stampOf(time, now) };
    const longer = word === 'Ban' ? undefined : longerBantime(more);
    return longer === undefined ? ban : { ...ban, durationSeconds: longer };
  }
  return undefined;
}

/** The form of a line that seems to tell a ban and cannot be read, as one word for all lines of that form. */
export function unknownForm(all: string): string | undefined {
  const line = all.slice(0, LONGEST_LIKE_A_BAN);
  if (!LIKE_A_BAN.test(line)) return undefined;
  return line.slice(0, line.search(/\[[^\]]{1,200}\]\s+(?:Increase )?Ban\s/i)).replace(/[0-9a-f]+/gi, '#');
}

/** `2 # 2h -> 2026-11-20 23:00:00`, or `2 # permanent -> infinite`. */
function longerBantime(more: string): number | undefined {
  const [, text = ''] = /^\d+ # (.+) -> /.exec(more) ?? [];
  if (text === 'permanent') return FOR_EVER;
  const read = readBantime(text);
  return read.ok ? read.value : undefined;
}

function stampOf(time: string, now: number): Stamp | undefined {
  const isExact = /(?:Z|[+-]\d\d:?\d\d)$/.test(time) && time.includes('T');
  const text = /^\d/.test(time) ? time.replace(',', '.').replace(' ', 'T') : withYear(time, now);
  const seconds = Date.parse(text.replace(/([+-]\d\d)(\d\d)$/, '$1:$2')) / 1000;
  return Number.isNaN(seconds) ? undefined : { at: seconds, isExact };
}

/** Syslog's time has no year: it is this one, or the last one where that would be days ahead. */
function withYear(time: string, now: number): string {
  const year = new Date(now * 1000).getFullYear();
  const isAhead = Date.parse(`${time} ${year}`) / 1000 - now > 2 * 86_400;
  return `${time} ${isAhead ? year - 1 : year}`;
}
