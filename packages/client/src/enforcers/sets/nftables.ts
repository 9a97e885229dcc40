import { FOR_EVER, isRange, type Target } from '@banshare/protocol';
import type { Ended } from '../../host/exec.ts';
import type { Counts, Remaining } from '../enforcer.ts';
import type { SetChange, Sets, Timed } from './host-sets.ts';
import {
  hasSet,
  isDormant,
  elementOfRange,
  setName,
  rangeOf,
  removeLines,
  setOf,
  setsIn,
  setUpLines,
  tableIn,
} from './nftables-ranges.ts';
import { Counting, Turns } from './counting.ts';
import { cannotUse, type RunTool, said } from './tool.ts';

const TABLE = 'inet banshare';
/** What nobody has: banshare's own may be made otherwise than a trial would have it. */
const TRIAL = 'inet banshare_trial';
const SETS = ['v4', 'v6'] as const;
const CHAINS = ['input', 'forward'] as const;
/** A set of half a million addresses in JSON. */
const LISTING_BYTES = 128 * 1024 * 1024;

const RULESET_BYTES = 16 * 1024 * 1024;
const DAY = 86_400;
/** A century; what lasts longer gets another one in time. */
const LONGEST_SECONDS = 36_500 * DAY;

/** What has every element of a set count the packets that it drops. */
const COUNTER = ' counter;';

/**
 * The table and its rules, so that it may be run again at any time, in one transaction: no moment without rules. It stands
 * before other tables and looks at no state of a connection: what is established is cut.
 */
function setUpOf(extra: string, table = TABLE): string[] {
  return [
    `add table ${table}`,
    `add set ${table} v4 { type ipv4_addr; flags timeout;${extra} }`,
    `add set ${table} v6 { type ipv6_addr; flags timeout;${extra} }`,
    ...CHAINS.flatMap((chain) => [
      `add chain ${table} ${chain} { type filter hook ${chain} priority -10; policy accept; }`,
      `flush chain ${table} ${chain}`,
      `add rule ${table} ${chain} ip saddr @v4 counter drop`,
      `add rule ${table} ${chain} ip6 saddr @v6 counter drop`,
    ]),
  ];
}

/** What takes both tables away, also where there is none. */
const REMOVAL = [`add table ${TABLE}`, `delete table ${TABLE}`, ...removeLines()];

/** Bans in banshare's own nftables tables, any number in one transaction. */
export function nftSets(run: RunTool): Sets {
  return new NftSets(run);
}

class NftSets implements Sets {
  readonly kind = 'nftables';
  readonly #run: RunTool;
  /** The sets of ranges that are there, or were: a host without ranges has none, and pays nothing. */
  readonly #rangeSets = new Set<string>();
  readonly #counting: Counting;
  /** What changes tables does so one after the other: what is made anew takes along what stood there. */
  readonly #turns = new Turns();

  constructor(run: RunTool) {
    this.#run = run;
    this.#counting = new Counting({
      tryCounting: () => this.#tryOut(COUNTER),
      tryPlain: () => this.#tryOut(''),
      isUncounted: async () => uncountedIn((await this.#terseListing()).stdout),
      remake: () => this.#remake(),
    });
  }

  async check(): Promise<string[]> {
    const ended = await this.#tryOut('');
    return ended.code === 0 ? [] : [cannotUse('nftables', ended)];
  }

  setUp(): Promise<string> {
    return this.#turns.take(async () => {
      await this.#counting.begin();
      if ((await this.#nft(this.#setUpLines())).code === 0) {
        await this.#counting.look();
        return '';
      }
      // Something of that name is there and is made otherwise, as a saved ruleset may be.
      if ((await this.#remake()) === '') return '';
      // What it holds cannot be taken along, and is put in place again.
      const ended = await this.#nft([...REMOVAL, ...this.#setUpLines()]);
      return ended.code === 0 ? '' : `nft: ${said(ended)}`;
    });
  }

  change(asked: SetChange): Promise<string> {
    return this.#turns.take(async () => {
      await this.#counting.begin();
      const change = await this.#withoutMissing(asked);
      if (typeof change === 'string') return change;
      const concerned = rangeSetsOf(change);
      const reason = await this.#changeOrSetUp(change, concerned);
      if (reason === '') for (const set of concerned) this.#rangeSets.add(set);
      return reason;
    });
  }

  remove(): Promise<string> {
    return this.#turns.take(async () => {
      const ended = await this.#nft(REMOVAL);
      if (ended.code === 0) this.#rangeSets.clear();
      return ended.code === 0 ? '' : `nft: ${said(ended)}`;
    });
  }

  async isIntact(): Promise<boolean> {
    await this.#turns.take(() => this.#counting.begin());
    const { code, stdout: ruleset } = await this.#terseListing();
    // What cannot be asked does not show that all is well: the listing that follows says why.
    if (code !== 0) return false;
    for (const set of setsIn(ruleset)) this.#rangeSets.add(set);
    if (this.#counting.isOn && uncountedIn(ruleset)) return false;
    return hasRules(ruleset) && [...this.#rangeSets].every((set) => hasSet(ruleset, set));
  }

  read(): ReturnType<Sets['read']> {
    return this.#readSets([...SETS, ...this.#rangeSets]);
  }

  async counts(): Promise<Counts> {
    if (!this.#counting.isOn) return { ok: false, reason: this.#counting.whyNot };
    const packets = new Map<string, number>();
    for (const set of [...SETS, ...this.#rangeSets]) {
      const ended = await this.#run(['nft', 'list', 'set', ...listedAs(set)], { keptBytes: LISTING_BYTES });
      if (ended.code !== 0) return { ok: false, reason: `nft: ${said(ended)}` };
      for (const [element, count] of countsIn(ended.stdout)) packets.set(targetOf(set, element), count);
    }
    return { ok: true, packets };
  }

  #nft(lines: readonly string[]): Promise<Ended> {
    return this.#run(['nft', '-f', '-'], { input: `${lines.join('\n')}\n` });
  }

  #tryOut(extra: string): Promise<Ended> {
    return this.#run(['nft', '--check', '-f', '-'], { input: `${setUpOf(extra, TRIAL).join('\n')}\n` });
  }

  /** All tables without what their sets hold: asked for one table, nft would fetch all of that. */
  #terseListing(): Promise<Ended> {
    return this.#run(['nft', '-t', 'list', 'ruleset', 'inet'], { keptBytes: RULESET_BYTES });
  }

  #setUpLines(): string[] {
    return [...setUpOf(this.#extra()), ...this.#linesOfRanges(this.#rangeSets)];
  }

  #linesOfRanges(sets: Iterable<string>): string[] {
    return [...sets].flatMap((set) => setUpLines(set, this.#extra()));
  }

  #extra(): string {
    return this.#counting.isOn ? COUNTER : '';
  }

  /**
   * Makes both tables anew in one transaction, with all that their sets hold: no packet passes meanwhile that did not before. What
   * went wrong, or ''.
   */
  async #remake(): Promise<string> {
    const listed = await this.#terseListing();
    if (listed.code !== 0) return `nft: ${said(listed)}`;
    for (const set of setsIn(listed.stdout)) this.#rangeSets.add(set);
    const there = [...SETS.filter((set) => hasSetOf(listed.stdout, set)), ...setsIn(listed.stdout)];
    const read = await this.#readSets(there);
    if (!read.ok) return read.reason;
    const put = [...read.held].map(([ip, left]): Timed => ({ ip: ip as Target, seconds: secondsOf(left) }));
    const ended = await this.#nft([
      ...REMOVAL,
      ...this.#setUpLines(),
      ...changeLines({ put, move: [], drop: [] }),
    ]);
    return ended.code === 0 ? '' : `nft: ${said(ended)}`;
  }

  /** What is to leave a set that is not there has left it: none is made for that. */
  async #withoutMissing(change: SetChange): Promise<SetChange | string> {
    const isOnlyDrop = change.put.length === 0 && change.move.length === 0;
    if (!isOnlyDrop || rangeSetsOf(change).every((set) => this.#rangeSets.has(set))) return change;
    const listed = await this.#terseListing();
    if (listed.code !== 0) return `nft: ${said(listed)}`;
    for (const set of setsIn(listed.stdout)) this.#rangeSets.add(set);
    return { ...change, drop: change.drop.filter((range) => this.#rangeSets.has(setOf(range))) };
  }

  async #changeOrSetUp(change: SetChange, concerned: readonly string[]): Promise<string> {
    const lines = changeLines(change);
    if (lines.length === 0 || (await this.#nft(lines)).code === 0) return '';
    // Perhaps the table is not there (any more); then it is made with the same transaction.
    const setUp = concerned.length > 0 ? this.#linesOfRanges(concerned) : setUpOf(this.#extra());
    const again = await this.#nft([...setUp, ...lines]);
    return again.code === 0 ? '' : `nft: ${said(again)}`;
  }

  /** What sets hold, those of addresses and these of ranges. */
  async #readSets(sets: readonly string[]): ReturnType<Sets['read']> {
    const held = new Map<string, Remaining>();
    for (const set of sets) {
      const words = ['nft', '-j', 'list', 'set', ...listedAs(set)];
      const ended = await this.#run(words, { keptBytes: LISTING_BYTES });
      if (ended.code !== 0) return { ok: false, reason: `nft: ${said(ended)}` };
      try {
        for (const [element, seconds] of elementsIn(ended.stdout)) held.set(targetOf(set, element), seconds);
      } catch (error) {
        return { ok: false, reason: `Cannot read what nft lists: ${(error as Error).message}` };
      }
    }
    return { ok: true, held };
  }
}

function isOfAddresses(set: string): boolean {
  return set === 'v4' || set === 'v6';
}

/** The family, table and name of a set, as nft takes them. */
function listedAs(set: string): string[] {
  return isOfAddresses(set) ? [...TABLE.split(' '), set] : setName(set);
}

/** What an element of a set stands for. */
function targetOf(set: string, element: string): string {
  return isOfAddresses(set) ? element : rangeOf(set, element);
}

function hasSetOf(ruleset: string, set: string): boolean {
  return tableIn(ruleset, TABLE).includes(`\n\tset ${set} {\n`);
}

/** Whether a terse listing of all tables has a set of banshare's that counts nothing, as one of an earlier version does not. */
function uncountedIn(ruleset: string): boolean {
  const tables = [TABLE, `${TABLE}_ranges`].map((table) => tableIn(ruleset, table)).join('\n');
  return [...tables.matchAll(/^\tset v[46](?:_\d+)? \{\n([^]*?)^\t\}/gm)].some(
    ([, definition = '']) => !/^\t\tcounter\b/m.test(definition),
  );
}

/** Whether a terse listing of all tables has the rules of banshare's own, and the kernel looks at them. */
function hasRules(ruleset: string): boolean {
  const table = tableIn(ruleset, TABLE);
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

/** How long what is listed is put in place for; what has less than a second left must not stand for ever. */
function secondsOf(left: Remaining): number {
  if (left === null) return FOR_EVER;
  return left === undefined ? LONGEST_SECONDS : Math.max(1, left);
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

/**
 * The elements of a set that have dropped packets, as nft lists them for people: in JSON, versions before 1.0 leave the counters
 * out.
 */
function* countsIn(text: string): Generator<[string, number]> {
  for (const [, element = '', packets] of text.matchAll(
    /([\da-f.:]+)(?: (?:timeout|expires) \w+)* counter packets ([1-9]\d*)/g,
  ))
    yield [element, Number(packets)];
}
