/** What a parser returns: the value, or one sentence that says what is wrong with the text. */
export type Result<T> = { ok: true; value: T } | { ok: false; fault: string };

export function good<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function bad(fault: string): { ok: false; fault: string } {
  return { ok: false, fault };
}

/** Shows a foreign text in a message: quoted, printable ASCII only, at most 60 characters of it. */
export function quote(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  const escaped = JSON.stringify(short).replace(
    /[^\x20-\x7e…]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return escaped;
}
