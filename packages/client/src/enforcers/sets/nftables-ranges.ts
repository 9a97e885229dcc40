import type { Target } from '@banshare/protocol';

/**
 * Ranges stand in a table of their own, those of each length of prefix in a set of their own: it holds their first addresses,
 * and its rule looks up what is left of a packet's address under the mask. None of these sets has intervals. With those an
 * overlap would end a whole transaction, merging would give ranges each other's ends, and every later call of nft would read
 * all of them first. So a range within a wider one is simply in another set, each with its own end.
 */
const TABLE = 'inet banshare_ranges';
const CHAINS = ['input', 'forward'] as const;

/** Where a range stands: its table and set, and the element that is it there. */
export function elementOfRange(range: Target): { set: string; element: string } {
  const [first = ''] = range.split('/');
  return { set: `${TABLE} ${setOf(range)}`, element: first };
}

/** The set where a range stands. */
export function setOf(range: Target): string {
  const [first = '', prefix = ''] = range.split('/');
  return `v${first.includes(':') ? 6 : 4}_${prefix}`;
}

/** The range that an element of a set is. */
export function rangeOf(set: string, element: string): string {
  return `${element}/${set.slice(3)}`;
}

/** The family, table and name of a set of this table, as nft takes them. */
export function setName(set: string): string[] {
  return [...TABLE.split(' '), set];
}

/** What makes a set and its rules, also where they are there already; `extra` is what else its definition says. */
export function setUpLines(set: string, extra: string): string[] {
  const isIPv6 = set.startsWith('v6');
  const family = isIPv6 ? 'ip6' : 'ip';
  return [
    `add table ${TABLE}`,
    `add set ${TABLE} ${set} { type ${isIPv6 ? 'ipv6_addr' : 'ipv4_addr'}; flags timeout;${extra} }`,
    ...CHAINS.flatMap((hook) => [
      `add chain ${TABLE} ${hook}_${set} { type filter hook ${hook} priority -10; policy accept; }`,
      `flush chain ${TABLE} ${hook}_${set}`,
      `add rule ${TABLE} ${hook}_${set} ${family} saddr & ${maskOf(set)} @${set} counter drop`,
    ]),
  ];
}

/** What takes the table away, also where there is none. */
export function removeLines(): string[] {
  return [`add table ${TABLE}`, `delete table ${TABLE}`];
}

/** The sets of this table in a terse listing of all tables. */
export function setsIn(ruleset: string): string[] {
  return [...tableIn(ruleset, TABLE).matchAll(/^\tset (v[46]_\d+) \{$/gm)].map(([, set = '']) => set);
}

/** Whether a terse listing of all tables has a set and its rules. */
export function hasSet(ruleset: string, set: string): boolean {
  const table = tableIn(ruleset, TABLE);
  const rule = (hook: string): RegExp =>
    new RegExp(`chain ${hook}_${set} \\{\\s*type filter hook ${hook} [^}]*@${set} [^\n}]*drop`);
  return !isDormant(table) && CHAINS.every((hook) => rule(hook).test(table));
}

/** Whether the kernel passes a table over, whatever rules it has. */
export function isDormant(table: string): boolean {
  return /^\tflags [^\n]*\bdormant\b/m.test(table);
}

/** A table's part of a listing of all tables, or ''. */
export function tableIn(ruleset: string, table: string): string {
  return new RegExp(`^table ${table} \\{\n[^]*?^\\}`, 'm').exec(ruleset)?.[0] ?? '';
}

/** The mask of a set's length of prefix, as an address. */
function maskOf(set: string): string {
  const prefix = Number(set.slice(3));
  const isIPv6 = set.startsWith('v6');
  const width = isIPv6 ? 16 : 8;
  const parts = Array.from({ length: isIPv6 ? 8 : 4 }, (_, index) => {
    const ones = Math.min(width, Math.max(0, prefix - index * width));
    return 2 ** width - 2 ** (width - ones);
  });
  return isIPv6 ? parts.map((part) => part.toString(16)).join(':') : parts.join('.');
}
