import { oneLine } from '@banshare/protocol';

/** What fills many screens buries what matters. */
const LONGEST_LINE = 4000;

/**
 * A text of several lines as it may reach a terminal, whoever wrote parts of it: what would steer the terminal, or reorder or hide
 * text on it, is shown as its code, and a line that is longer than `longest` is cut.
 */
export function forPeople(text: string, longest = LONGEST_LINE): string {
  return text
    .split('\n')
    .map((line) => (line.length > longest ? `${oneLine(line.slice(0, longest))}…` : oneLine(line)))
    .join('\n');
}

/** A sentence of one line as it may reach a terminal; what were further lines of it stand behind the first. */
export function sentenceForPeople(text: string): string {
  return forPeople(text.trim().replaceAll(/\s*[\r\n\u2028\u2029]\s*/g, ' '));
}

/** One JSON document for programs, which a terminal shows as well: its texts are the same, other letters in it are escaped. */
export function jsonForAll(value: unknown): string {
  return oneLine(JSON.stringify(value));
}
