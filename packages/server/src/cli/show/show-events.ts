import type { Happening } from '../../words/happening.ts';
import type { Whereabouts } from '../../words/whereabouts.ts';
import { time } from '../../words/phrases.ts';

/** Columns as wide as nearly all that stands there: lines come one by one, and have to stand below one another. */
const WIDTHS = { kind: 9, ip: 18, where: 18, who: 16 };
/** On a narrower terminal a line is folded all the same, and what would keep columns is only blanks. */
const LEAST_COLUMNS = 100;

/** A line for each thing that happened; `columns` are those of a terminal. */
export function eventLine(
  { at, kind, ip, prog, jail, who, says, country }: Happening & Whereabouts,
  isEnriched = false,
  columns = Infinity,
): string {
  const where = jail === null ? '-' : prog === null ? jail : `${prog}/${jail}`;
  const isWide = columns >= LEAST_COLUMNS;
  const cell = (text: string, width: number): string => (isWide ? text.padEnd(width) : text);
  return [
    time(at),
    cell(kind, WIDTHS.kind),
    cell(ip ?? '-', WIDTHS.ip),
    ...(isEnriched ? [country ?? '--'] : []),
    cell(where, WIDTHS.where),
    cell(who ?? 'server', WIDTHS.who),
    says,
  ].join(isWide ? '  ' : ' ');
}
