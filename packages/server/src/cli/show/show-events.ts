import type { Happening } from '../../words/happening.ts';
import type { Whereabouts } from '../../words/whereabouts.ts';
import { time } from '../../words/phrases.ts';

/** Columns as wide as nearly all that stands there: lines come one by one, and have to stand below one another. */
const WIDTHS = { kind: 9, ip: 18, where: 18, who: 16 };

/** A line for each thing that happened. */
export function eventLine(
  { at, kind, ip, prog, jail, who, says, country }: Happening & Whereabouts,
  isEnriched = false,
): string {
  const where = jail === null ? '-' : prog === null ? jail : `${prog}/${jail}`;
  return [
    time(at),
    kind.padEnd(WIDTHS.kind),
    (ip ?? '-').padEnd(WIDTHS.ip),
    ...(isEnriched ? [country ?? '--'] : []),
    where.padEnd(WIDTHS.where),
    (who ?? 'server').padEnd(WIDTHS.who),
    says,
  ].join('  ');
}
