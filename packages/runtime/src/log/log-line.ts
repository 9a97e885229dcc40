/** Syslog's levels that banshare uses, with their numbers; a lower number is more serious. */
export const LEVELS = { error: 3, warning: 4, notice: 5, info: 6, debug: 7 } as const;

export type Level = keyof typeof LEVELS;

export type LogFields = { readonly [name: string]: unknown };

/** How lines look: for people, for journald (a priority in front, and no time, which the journal knows), or JSON. */
export type LineFormat = 'text' | 'journal' | 'json';

/** What a daemon says, once. */
export type LogEntry = {
  readonly atSeconds: number;
  readonly level: Level;
  readonly text: string;
  readonly fields: LogFields;
};

/** Longer values are cut: a command's whole stderr does not belong in a log. */
const LONGEST = 2000;

/** Controls, line and paragraph separators, what reorders or hides text on a screen, and lone surrogates. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** One line, without its newline, whatever text and fields hold. */
export function renderLine(entry: LogEntry, format: LineFormat): string {
  const time = new Date(entry.atSeconds * 1000).toISOString();
  if (format === 'json') {
    const fields = Object.entries(entry.fields).map(([name, value]) => [name, jsonValue(value)]);
    const reserved = { time, level: entry.level, text: shorten(entry.text) };
    return escapeUnsafe(JSON.stringify({ ...reserved, ...Object.fromEntries(fields), ...reserved }));
  }
  const front = format === 'journal' ? `<${LEVELS[entry.level]}>` : `${time} ${entry.level}: `;
  let line = front + escapeUnsafe(shorten(entry.text));
  for (const [name, value] of Object.entries(entry.fields)) {
    if (value !== undefined) line += ` ${bare(name) ? name : 'field'}=${textValue(value)}`;
  }
  return line;
}

/** An error's message with those of its causes behind it. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message === '' ? error.name : error.message;
  if (error.cause === undefined) return own;
  const cause = errorText(error.cause);
  return own.includes(cause) ? own : `${own}: ${cause}`;
}

function textValue(value: unknown): string {
  const plain = jsonValue(value);
  const text = typeof plain === 'string' ? plain : JSON.stringify(plain);
  return bare(text) ? text : escapeUnsafe(JSON.stringify(text));
}

/** What JSON can hold of a value. */
function jsonValue(value: unknown): unknown {
  if (typeof value === 'string') return shorten(value);
  if (value instanceof Error) return shorten(errorText(value));
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  try {
    const text = JSON.stringify(value);
    return text.length > LONGEST ? shorten(text) : value;
  } catch {
    return 'a value that JSON cannot hold';
  }
}

/** ASCII that needs no quotes: nearly everything that a line has, and asked of each name and value. */
const PLAIN = /^[!#-<>-[\]-~]+$/;

function bare(text: string): boolean {
  if (PLAIN.test(text)) return true;
  return /^[^\s"=\\]+$/.test(text) && text.search(UNSAFE) === -1;
}

function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, (letter) => {
    let escaped = '';
    for (let at = 0; at < letter.length; at++) {
      escaped += `\\u${letter.charCodeAt(at).toString(16).padStart(4, '0')}`;
    }
    return escaped;
  });
}

function shorten(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
