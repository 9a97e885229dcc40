import { table } from '@banshare/runtime';
import type { Top } from '../../operator/top.ts';
import { number, span, time } from '../../words/phrases.ts';

const HEADINGS: Readonly<Record<string, string>> = {
  ip: 'ADDRESS',
  jail: 'JAIL',
  host: 'HOST',
  net: 'NETWORK',
};

/** What was reported and banned most, and of which time that is. */
export function showTop({ by, since, at, names, rows }: Top): string {
  const period = `in ${span(at - since)}, since ${time(since)}`;
  if (rows.length === 0) return `Nothing was reported or banned ${period}.`;
  const cells = rows.map(({ name, reports, bans }) => [name, number(reports), number(bans)]);
  const all = names === null ? 'far more' : number(names);
  const more = names !== null && names <= rows.length ? '' : `The first ${number(rows.length)} of ${all} `;
  return `${table([HEADINGS[by] ?? by.toUpperCase(), 'REPORTS', 'BANS'], cells)}\n${more}${more === '' ? `${period[0]?.toUpperCase()}${period.slice(1)}` : period}.`;
}
