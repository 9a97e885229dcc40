import { bad, good, quote, type Result } from '@banshare/protocol';

const BLANK = /\s/;

/**
 * Splits a command into words as a shell would: blanks separate, quotes and backslashes keep together. Nothing is
 * expanded, so a `$`, a `*` or a `;` is just a letter of its word.
 */
export function splitWords(text: string): Result<string[]> {
  const words: string[] = [];
  // undefined: between words; '' is a word that holds nothing yet, as in `''`.
  let word: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const letter = text.charAt(at);
    if (letter === "'" || letter === '"') {
      const part = quoted(text, at, letter);
      if (part === undefined) return bad(`the quote ${letter} in ${quote(text)} is never closed`);
      word = (word ?? '') + part.text;
      at = part.end;
    } else if (letter === '\\') {
      at++;
      if (at === text.length) return bad(`the backslash at the end of ${quote(text)} has nothing to protect`);
      word = (word ?? '') + text.charAt(at);
    } else if (!BLANK.test(letter)) {
      word = (word ?? '') + letter;
    } else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (word !== undefined) words.push(word);
  return words.length > 0 && words[0] !== '' ? good(words) : bad('the command is empty');
}

/** What stands between the quote at `start` and its partner at `end`; between double quotes \" and \\ are one letter. */
function quoted(text: string, start: number, mark: string): { text: string; end: number } | undefined {
  let inside = '';
  for (let at = start + 1; at < text.length; at++) {
    const letter = text.charAt(at);
    if (letter === mark) return { text: inside, end: at };
    const next = text.charAt(at + 1);
    if (mark === '"' && letter === '\\' && /["\\$`]/.test(next)) {
      inside += next;
      at++;
    } else {
      inside += letter;
    }
  }
  return undefined;
}
