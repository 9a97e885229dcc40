import { MOST_WORDS, type WordsOf } from '../../words/completion.ts';
import type { Ledger } from '../ledger.ts';
import type { Row } from '../tables/rows.ts';
import { GenerationBook } from './generations.ts';

/** So many of the newest events are looked at for the names of jails: no index has them. */
const NEWEST = 2000;

/**
 * Each asks for a column `word`, by an index, with two parameters around what it begins with: whoever presses a key keeps no report waiting.
 * Bans without a beginning are the newest: of a hundred thousand nobody wants the first by the alphabet.
 */
const ASKS = {
  hosts: 'SELECT name AS word FROM hosts WHERE name >= ? AND name < ? ORDER BY name LIMIT ?',
  waiting:
    "SELECT name AS word FROM hosts WHERE state = 'pending' AND name >= ? AND name < ? ORDER BY name LIMIT ?",
  jails: `SELECT DISTINCT jail AS word FROM (SELECT jail FROM events ORDER BY seq DESC LIMIT ${NEWEST})
     WHERE jail >= ? AND jail < ? ORDER BY jail LIMIT ?`,
  bans: 'SELECT DISTINCT ip AS word FROM bans WHERE ip >= ? AND ip < ? AND (until IS NULL OR until > ?) ORDER BY ip LIMIT ?',
  'never-ban': `SELECT range AS word FROM never_ban WHERE range >= ?1 AND range < ?2
     UNION SELECT address FROM approved_at WHERE address >= ?1 AND address < ?2 ORDER BY 1 LIMIT ?3`,
  // Those that ended too: hosts that came by one may have to be shut out.
  tokens: 'SELECT id AS word FROM tokens WHERE id >= ? AND id < ? ORDER BY id LIMIT ?',
} as const;

const NEWEST_BANS =
  'SELECT DISTINCT ip AS word FROM (SELECT ip FROM bans WHERE until IS NULL OR until > ? ORDER BY seq DESC LIMIT ?)';

/** Behind every letter that a word may have. */
const LAST = '\u{10FFFF}';

/** The words of a kind that begin so, in order; at most MOST_WORDS, as of `now`, epoch seconds. */
export function knownWords(
  ledger: Pick<Ledger, 'sql'>,
  of: WordsOf,
  begins: string,
  now: number,
): readonly string[] {
  if (of === 'generations')
    return new GenerationBook(ledger)
      .inService()
      .filter((name) => name.startsWith(begins))
      .slice(0, MOST_WORDS);
  const rows = rowsOf(ledger, of, begins, now);
  return rows.map(({ word }) => String(word));
}

function rowsOf(
  ledger: Pick<Ledger, 'sql'>,
  of: Exclude<WordsOf, 'generations'>,
  begins: string,
  now: number,
): Row[] {
  const around = [begins, begins + LAST] as const;
  if (of !== 'bans') return ledger.sql(ASKS[of]).all(...around, MOST_WORDS) as Row[];
  if (begins === '') return ledger.sql(NEWEST_BANS).all(now, MOST_WORDS) as Row[];
  return ledger.sql(ASKS.bans).all(...around, now, MOST_WORDS) as Row[];
}
