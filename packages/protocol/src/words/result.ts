/**
 * What a parser returns: the value, or one sentence that says what is wrong with the text. `code` is the system's where a file could not
 * be read (`ENOENT`), for whoever has to know which it was.
 */
export type Result<T> = { ok: true; value: T } | Fault;

type Fault = { ok: false; fault: string; code?: string };

export function good<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function bad(fault: string, code?: string): Fault {
  return { ok: false, fault, ...(code === undefined ? {} : { code }) };
}

/** Shows a foreign text in a message: quoted, printable ASCII only, at most 60 characters of it. */
export function quote(text: string): string {
  const shown = JSON.stringify(text.slice(0, 60)).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return text.length > 60 ? `${shown.slice(0, -1)}…"` : shown;
}

/** A foreign text that goes into a sentence: what would break the line, or steer a terminal, is shown as its code. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (letter) =>
    letter
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
