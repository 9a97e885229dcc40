import { table } from '@banshare/runtime';
import type { Top } from '../../operator/looking/top.ts';
import { sayWhere } from '../../words/whereabouts.ts';
import { number, span, time } from '../../words/phrases.ts';

const HEADINGS: Readonly<Record<string, string>> = {
  ip: 'ADDRESS',
  jail: 'JAIL',
  host: 'HOST',
  net: 'NETWORK',
  country: 'COUNTRY',
};

/** What was reported and banned most, and of which time that is. */
export function showTop({ by, since, at, names, rows, faults }: Top): string {
  const period = `in ${span(at - since)}, since ${time(since)}`;
  if (rows.length === 0) return `Nothing was reported or banned ${period}.`;
  const hasWhere = rows.some((row) => sayWhere(row) !== '');
  const cells = rows.map((row) => [
    row.name,
    number(row.reports),
    number(row.bans),
    ...(hasWhere ? [sayWhere(row)] : []),
  ]);
  const headings = [HEADINGS[by] ?? by.toUpperCase(), 'REPORTS', 'BANS', ...(hasWhere ? ['WHERE'] : [])];
  const all = names === null ? 'far more' : number(names);
  const more = names !== null && names <= rows.length ? '' : `The first ${number(rows.length)} of ${all} `;
  const end = `${more}${more === '' ? `${period[0]?.toUpperCase()}${period.slice(1)}` : period}.`;
  return [table(headings, cells), end, ...faults.map((fault) => `${fault}.`)].join('\n');
}
