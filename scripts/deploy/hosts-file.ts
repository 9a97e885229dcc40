import { Fault } from '../say.ts';

export type Role = 'server' | 'client';

/** A line of the hosts file: an ssh destination with its roles and the groups it belongs to. */
export type Target = {
  readonly destination: string;
  readonly roles: readonly Role[];
  readonly groups: readonly string[];
};

const MOST_TARGETS = 10_000;

/**
 * Reads a list of ssh destinations, one a line, each followed by words: `server` and `client` are roles (without one it is a
 * client), all others are groups. A destination on several lines has the words of all. Comments begin with `#`.
 * @throws Fault that names the line.
 */
export function parseHosts(text: string): Target[] {
  const words = new Map<string, Set<string>>();
  for (const [index, line] of text.split('\n').entries()) {
    const [pattern, ...rest] = line
      .replace(/(^|\s)#.*/, '')
      .split(/\s+/)
      .filter((word) => word !== '');
    if (pattern === undefined) continue;
    for (const destination of expand(pattern, index + 1)) {
      checkDestination(destination, index + 1);
      const known = words.get(destination) ?? new Set();
      words.set(destination, known);
      for (const word of rest) known.add(checkedGroup(word, index + 1));
    }
    if (words.size > MOST_TARGETS)
      throw new Fault(`Cannot use line ${index + 1}: it makes more than ${MOST_TARGETS} hosts`);
  }
  return [...words].map(([destination, known]) => {
    const roles = (['server', 'client'] as const).filter((role) => known.has(role));
    const groups = [...known].filter((word) => word !== 'server' && word !== 'client');
    return { destination, roles: roles.length === 0 ? ['client'] : roles, groups };
  });
}

/** The targets that words name: by role, group or destination, with or without its user, `*` for any characters. */
export function limitTo(targets: readonly Target[], words: readonly string[]): Target[] {
  const kept = new Set<Target>();
  for (const word of words) {
    const found = targets.filter((target) => namesOf(target).some((name) => fits(word, name)));
    if (found.length === 0)
      throw new Fault(`Cannot limit to "${word}": no role, group or destination of the list is called so`);
    for (const target of found) kept.add(target);
  }
  return targets.filter((target) => kept.has(target));
}

function namesOf({ destination, roles, groups }: Target): string[] {
  return [destination, destination.replace(/^.*@/, ''), ...roles, ...groups];
}

function fits(word: string, name: string): boolean {
  const pattern = word
    .split('*')
    .map((part) => part.replace(/[^\w]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${pattern}$`).test(name);
}

/** web[1-3,7].example.org becomes four destinations; [01-10] keeps its zeros; what has a colon is an IPv6 address. */
function expand(pattern: string, line: number): string[] {
  const [whole, before = '', inside = '', after = ''] = /^(.*?)\[([^\]:]*)\](.*)$/.exec(pattern) ?? [];
  if (whole === undefined) return [pattern];
  const ends = expand(after, line);
  return inside
    .split(',')
    .flatMap((piece) => numbers(piece, line))
    .flatMap((number) => ends.map((end) => `${before}${number}${end}`));
}

function numbers(piece: string, line: number): string[] {
  const [whole, first = '', last = first] = /^(\d+)(?:-(\d+))?$/.exec(piece) ?? [];
  const count = Number(last) - Number(first) + 1;
  if (whole === undefined || count < 1 || count > MOST_TARGETS)
    throw new Fault(
      `Cannot use line ${line}: "[${piece}]" is no range of numbers, as in web[1-20] or web[01-20]`,
    );
  return Array.from({ length: count }, (_, index) =>
    String(Number(first) + index).padStart(first.startsWith('0') ? first.length : 0, '0'),
  );
}

/** ssh would take a leading hyphen for an option. */
function checkDestination(text: string, line: number): void {
  if (!/^[\w@:[][\w@.:/%[\]-]*$/.test(text))
    throw new Fault(`Cannot use line ${line}: "${text}" is no ssh destination`);
}

function checkedGroup(word: string, line: number): string {
  if (!/^[A-Za-z][\w.-]*$/.test(word))
    throw new Fault(`Cannot use line ${line}: "${word}" is neither a role nor a group's name`);
  return word;
}
