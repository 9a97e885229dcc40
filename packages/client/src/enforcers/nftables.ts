import { FOR_EVER } from '@banshare/protocol';
import type { Ended, ExecOptions } from '../exec.ts';
import type { Remaining } from './enforcer.ts';
import type { SetChange, Sets, Timed } from './host-sets.ts';

/** The unit takes every capability away: fail2ban's socket needs none. */
const CAPABILITY = 'the client needs CAP_NET_ADMIN and CAP_NET_RAW, see systemctl cat banshare-client';

/** Runs a program of the firewall. */
export type RunTool = (words: readonly string[], options?: ExecOptions) => Promise<Ended>;

const CHAINS = ['input', 'forward'] as const;
/** A set of half a million addresses in JSON. */
const LISTING_BYTES = 128 * 1024 * 1024;

const RULESET_BYTES = 16 * 1024 * 1024;

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

/** Bans in banshare's own nftables table, any number in one transaction. */
export function nftSets(run: RunTool): Sets {
  const nft = (lines: readonly string[]): Promise<Ended> => {
    return run(['nft', '-f', '-'], { input: `${lines.join('\n')}\n` });
  };
  return {
    kind: 'nftables',
    check: async () => {
      const ended = await run(['nft', '--check', '-f', '-'], { input: `${SETUP.join('\n')}\n` });
      return ended.code === 0 ? [] : [`nftables cannot be used: ${said(ended)}`];
    },
    setUp: async () => {
      const ended = await nft(SETUP);
      return ended.code === 0 ? '' : `nft: ${said(ended)}`;
    },
    change: async (change) => {
      const lines = changeLines(change);
      if (lines.length === 0) return '';
      const ended = await nft(lines);
      if (ended.code === 0) return '';
      // Perhaps the table is not there (any more); then it is made with the same transaction.
      const again = await nft([...SETUP, ...lines]);
      return again.code === 0 ? '' : `nft: ${said(again)}`;
    },
    isIntact: async () => {
      // Terse, and the whole ruleset: asked for one table, nft fetches all elements of its sets.
      const ended = await run(['nft', '-t', 'list', 'ruleset', 'inet'], { keptBytes: RULESET_BYTES });
      const table = /^table inet banshare \{\n[^]*?^\}/m.exec(ended.stdout)?.[0] ?? '';
      return CHAINS.every((chain) =>
        ['ip saddr @v4', 'ip6 saddr @v6'].every((rule) =>
          new RegExp(`chain ${chain} \\{[^}]*${rule} [^\n}]*drop`).test(table),
        ),
      );
    },
    read: async () => {
      const held = new Map<string, Remaining>();
      for (const set of ['v4', 'v6']) {
        const ended = await run(['nft', '-j', 'list', 'set', 'inet', 'banshare', set], {
          keptBytes: LISTING_BYTES,
        });
        if (ended.code !== 0) return { ok: false, reason: `nft: ${said(ended)}` };
        try {
          for (const [ip, seconds] of elementsIn(ended.stdout)) held.set(ip, seconds);
        } catch (error) {
          return { ok: false, reason: `Cannot read what nft lists: ${(error as Error).message}` };
        }
      }
      return { ok: true, held };
    },
  };
}

/** What nft is told. Adding what is there and deleting it always succeeds, whether or not it was there. */
function changeLines({ put, move, drop }: SetChange): string[] {
  const statement = (verb: string, all: readonly Timed[], withTime: boolean): string[] =>
    (['v4', 'v6'] as const).flatMap((set) => {
      const ours = all.filter(({ ip }) => ip.includes(':') === (set === 'v6'));
      if (ours.length === 0) return [];
      const words = ours.map(({ ip, seconds }) =>
        withTime && seconds !== FOR_EVER ? `${ip} timeout ${seconds}s` : ip,
      );
      return [`${verb} element inet banshare ${set} { ${words.join(', ')} }`];
    });
  const gone = [...move, ...drop.map((ip) => ({ ip, seconds: 0 }))];
  return [
    ...statement('add', gone, false),
    ...statement('delete', gone, false),
    ...statement('add', [...put, ...move], true),
  ];
}

/** The elements of a set as nft lists them in JSON. @throws when it is anything else. */
function elementsIn(text: string): [string, number | null][] {
  const document = JSON.parse(text) as { nftables?: { set?: { elem?: unknown } }[] };
  const set = document.nftables?.find((part) => part.set !== undefined)?.set;
  if (set === undefined) throw new Error('there is no set in it');
  const elements = set.elem ?? [];
  if (!Array.isArray(elements)) throw new Error('its elements are no list');
  return elements.map((element: unknown): [string, number | null] => {
    if (typeof element === 'string') return [element, null];
    const { val, expires } = (element as { elem?: { val?: unknown; expires?: unknown } }).elem ?? {};
    if (typeof val !== 'string') throw new Error('an element has no address');
    return [val, typeof expires === 'number' ? expires : null];
  });
}

/** What a program said of its failure, in one line. */
export function said({ code, isTimedOut, stderr, stdout }: Ended): string {
  const how = isTimedOut ? 'it ran too long' : code === null ? 'it could not run' : `exit ${code}`;
  const words = (stderr.trim() || stdout.trim()).replaceAll(/\s+/g, ' ').slice(0, 200);
  const why = /not permitted/.test(words) ? `; ${CAPABILITY}` : '';
  return `${how}: ${words}${why}`;
}
