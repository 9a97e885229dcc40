import { FOR_EVER, isRange, type Target } from '@banshare/protocol';
import type { Remaining } from './enforcer.ts';
import type { SetChange, Sets, Timed } from './host-sets.ts';
import { cannotUse, said, type RunTool } from './nftables.ts';

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
const TRIAL = 'create banshare-trial hash:ip\ndestroy banshare-trial\n';
const LISTING_BYTES = 64 * 1024 * 1024;
/** Other programs may have thousands of sets. */
const NAMES_BYTES = 1024 * 1024;

/** Bans in banshare's own ipsets, any number in one `ipset restore`, and the rules of iptables that drop them. */
export function ipsetSets(run: RunTool): Sets {
  const restore = async (lines: readonly string[]): Promise<string> => {
    const ended = await run(['ipset', 'restore', '-exist'], { input: `${lines.join('\n')}\n` });
    return ended.code === 0 ? '' : `ipset: ${said(ended)}`;
  };
  /** Restores into sets that are made where they are missing, or where a file brought them back made otherwise. */
  const restoreInto = async (families: readonly Family[], changes: readonly string[]): Promise<string> => {
    const lines = [...families.map(createLine), ...changes];
    const reason = await restore(lines);
    if (!MADE_OTHERWISE.test(reason)) return reason;
    for (const each of families)
      if (MADE_OTHERWISE.test(await restore([createLine(each)]))) await restore(renewLines(each));
    return restore(lines);
  };
  const rules = rulesBy(run);
  const areRulesThere = new Map<readonly Family[], boolean>();
  let hasRanges = false;
  const families = (): readonly Family[] => (hasRanges ? [...ADDRESSES, ...RANGES] : ADDRESSES);
  return {
    kind: 'ipset',
    check: () => missingPrograms(run),
    setUp: async () => {
      const reason = await restore(families().map(createLine));
      return reason === '' ? rules.make(families()) : reason;
    },
    change: async (change) => {
      const isOfRanges =
        [...change.put, ...change.move].some(({ ip }) => isRange(ip)) || change.drop.some(isRange);
      const isOnlyDrop = change.put.length === 0 && change.move.length === 0;
      // What is to leave a set that is not there has left it: none is made for that.
      if (isOfRanges && isOnlyDrop && !hasRanges) {
        const there = await setsThere(run, RANGES);
        if (!there.ok || there.sets.length === 0) return there.ok ? '' : there.reason;
      }
      const concerned = isOfRanges ? RANGES : ADDRESSES;
      const reason = await restoreInto(concerned, changeLines(change));
      hasRanges ||= isOfRanges && reason === '';
      if (reason !== '' || areRulesThere.get(concerned) === true) return reason;
      const missing = await rules.make(concerned);
      areRulesThere.set(concerned, missing === '');
      return missing;
    },
    remove: async () => {
      const there = await setsThere(run, [...ADDRESSES, ...RANGES]);
      if (!there.ok) return there.reason;
      await rules.remove(there.sets);
      areRulesThere.clear();
      hasRanges = false;
      return restore(there.sets.map(({ set }) => `destroy ${set}`));
    },
    isIntact: async () => {
      const there = await setsThere(run, RANGES);
      // What cannot be asked does not show that all is well: the listing that follows says why.
      if (!there.ok) return false;
      hasRanges ||= there.sets.length > 0;
      for (const each of hasRanges ? [ADDRESSES, RANGES] : [ADDRESSES])
        areRulesThere.set(each, await rules.areThere(each));
      return [...areRulesThere.values()].every((areThere) => areThere);
    },
    read: () => readSets(run, families()),
  };
}

async function readSets(run: RunTool, families: readonly Family[]): ReturnType<Sets['read']> {
  const held = new Map<string, Remaining>();
  for (const { set } of families) {
    const ended = await run(['ipset', 'save', set], { keptBytes: LISTING_BYTES });
    if (ended.code !== 0) return { ok: false, reason: `ipset: ${said(ended)}` };
    for (const line of ended.stdout.split('\n')) {
      const [, , ip, , seconds] = line.startsWith('add ') ? line.split(' ') : [];
      if (ip !== undefined) held.set(ip, remaining(Number(seconds)));
    }
  }
  return { ok: true, held };
}

async function missingPrograms(run: RunTool): Promise<string[]> {
  const missing: string[] = [];
  // A set that comes and goes: ipset reads what it is fed, and may change the kernel.
  const tried = await run(['ipset', 'restore', '-exist'], { input: TRIAL });
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

function createLine({ set, type, family }: Family): string {
  return `create ${set} ${type} family ${family} timeout 0 maxelem 1000000`;
}

/** Puts a new set in the place of one that rules may look at. */
function renewLines(each: Family): string[] {
  const fresh = `${each.set}-new`;
  return [
    createLine({ ...each, set: fresh }),
    `flush ${fresh}`,
    `swap ${fresh} ${each.set}`,
    `destroy ${fresh}`,
  ];
}

/** What stands for nearly as long as ipset can may be meant to stand longer. */
function remaining(seconds: number): Remaining {
  if (seconds === 0) return null;
  return seconds > LONGEST_SECONDS - 86_400 ? undefined : seconds;
}

/** The rules of iptables that drop what the sets hold: before all others, so that they also cut what is established. */
function rulesBy(run: RunTool): {
  make: (families: readonly Family[]) => Promise<string>;
  areThere: (families: readonly Family[]) => Promise<boolean>;
  remove: (families: readonly Family[]) => Promise<void>;
} {
  const missing = async (families: readonly Family[]): Promise<string[][]> => {
    const rules: string[][] = [];
    for (const { set, iptables } of families) {
      for (const chain of CHAINS) {
        const isThere = (await run(ruleWords(iptables, '-C', chain, set))).code === 0;
        if (isThere || (chain === 'DOCKER-USER' && !(await hasChain(iptables, chain)))) continue;
        rules.push(ruleWords(iptables, '-I', chain, set));
      }
    }
    return rules;
  };
  const hasChain = async (iptables: string, chain: string): Promise<boolean> =>
    (await run([iptables, '-w', '-n', '-L', chain])).code === 0;
  return {
    remove: async (families) => {
      for (const { set, iptables } of families) {
        // A rule may be there twice; where there is none any more, the program says no.
        for (const chain of CHAINS) while ((await run(ruleWords(iptables, '-D', chain, set))).code === 0);
      }
    },
    areThere: async (families) => (await missing(families)).length === 0,
    make: async (families) => {
      for (const words of await missing(families)) {
        const ended = await run(words);
        if (ended.code !== 0) return `${words[0]}: ${said(ended)}`;
      }
      return '';
    },
  };
}

function ruleWords(iptables: string, verb: '-C' | '-D' | '-I', chain: string, set: string): string[] {
  const place = verb === '-I' ? ['1'] : [];
  const match = ['-m', 'set', '--match-set', set, 'src'];
  return [iptables, '-w', verb, chain, ...place, ...match, '-j', 'DROP'];
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
