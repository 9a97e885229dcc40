/**
 * What stands at the head of a line that a person has to see first. Whoever writes such a line takes it from here, and by it a terminal
 * shows the line in its colour: with a word of its own it would be one line among others.
 */
export const HEADS = {
  urgent: 'URGENT:',
  frozen: 'The fleet is FROZEN',
  paused: 'PAUSED',
  todo: 'To do:',
  warning: '  ! ',
} as const;

const RED = '\x1b[1;31m';
const YELLOW = '\x1b[33m';

const COLOURS: Readonly<Record<keyof typeof HEADS, string>> = {
  urgent: RED,
  frozen: RED,
  paused: RED,
  todo: YELLOW,
  warning: YELLOW,
};

/** What has a terminal show a line in its colour; undefined for a line that has none. */
export function colourOf(line: string): string | undefined {
  const names = Object.keys(HEADS) as (keyof typeof HEADS)[];
  const head = names.find((name) => line.startsWith(HEADS[name]));
  return head === undefined ? undefined : COLOURS[head];
}
