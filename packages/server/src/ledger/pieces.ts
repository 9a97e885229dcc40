import type { Position } from '@banshare/protocol';
import type { Touched } from './changes.ts';
import type { Database } from './database.ts';
import type { Books } from './record.ts';

/** SQLite's code for a row that may not be: the piece's own fault, and nothing is wrong with the file. */
const SQLITE_CONSTRAINT = 19;
/** So many pieces are committed together at most: more would make the first of them wait too long. */
const MOST_TOGETHER = 256;

/** An opened file, of a replica once more to be read, its tables, and what is touched of them. */
export type Opened = { database: Database; reading: Database | undefined; books: Books; touched: Touched };

/** Something to be written: `work` may run more than once, and only the last time counts. */
export type Piece = {
  work: (books: Books) => unknown;
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
  /** It only removes what nobody needs: by itself, and of what it removed no more is told than where that was. */
  isSweep?: boolean;
};

/** What became of a piece when it ran. */
export type Outcome = { piece: Piece } & ({ result: unknown } | { error: Error });

/** Where the books were before something that may be taken back. */
type Mark = { head: Position; fresh: number; held: number | undefined };

export function markOf({ events, held }: Books): Mark {
  return { ...events.mark(), held: held.mark() };
}

/** Has the books forget what a transaction did that was taken back. */
export function rewind({ books: { events, held }, touched }: Opened, mark: Mark): void {
  events.rewind(mark);
  held.rewind(mark.held);
  touched.clear();
}

/**
 * Runs pieces in an open transaction, in their order. One that throws by itself is taken back alone; behind one that touches
 * what servers hold in memory the others wait for the next transaction, since what they look at there would be old. @throws when the
 * file fails: then nothing is known of any of them.
 */
export function runPieces(opened: Opened, waiting: readonly Piece[]): Outcome[] {
  const firstSweep = waiting.findIndex(({ isSweep }) => isSweep === true);
  const pieces = waiting.slice(
    0,
    Math.min(MOST_TOGETHER, firstSweep < 0 ? Infinity : Math.max(1, firstSweep)),
  );
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return [runOne(opened, only)];
  const outcomes: Outcome[] = [];
  for (const piece of pieces) {
    opened.database.exec('SAVEPOINT piece');
    const mark = markOf(opened.books);
    const outcome = runOne(opened, piece);
    if ('error' in outcome) {
      opened.database.exec('ROLLBACK TO piece');
      rewind(opened, mark);
    }
    opened.database.exec('RELEASE piece');
    outcomes.push(outcome);
    if (opened.touched.isMemoryBehind) break;
  }
  return outcomes;
}

function runOne({ books }: Opened, piece: Piece): Outcome {
  try {
    return { piece, result: piece.work(books) };
  } catch (error) {
    if (isOfFile(error)) throw error;
    return { piece, error: error as Error };
  }
}

/** Whether SQLite failed, and not what was asked of it. */
function isOfFile(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  return errcode !== undefined && errcode % 256 !== SQLITE_CONSTRAINT;
}
