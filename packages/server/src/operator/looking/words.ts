import type { AdminReply } from '@banshare/runtime';
import { knownWords } from '../../ledger/books/known-words.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { WordsOf } from '../../words/completion.ts';
import { textOf, type Args } from '../deeds/bans.ts';

/** What completion is told: words that fit what is typed. */
export type Words = { words: readonly string[] };

/** `words`: for completion, names and addresses of a kind that begin with what is typed, in order, few at most. */
export function words(args: Args, { ledger, now }: { ledger: Ledger; now: () => number }): AdminReply {
  const of = textOf(args, 'of') as WordsOf;
  const result: Words = { words: knownWords(ledger, of, textOf(args, 'begins') ?? '', now()) };
  return { ok: true, result };
}
