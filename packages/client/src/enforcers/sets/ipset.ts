import { FOR_EVER, isRange, type Target } from '@banshare/protocol';
import type { Ended } from '../../host/exec.ts';
import type { Counts, Remaining } from '../enforcer.ts';
import { Counting, Turns } from './counting.ts';
import type { SetChange, Sets, Timed } from './host-sets.ts';
import { cannotUse, type RunTool, said } from './tool.ts';

/** Docker's own chain for rules that go before its own; not every host has it. */
const CHAINS = ['INPUT', 'FORWARD', 'DOCKER-USER'] as const;
/** A set, and which program's rules look at it. */
type Family = { set: string; type: string; family: string; iptables: string };

const ADDRESSES: readonly Family[] = [
  { set: 'banshare-v4', type: 'hash:ip', family: 'inet', iptables: 'iptables' },
  { set: 'banshare-v6', type: 'hash:ip', family: 'inet6', iptables: 'ip6tables' },
];
/** Ranges may lie in one another there, each with its own end. These sets are made when the first range comes. */
const RANGES: readonly Family[] = [
  { set: 'banshare-v4-nets', type: 'hash:net', family: 'inet', iptables: 'iptables' },
  { set: 'banshare-v6-nets', type: 'hash:net', family: 'inet6', iptables: 'ip6tables' },
];
const MADE_OTHERWISE = /set with the same name already exists/;
/** ipset takes no longer timeout; what lasts longer gets another one in time. */
const LONGEST_SECONDS = 2_147_483;
/** What has every entry of a set count the packets that it drops. */
const COUNTERS = ' counters';
const LISTING_BYTES = 64 * 1024 * 1024;
/** Other programs may have thousands of sets. */
const NAMES_BYTES = 1024 * 1024;

/** Bans in banshare's own ipsets, any number in one `ipset restore`, and the rules of iptables that drop them. */
export function ipsetSets(run: RunTool): Sets {
  return new IpSets(run);
}

class IpSets implements Sets {
  readonly kind = 'ipset';
  readonly perFamily = true;
  readonly #run: RunTool;
  readonly #rules: Rules;
  readonly #counting: Counting;
  /** What changes sets does so one after the other: what is made anew takes along what stood there. */
  readonly #turns = new Turns();
  #hasRanges = false;

  constructor(run: RunTool) {
    this.#run = run;
    this.#rules = new Rules(run);
    this.#counting = new Counting({
      tryCounting: () => this.#tryOut(COUNTERS),
      tryPlain: () => this.#tryOut(''),
      isUncounted: async () => (await this.#uncounted()).length > 0,
      remake: async () => this.#renew(await this.#uncounted()),
    });
  }

  lacks(ip: Target): boolean {
    return this.#rules.lacks(ip.includes(':') ? 'ip6tables' : 'iptables');
  }

  check(): Promise<string[]> {
    return missingPrograms(this.#run, () => this.#tryOut(''));
  }

  setUp(): Promise<string> {
    return this.#turns.take(async () => {
      await this.#counting.begin();
      for (const each of this.#families()) {
        const reason =
          (await this.#restoreInto([each], [])) || (await this.#rules.ensure([each], () => true));
        if (reason !== '' && !(await this.#rules.isLacking(each))) return reason;
      }
      return this.#rules.whyNone();
    });
  }

  change(change: SetChange): Promise<string> {
    return this.#turns.take(async () => {
      await this.#counting.begin();
      const { isOfRanges, isOnlyDrop } = natureOf(change);
      // What is to leave a set that is not there has left it: none is made for that.
      if (isOfRanges && isOnlyDrop && !this.#hasRanges) {
        const there = await setsThere(this.#run, RANGES);
        if (!there.ok || there.sets.length === 0) return there.ok ? '' : there.reason;
      }
      const isNeeded = (each: Family): boolean => isConcerned(change, each);
      const usable = (isOfRanges ? RANGES : ADDRESSES).filter(
        (each) => isNeeded(each) || !this.#rules.lacks(each.iptables),
      );
      const reason = await this.#restoreInto(usable, changeLines(change));
      this.#hasRanges ||= isOfRanges && reason === '';
      return reason === '' ? this.#rules.ensure(usable, isNeeded) : reason;
    });
  }

  remove(): Promise<string> {
    return this.#turns.take(async () => {
      const there = await setsThere(this.#run, [...ADDRESSES, ...RANGES]);
      if (!there.ok) return there.reason;
      await this.#rules.remove(there.sets);
      this.#hasRanges = false;
      return this.#restore(there.sets.map(({ set }) => `destroy ${set}`));
    });
  }

  async isIntact(): Promise<boolean> {
    await this.#turns.take(() => this.#counting.begin());
    const there = await setsThere(this.#run, RANGES);
    // What cannot be asked does not show that all is well: the listing that follows says why.
    if (!there.ok) return false;
    this.#hasRanges ||= there.sets.length > 0;
    return this.#rules.areIntact(this.#families());
  }

  async read(): ReturnType<Sets['read']> {
    const held = new Map<string, Remaining>();
    const reason = await this.#eachEntry(([ip, , seconds]) => held.set(ip, remaining(Number(seconds))));
    return reason === '' ? { ok: true, held } : { ok: false, reason };
  }

  async counts(): Promise<Counts> {
    if (!this.#counting.isOn) return { ok: false, reason: this.#counting.whyNot };
    const packets = new Map<string, number>();
    const reason = await this.#eachEntry(([ip, , , , count]) => {
      if (Number(count) > 0) packets.set(ip, Number(count));
    });
    return reason === '' ? { ok: true, packets } : { ok: false, reason };
  }

  #families(): readonly Family[] {
    return this.#hasRanges ? [...ADDRESSES, ...RANGES] : ADDRESSES;
  }

  /** Each entry of all sets: its address, and the words and numbers behind it. What went wrong, or ''. */
  async #eachEntry(take: (words: [string, ...string[]]) => void): Promise<string> {
    for (const each of this.#families()) {
      const ended = await this.#run(['ipset', 'save', each.set], { keptBytes: LISTING_BYTES });
      if (ended.code !== 0 && this.#rules.lacks(each.iptables)) continue;
      if (ended.code !== 0) return `ipset: ${said(ended)}`;
      for (const words of entriesIn(ended.stdout)) take(words);
    }
    return '';
  }

  async #restore(lines: readonly string[]): Promise<string> {
    const ended = await this.#run(['ipset', 'restore', '-exist'], { input: `${lines.join('\n')}\n` });
    return ended.code === 0 ? '' : `ipset: ${said(ended)}`;
  }

  /** A set that comes and goes: ipset reads what it is fed, and may change the kernel. */
  #tryOut(extra: string): Promise<Ended> {
    const input = `create banshare-trial hash:ip${extra}\ndestroy banshare-trial\n`;
    return this.#run(['ipset', 'restore', '-exist'], { input });
  }

  #createLine({ set, type, family }: Family): string {
    return `create ${set} ${type} family ${family} timeout 0 maxelem 1000000${this.#counting.isOn ? COUNTERS : ''}`;
  }

  /** Restores into sets that are made where they are missing, or where a file brought them back made otherwise. */
  async #restoreInto(families: readonly Family[], changes: readonly string[]): Promise<string> {
    const lines = [...families.map((each) => this.#createLine(each)), ...changes];
    const reason = await this.#restore(lines);
    if (!MADE_OTHERWISE.test(reason)) return reason;
    for (const each of families)
      if (
        MADE_OTHERWISE.test(await this.#restore([this.#createLine(each)])) &&
        (await this.#renew([each])) !== ''
      )
        // What it holds cannot be taken along, and is put in place again.
        await this.#restore(this.#renewLines(each, []));
    return this.#restore(lines);
  }

  /** Puts new sets, with all that they hold, where rules look at them: no packet passes meanwhile. What went wrong, or ''. */
  async #renew(families: readonly Family[]): Promise<string> {
    for (const each of families) {
      const ended = await this.#run(['ipset', 'save', each.set], { keptBytes: LISTING_BYTES });
      if (ended.code !== 0) return `ipset: ${said(ended)}`;
      const held = entriesIn(ended.stdout).map(([ip, word, seconds = '0']) => ({
        ip,
        // One that was made without timeouts has none to say.
        seconds: word === 'timeout' ? seconds : '0',
      }));
      const reason = await this.#restore(this.#renewLines(each, held));
      if (reason !== '') return reason;
    }
    return '';
  }

  /** Puts a new set where one stands that rules may look at. */
  #renewLines(each: Family, held: readonly { ip: string; seconds: string }[]): string[] {
    const fresh = `${each.set}-new`;
    return [
      this.#createLine({ ...each, set: fresh }),
      `flush ${fresh}`,
      ...held.map(({ ip, seconds }) => `add ${fresh} ${ip} timeout ${seconds}`),
      `swap ${fresh} ${each.set}`,
      `destroy ${fresh}`,
    ];
  }

  /** The sets that are there and count nothing, as those of an earlier version do not. */
  async #uncounted(): Promise<Family[]> {
    const found: Family[] = [];
    for (const each of [...ADDRESSES, ...RANGES]) {
      const { code, stdout } = await this.#run(['ipset', 'list', '-t', each.set]);
      if (code === 0 && !/^Header: .*\bcounters\b/m.test(stdout)) found.push(each);
    }
    return found;
  }
}

function natureOf({ put, move, drop }: SetChange): { isOfRanges: boolean; isOnlyDrop: boolean } {
  return {
    isOfRanges: [...put, ...move].some(({ ip }) => isRange(ip)) || drop.some(isRange),
    isOnlyDrop: put.length === 0 && move.length === 0,
  };
}

async function missingPrograms(run: RunTool, tryOut: () => Promise<Ended>): Promise<string[]> {
  const missing: string[] = [];
  const tried = await tryOut();
  if (tried.code !== 0) missing.push(cannotUse('ipset', tried));
  for (const [program, word, debianPackage] of [
    ['iptables', '--version', 'iptables'],
    ['ip6tables', '--version', 'iptables'],
  ] as const) {
    const ended = await run([program, word]);
    if (ended.code !== 0) missing.push(cannotUse(program, ended, debianPackage));
  }
  return missing;
}

/** Which of these sets are there, perhaps from an earlier run. An ipset that cannot answer has not said that there are none. */
async function setsThere(
  run: RunTool,
  families: readonly Family[],
): Promise<{ ok: true; sets: Family[] } | { ok: false; reason: string }> {
  const ended = await run(['ipset', 'list', '-n'], { keptBytes: NAMES_BYTES });
  if (ended.code !== 0) return { ok: false, reason: `ipset: ${said(ended)}` };
  const names = ended.stdout.split('\n');
  return { ok: true, sets: families.filter(({ set }) => names.includes(set)) };
}

/** The entries of a set as `ipset save` prints them: each address, and the words and numbers behind it. */
function entriesIn(text: string): [string, ...string[]][] {
  return text.split('\n').flatMap((line): [string, ...string[]][] => {
    const [verb, , ip, ...rest] = line.split(' ');
    return verb === 'add' && ip !== undefined ? [[ip, ...rest]] : [];
  });
}

/** What stands for nearly as long as ipset can may be meant to stand longer. */
function remaining(seconds: number): Remaining {
  if (seconds === 0) return null;
  return seconds > LONGEST_SECONDS - 86_400 ? undefined : seconds;
}

/**
 * The rules of iptables that drop what the sets hold: before all others, so that they also cut what is established. Each family
 * for itself: where the kernel has no IPv6, ip6tables can do nothing, and what iptables does stands all the same.
 */
class Rules {
  readonly #run: RunTool;
  readonly #areThere = new Map<Family, boolean>();
  /** The programs that can do nothing here, as was seen last. */
  readonly #lacking = new Set<string>();

  constructor(run: RunTool) {
    this.#run = run;
  }

  lacks(iptables: string): boolean {
    return this.#lacking.has(iptables);
  }

  /** Looks whether the program of a family can do nothing here. */
  async isLacking({ iptables }: Family): Promise<boolean> {
    if (await this.#hasChain(iptables, 'INPUT')) this.#lacking.delete(iptables);
    else this.#lacking.add(iptables);
    return this.#lacking.has(iptables);
  }

  /** Why nothing can be in place, or ''. */
  whyNone(): string {
    return this.#lacking.size < 2 ? '' : 'iptables, ip6tables: neither can make rules on this host';
  }

  /** Makes what is not known to be there; what went wrong, or '', also where a family lacks that is not needed. */
  async ensure(families: readonly Family[], isNeeded: (family: Family) => boolean): Promise<string> {
    for (const each of families) {
      if (this.#areThere.get(each) === true) continue;
      const reason = await this.#make(each);
      this.#areThere.set(each, reason === '');
      if (reason !== '' && (!(await this.isLacking(each)) || isNeeded(each))) return reason;
    }
    return '';
  }

  /** Whether all are there, less what cannot be. */
  async areIntact(families: readonly Family[]): Promise<boolean> {
    let areIntact = true;
    for (const each of families) {
      const isThere = (await this.#missing(each)).length === 0;
      this.#areThere.set(each, isThere);
      if (isThere) this.#lacking.delete(each.iptables);
      else if (!(await this.isLacking(each))) areIntact = false;
    }
    return areIntact && this.whyNone() === '';
  }

  async remove(families: readonly Family[]): Promise<void> {
    this.#areThere.clear();
    for (const { set, iptables } of families) {
      // A rule may be there twice; where there is none any more, the program says no.
      for (const chain of CHAINS) while ((await this.#run(ruleWords(iptables, '-D', chain, set))).code === 0);
    }
  }

  async #make(family: Family): Promise<string> {
    for (const words of await this.#missing(family)) {
      const ended = await this.#run(words);
      if (ended.code !== 0) return `${words[0]}: ${said(ended)}`;
    }
    return '';
  }

  async #missing({ set, iptables }: Family): Promise<string[][]> {
    const rules: string[][] = [];
    for (const chain of CHAINS) {
      const isThere = (await this.#run(ruleWords(iptables, '-C', chain, set))).code === 0;
      if (isThere || (chain === 'DOCKER-USER' && !(await this.#hasChain(iptables, chain)))) continue;
      rules.push(ruleWords(iptables, '-I', chain, set));
    }
    return rules;
  }

  async #hasChain(iptables: string, chain: string): Promise<boolean> {
    return (await this.#run([iptables, '-w', '-n', '-L', chain])).code === 0;
  }
}

function ruleWords(iptables: string, verb: '-C' | '-D' | '-I', chain: string, set: string): string[] {
  const position = verb === '-I' ? ['1'] : [];
  const match = ['-m', 'set', '--match-set', set, 'src'];
  return [iptables, '-w', verb, chain, ...position, ...match, '-j', 'DROP'];
}

/** Whether a change has an address of this family. */
function isConcerned({ put, move, drop }: SetChange, { family }: Family): boolean {
  return [...put, ...move, ...drop.map((ip) => ({ ip }))].some(
    ({ ip }) => ip.includes(':') === (family === 'inet6'),
  );
}

/** With -exist adding what is there gives it another end, and deleting what is not there is no fault. */
function changeLines({ put, move, drop }: SetChange): string[] {
  const setOf = (ip: Target): string =>
    `banshare-${ip.includes(':') ? 'v6' : 'v4'}${isRange(ip) ? '-nets' : ''}`;
  const add = ({ ip, seconds }: Timed): string => {
    // 0 is for ever.
    const timeout = seconds === FOR_EVER ? 0 : Math.min(seconds, LONGEST_SECONDS);
    return `add ${setOf(ip)} ${ip} timeout ${timeout}`;
  };
  return [...put.map(add), ...move.map(add), ...drop.map((ip) => `del ${setOf(ip)} ${ip}`)];
}
