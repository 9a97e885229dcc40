import { FOR_EVER, isRange, type Target } from '@banshare/protocol';
import type { Ended } from '../../host/exec.ts';
import type { Remaining } from '../enforcer.ts';
import type { SetChange, Sets, Timed } from './host-sets.ts';
import {
  hasSet,
  isDormant,
  listWords,
  elementOfRange,
  rangeOf,
  removeLines,
  setOf,
  setsIn,
  setUpLines,
} from './nftables-ranges.ts';
import { cannotUse, type RunTool, said } from './tool.ts';

const CHAINS = ['input', 'forward'] as const;
/** A set of half a million addresses in JSON. */
const LISTING_BYTES = 128 * 1024 * 1024;

const RULESET_BYTES = 16 * 1024 * 1024;
const DAY = 86_400;
/** A century; what lasts longer gets another one in time. */
const LONGEST_SECONDS = 36_500 * DAY;

/**
 * The table and its rules, so that it may be run again at any time, in one transaction: no moment without rules. It stands
 * before other tables and looks at no state of a connection: what is established is cut.
 */
const SETUP = [
  'add table inet banshare',
  'add set inet banshare v4 { type ipv4_addr; flags timeout; }',
  'add set inet banshare v6 { type ipv6_addr; flags timeout; }',
  ...CHAINS.flatMap((chain) => [
    `add chain inet banshare ${chain} { type filter hook ${chain} priority -10; policy accept; }`,
    `flush chain inet banshare ${chain}`,
    `add rule inet banshare ${chain} ip saddr @v4 counter drop`,
    `add rule inet banshare ${chain} ip6 saddr @v6 counter drop`,
  ]),
];

/** What takes both tables away, also where there is none. */
const REMOVAL = ['add table inet banshare', 'delete table inet banshare', ...removeLines()];

/** Bans in banshare's own nftables tables, any number in one transaction. */
export function nftSets(run: RunTool): Sets {
  const nft = (lines: readonly string[]): Promise<Ended> => {
    return run(['nft', '-f', '-'], { input: `${lines.join('\n')}\n` });
  };
  /** The sets of ranges that are there, or were: a host without ranges has none, and pays nothing. */
  const rangeSets = new Set<string>();
  /** What is to leave a set that is not there has left it: none is made for that. */
  const withoutMissing = async (change: SetChange): Promise<SetChange | string> => {
    const isOnlyDrop = change.put.length === 0 && change.move.length === 0;
    if (!isOnlyDrop || rangeSetsOf(change).every((set) => rangeSets.has(set))) return change;
    const listed = await terseListing(run);
    if (listed.code !== 0) return `nft: ${said(listed)}`;
    for (const set of setsIn(listed.stdout)) rangeSets.add(set);
    return { ...change, drop: change.drop.filter((range) => rangeSets.has(setOf(range))) };
  };
  const changeOrSetUp = async (change: SetChange, concerned: readonly string[]): Promise<string> => {
    const lines = changeLines(change);
    if (lines.length === 0 || (await nft(lines)).code === 0) return '';
    // Perhaps the table is not there (any more); then it is made with the same transaction.
    const setUp = concerned.length > 0 ? concerned.flatMap(setUpLines) : SETUP;
    const again = await nft([...setUp, ...lines]);
    return again.code === 0 ? '' : `nft: ${said(again)}`;
  };
  return {
    kind: 'nftables',
    check: async () => {
      const ended = await run(['nft', '--check', '-f', '-'], { input: `${SETUP.join('\n')}\n` });
      return ended.code === 0 ? [] : [cannotUse('nftables', ended)];
    },
    setUp: async () => {
      const lines = [...SETUP, ...[...rangeSets].flatMap(setUpLines)];
      if ((await nft(lines)).code === 0) return '';
      // Something of that name is there and is made otherwise, as a saved ruleset may be. What it holds is put in place again.
      const ended = await nft([...REMOVAL, ...lines]);
      return ended.code === 0 ? '' : `nft: ${said(ended)}`;
    },
    change: async (asked) => {
      const change = await withoutMissing(asked);
      if (typeof change === 'string') return change;
      const concerned = rangeSetsOf(change);
      const reason = await changeOrSetUp(change, concerned);
      if (reason === '') for (const set of concerned) rangeSets.add(set);
      return reason;
    },
    remove: async () => {
      const ended = await nft(REMOVAL);
      if (ended.code === 0) rangeSets.clear();
      return ended.code === 0 ? '' : `nft: ${said(ended)}`;
    },
    isIntact: async () => {
      const { code, stdout: ruleset } = await terseListing(run);
      // What cannot be asked does not show that all is well: the listing that follows says why.
      if (code !== 0) return false;
      for (const set of setsIn(ruleset)) rangeSets.add(set);
      return hasRules(ruleset) && [...rangeSets].every((set) => hasSet(ruleset, set));
    },
    read: () => readSets(run, rangeSets),
  };
}

/** All tables without what their sets hold: asked for one table, nft would fetch all of that. */
function terseListing(run: RunTool): Promise<Ended> {
  return run(['nft', '-t', 'list', 'ruleset', 'inet'], { keptBytes: RULESET_BYTES });
}

/** What banshare's sets hold, those of addresses and these of ranges. */
async function readSets(run: RunTool, rangeSets: ReadonlySet<string>): ReturnType<Sets['read']> {
  const held = new Map<string, Remaining>();
  const listed = [
    ...['v4', 'v6'].map((set) => ({
      words: ['nft', '-j', 'list', 'set', 'inet', 'banshare', set],
      set: '',
    })),
    ...[...rangeSets].map((set) => ({ words: listWords(set), set })),
  ];
  for (const { words, set } of listed) {
    const ended = await run(words, { keptBytes: LISTING_BYTES });
    if (ended.code !== 0) return { ok: false, reason: `nft: ${said(ended)}` };
    try {
      for (const [element, seconds] of elementsIn(ended.stdout))
        held.set(set === '' ? element : rangeOf(set, element), seconds);
    } catch (error) {
      return { ok: false, reason: `Cannot read what nft lists: ${(error as Error).message}` };
    }
  }
  return { ok: true, held };
}

/** Whether a terse listing of all tables has the rules of banshare's own, and the kernel looks at them. */
function hasRules(ruleset: string): boolean {
  const table = /^table inet banshare \{\n[^]*?^\}/m.exec(ruleset)?.[0] ?? '';
  if (isDormant(table)) return false;
  return CHAINS.every((chain) =>
    ['ip saddr @v4', 'ip6 saddr @v6'].every((rule) =>
      new RegExp(`chain ${chain} \\{\\s*type filter hook ${chain} [^}]*${rule} [^\n}]*drop`).test(table),
    ),
  );
}

/** What nft is told. Adding what is there and deleting it always succeeds, whether or not it was there. */
function changeLines({ put, move, drop }: SetChange): string[] {
  const statements = (verb: string, all: readonly Timed[], withTime: boolean): string[] => {
    const words = new Map<string, string[]>();
    for (const { ip, seconds } of all) {
      const { set, element } = elementOf(ip);
      const word = withTime && seconds !== FOR_EVER ? `${element} timeout ${timeOf(seconds)}` : element;
      const known = words.get(set);
      if (known === undefined) words.set(set, [word]);
      else known.push(word);
    }
    return [...words].map(([set, elements]) => `${verb} element ${set} { ${elements.join(', ')} }`);
  };
  const gone = [...move, ...drop.map((ip) => ({ ip, seconds: 0 }))];
  return [
    ...statements('add', gone, false),
    ...statements('delete', gone, false),
    ...statements('add', [...put, ...move], true),
  ];
}

/** One number that nft finds too long, of nine digits or more, would end the whole transaction. */
function timeOf(seconds: number): string {
  const capped = Math.min(seconds, LONGEST_SECONDS);
  return capped < DAY ? `${capped}s` : `${Math.floor(capped / DAY)}d${capped % DAY}s`;
}

/** What stands for nearly as long as it can here may be meant to stand longer. */
function remaining(seconds: unknown): Remaining {
  if (typeof seconds !== 'number') return null;
  return seconds > LONGEST_SECONDS - DAY ? undefined : seconds;
}

function elementOf(ip: Target): { set: string; element: string } {
  if (isRange(ip)) return elementOfRange(ip);
  return { set: ip.includes(':') ? 'inet banshare v6' : 'inet banshare v4', element: ip };
}

/** The sets that a change of ranges concerns; none where it is of addresses. */
function rangeSetsOf({ put, move, drop }: SetChange): string[] {
  const ranges = [...[...put, ...move].map(({ ip }) => ip), ...drop].filter(isRange);
  return [...new Set(ranges.map(setOf))];
}

/** The elements of a set as nft lists them in JSON. @throws when it is anything else. */
function elementsIn(text: string): [string, Remaining][] {
  const document = JSON.parse(text) as { nftables?: { set?: { elem?: unknown } }[] };
  const set = document.nftables?.find((part) => part.set !== undefined)?.set;
  if (set === undefined) throw new Error('there is no set in it');
  const elements = set.elem ?? [];
  if (!Array.isArray(elements)) throw new Error('its elements are no list');
  return elements.map((element: unknown): [string, Remaining] => {
    if (typeof element === 'string') return [element, null];
    const { val, expires } = (element as { elem?: { val?: unknown; expires?: unknown } }).elem ?? {};
    if (typeof val !== 'string') throw new Error('an element has no address');
    return [val, remaining(expires)];
  });
}
