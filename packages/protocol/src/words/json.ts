import { bad, good, type Result } from './result.ts';

export type Fields = { readonly [name: string]: unknown };

/** JSON in which no semicolon appears: the original's clients split a message at semicolons. */
export function encodeJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(';', '\\u003b');
}

/** Bytes of a text in UTF-8, which is what limits on the wire are about. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) bytes += 1;
    // Half of a surrogate pair: two bytes of the pair's four.
    if (unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff)) bytes += 1;
  }
  return bytes;
}

/** Reads a text that must be exactly one JSON object. */
export function parseFields(text: string): Result<Fields> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return bad('the body is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return bad('the body is not a JSON object');
  return good(value as Fields);
}

/**
 * Takes fields out of a parsed object one by one and remembers the first fault; after a fault what it returns is only
 * there to please the types, and the caller looks at `fault` before using any of it.
 */
export class FieldReader {
  fault: string | undefined;
  readonly #fields: Fields;

  constructor(fields: Fields) {
    this.#fields = fields;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#fields, name) && this.#fields[name] !== undefined;
  }

  number(name: string, least: number, most: number): number {
    const value = this.#own(name);
    if (typeof value === 'number' && value >= least && value <= most) return value;
    return this.#fail(name, `a number from ${least} to ${most}`, 0);
  }

  integer(name: string, least: number, most: number): number {
    const value = this.#own(name);
    if (Number.isInteger(value)) return this.number(name, least, most);
    return this.#fail(name, 'a whole number', 0);
  }

  text(name: string, longest: number): string {
    const value = this.#own(name);
    if (typeof value === 'string' && value.length <= longest) return value;
    return this.#fail(name, `a text of at most ${longest} characters`, '');
  }

  /** A name that one program gave: printable ASCII without spaces and semicolons, so that it fits any line or table. */
  token(name: string, longest: number): string {
    const value = this.text(name, longest);
    if (/^[\x21-\x3a\x3c-\x7e]*$/.test(value)) return value;
    return this.#fail(name, 'printable ASCII without spaces and semicolons', '');
  }

  /** Checks `v`: a message of another version would be misread. */
  version(): void {
    if (this.#own('v') !== 1)
      this.#fail('v', '1, the version of messages that this program reads', undefined);
  }

  hex(name: string, length: number): string {
    const value = this.text(name, length);
    if (value.length === length && /^[0-9a-f]+$/.test(value)) return value;
    return this.#fail(name, `${length} lower-case hex digits`, '');
  }

  boolean(name: string): boolean {
    const value = this.#own(name);
    if (typeof value === 'boolean') return value;
    return this.#fail(name, 'true or false', false);
  }

  list(name: string, longest: number): readonly unknown[] {
    const value = this.#own(name);
    if (Array.isArray(value) && value.length <= longest) return value;
    return this.#fail(name, `a list of at most ${longest}`, []);
  }

  /** Reads a text by another parser, whose fault becomes this reader's. */
  parsed<T>(name: string, longest: number, parse: (text: string) => Result<T>): T {
    const result = parse(this.text(name, longest));
    if (result.ok) return result.value;
    this.fault ??= `${name}: ${result.fault}`;
    return undefined as T;
  }

  /** A field that only describes: undefined, and no fault, where it is not there or cannot be read. */
  described<T>(name: string, read: (own: FieldReader) => T): T | undefined {
    if (!this.has(name)) return undefined;
    const own = new FieldReader(this.#fields);
    const value = read(own);
    return own.fault === undefined ? value : undefined;
  }

  /** A field as it stands, for a reader of its own. */
  value(name: string): unknown {
    return this.#own(name);
  }

  #own(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
  }

  #fail<T>(name: string, wanted: string, filler: T): T {
    this.fault ??= `${name} must be ${wanted}`;
    return filler;
  }
}
