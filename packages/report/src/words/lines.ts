import type { Readable } from 'node:stream';

/** The lines of a stream, undefined for one that is longer than so many characters, which is never kept in memory. */
export async function* lines(input: Readable, longest: number): AsyncGenerator<string | undefined> {
  let rest = '';
  let isSkipping = false;
  for await (const chunk of input) {
    const pieces = String(chunk).split('\n');
    for (const [index, piece] of pieces.entries()) {
      const isLast = index === pieces.length - 1;
      if (!isSkipping) rest += piece;
      const isTooLong: boolean = isSkipping || rest.length > longest;
      if (isTooLong) rest = '';
      if (isLast) {
        isSkipping = isTooLong;
        continue;
      }
      yield isTooLong ? undefined : rest;
      rest = '';
      isSkipping = false;
    }
  }
  if (isSkipping) yield undefined;
  else if (rest !== '') yield rest;
}
