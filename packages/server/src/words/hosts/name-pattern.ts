import { bad, good, quote, type Result } from '@banshare/protocol';

/** More say nothing that fewer do not. */
const MOST_STARS = 8;

/** Reads a pattern of host names: letters, digits, `.`, `-`, `_`, `*` for any of them and `?` for one. */
export function parseNamePattern(text: string): Result<string> {
  if (!/^[A-Za-z0-9._*?-]{1,255}$/.test(text))
    return bad(`${quote(text)} is no pattern of host names, such as 'web-*' or 'db-?.example.org'`);
  return text.split('*').length - 1 > MOST_STARS
    ? bad(`${quote(text)} has more than ${MOST_STARS} stars`)
    : good(text);
}

/** Whether a name is like a pattern, whatever the case; in a time that grows with the one times the other at most. */
export function fitsPattern(name: string, pattern: string): boolean {
  const [text, like] = [name.toLowerCase(), pattern.toLowerCase()];
  let [at, to] = [0, 0];
  let star: { at: number; to: number } | undefined;
  while (at < text.length) {
    if (like[to] === '*') star = { at, to: (to += 1) };
    else if (to < like.length && (like[to] === '?' || like[to] === text[at])) [at, to] = [at + 1, to + 1];
    else if (star !== undefined) [at, to] = [(star.at += 1), star.to];
    else return false;
  }
  while (like[to] === '*') to += 1;
  return to === like.length;
}
