import { parseHostName, type HostName } from '@banshare/protocol';

/** The name that a newcomer gets: what it wants, or where another key has that, with hex digits of its key behind it. */
export function freeName(wanted: HostName, key: string, isTaken: (name: string) => boolean): HostName {
  if (!isTaken(wanted)) return wanted;
  for (let digits = 4; digits <= 32; digits += 4) {
    const name = nameWith(wanted, `-${key.slice(0, digits)}`);
    if (name !== undefined && !isTaken(name)) return name;
  }
  throw new Error(`Cannot find a free name for the host ${wanted}`);
}

/** As much of a name as leaves room for the suffix: a label has at most 63 characters, a name 255. */
export function nameWith(wanted: HostName, suffix: string): HostName | undefined {
  for (let length = wanted.length; length > 0; length -= 1) {
    const name = parseHostName(wanted.slice(0, length) + suffix);
    if (name.ok) return name.value;
  }
  return undefined;
}
