import {
  bad,
  FOR_EVER,
  good,
  parseAddress,
  parseDuration,
  parseHostName,
  quote,
  type Address,
  type HostName,
  type Result,
} from '@banshare/protocol';
import { splitWords } from './command-line.ts';
import { isTable } from './is-table.ts';

/** Turns what a TOML file holds into a checked value; the fault ends the sentence "KEY ...". */
export type Kind<T> = (value: unknown) => Result<T>;

/** Any text that fits one line; empty is refused. */
export const text: Kind<string> = (value) => {
  if (typeof value !== 'string') return bad(`must be a text in quotes, not ${show(value)}`);
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (value === '' || /[\x00-\x1f\x7f]/.test(value)) return bad('must be one line of text and not empty');
  return good(value);
};

export const flag: Kind<boolean> = (value) =>
  typeof value === 'boolean' ? good(value) : bad(`must be true or false, not ${show(value)}`);

export function integer(least: number, most: number): Kind<number> {
  return (value) => {
    const fits = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
    return fits ? good(value) : bad(`must be a whole number from ${least} to ${most}, not ${show(value)}`);
  };
}

/** A port to connect to. */
export const port = integer(1, 65_535);

/** A port to bind; 0 takes a free one. */
export const listenPort = integer(0, 65_535);

/** Seconds from least to most. */
export function duration(least: number, most: number): Kind<number> {
  return (value) => {
    const read = durationOrForEver(value);
    if (!read.ok) return read;
    if (read.value >= least && read.value <= most) return read;
    return bad(`must be from ${least} to ${most} seconds, not ${show(value)}`);
  };
}

/** Seconds, or -1 for ever. */
export const durationOrForEver: Kind<number> = (value) => {
  const written = typeof value === 'number' ? String(value) : value;
  if (typeof written !== 'string') return bad(`must be a duration like "10m", not ${show(value)}`);
  const read = parseDuration(written);
  if (!read.ok) return bad(`cannot be used: ${read.fault}`);
  return read.value === FOR_EVER || read.value > 0 ? read : bad('must be longer than nothing');
};

export const address: Kind<Address> = textBy(parseAddress);

export const hostName: Kind<HostName> = textBy(parseHostName);

/** Where a server is reached: a DNS name or one address. */
export const hostNameOrAddress: Kind<string> = (value) =>
  typeof value === 'string' && /:|^[\d.]+$/.test(value) ? address(value) : hostName(value);

/** The servers of a fleet, at least one. */
export type Servers = readonly [string, ...string[]];

/** More are never needed, and a report could not ask them all within its time. */
const MOST_SERVERS = 8;

/** Where the servers of a fleet are reached: one name or address, or a list of several. */
export const servers: Kind<Servers> = (value) => {
  if (!Array.isArray(value)) {
    const one = hostNameOrAddress(value);
    return one.ok ? good([one.value]) : one;
  }
  const read = listOf(hostNameOrAddress)(value);
  if (!read.ok) return read;
  const [first, ...others] = read.value;
  if (first === undefined) return bad('must name at least one server');
  if (others.length >= MOST_SERVERS)
    return bad(`must name ${MOST_SERVERS} servers at most, not ${value.length}`);
  const names = read.value.map((name) => name.toLowerCase());
  const twice = read.value.find((_, index) => names.indexOf(names[index] ?? '') < index);
  return twice === undefined ? good([first, ...others]) : bad(`names ${quote(twice)} twice`);
};

/** One file, or a list of several. */
export const files: Kind<readonly string[]> = (value) => listOf(text)(Array.isArray(value) ? value : [value]);

/** Where a server listens: one address of this machine, or "*" for all. */
export const listenAddress: Kind<string> = (value) => (value === '*' ? good(value) : address(value));

export function choice<const T extends string>(...choices: readonly T[]): Kind<T> {
  return (value) => {
    const found = choices.find((each) => each === value);
    if (found !== undefined) return good(found);
    return bad(`must be ${choices.map((each) => `"${each}"`).join(' or ')}, not ${show(value)}`);
  };
}

/** A command line that splits into words; it stays a text, and its user splits it. */
export const command: Kind<string> = (value) => {
  const read = text(value);
  if (!read.ok) return read;
  const words = splitWords(read.value);
  return words.ok ? read : bad(`cannot be used: ${words.fault}`);
};

/** A text that another parser reads. */
export function textBy<T>(parse: (text: string) => Result<T>): Kind<T> {
  return (value) => {
    if (typeof value !== 'string') return bad(`must be a text in quotes, not ${show(value)}`);
    const read = parse(value);
    return read.ok ? read : bad(`cannot be used: ${read.fault}`);
  };
}

/** A list, each item of one kind. */
export function listOf<T>(kind: Kind<T>): Kind<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value)) return bad(`must be a list in [ ], not ${show(value)}`);
    const items: T[] = [];
    for (const [index, item] of value.entries()) {
      const read = kind(item);
      if (!read.ok) return bad(`has a wrong item ${index + 1}: it ${read.fault}`);
      items.push(read.value);
    }
    return good(items);
  };
}

/** A table of its own: each name by one kind, each value by another. */
export function mapOf<T>(name: Kind<string>, kind: Kind<T>): Kind<ReadonlyMap<string, T>> {
  return (value) => {
    if (!isTable(value)) return bad(`must be a table, not ${show(value)}`);
    const entries = new Map<string, T>();
    for (const [key, item] of Object.entries(value)) {
      const named = name(key);
      if (!named.ok) return bad(`has a wrong name ${quote(key)}: it ${named.fault}`);
      const read = kind(item);
      if (!read.ok) return bad(`has a wrong value for ${quote(key)}: it ${read.fault}`);
      entries.set(named.value, read.value);
    }
    return good(entries);
  };
}

/** A value as a fault shows it. */
export function show(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'a date';
  return isTable(value) ? 'a table' : String(value);
}
