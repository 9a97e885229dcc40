import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress, parseHostName, parseJail, parseProg, type Target } from '@banshare/protocol';
import { aim, MOST_IN_BLOCK } from '../../src/judging/ban-target.ts';
import type { Look, Submission } from '../../src/words/submission.ts';

const BLOCK = '2001:db8:0:9::/64';

function submission(ip: string, kind: 'report' | 'unban' = 'report'): Submission {
  const [address, prog, jail, name] = [
    parseAddress(ip),
    parseProg('psad'),
    parseJail('scan'),
    parseHostName('h'),
  ];
  assert.ok(address.ok && prog.ok && jail.ok && name.ok);
  const ban = { ip: address.value, prog: prog.value, jail: jail.value };
  const common = { host: { id: 1, name: name.value }, id: 'i', at: 1, received: 1 };
  return kind === 'unban' ? { ...common, kind, ban } : { ...common, kind, report: ban };
}

type World = {
  active?: string[];
  banned?: string[];
  supported?: string[];
  count?: number;
  protects?: string[];
  reportedAs?: string[];
  unable?: boolean;
};

function aimed(one: Submission, ipv6Prefix: number, world: World = {}): string {
  const has =
    (list: readonly string[] = []): ((target: Target) => boolean) =>
    (target) =>
      list.includes(target);
  const look: Look = {
    isActive: has(world.active),
    isBanned: has(world.banned),
    isSupported: has(world.supported),
    countIn: () => world.count ?? 0,
    reportedAs: () => (world.reportedAs ?? []) as Target[],
  };
  const policy = { ipv6Prefix, isProtected: has(world.protects), allTakeRanges: () => world.unable !== true };
  const { targets, isCrowded } = aim(one, policy, look);
  return `${targets.join(' ')}${isCrowded ? ' crowded' : ''}`;
}

const REPORTS: readonly (readonly [
  says: string,
  ip: string,
  prefix: number,
  world: World,
  wanted: string,
])[] = [
  ['an IPv4 address is itself', '203.0.113.9', 64, { count: 99 }, '203.0.113.9'],
  ['an IPv6 address is itself', '2001:db8:0:9::1', 128, {}, '2001:db8:0:9::1'],
  ['with a prefix it is its range', '2001:db8:0:9::1', 64, {}, BLOCK],
  ['a prefix may be longer than 64', '2001:db8:0:9::1', 96, {}, '2001:db8:0:9::/96'],
  ['never over what is protected', '2001:db8:0:9::1', 64, { protects: [BLOCK] }, '2001:db8:0:9::1'],
  ['6to4 is not widened', '2002:cb00:7109::1', 64, { count: 99 }, '2002:cb00:7109::1'],
  ['NAT64 is not widened', '64:ff9b::cb00:7109', 64, { count: 99 }, '64:ff9b::cb00:7109'],
  ['the 20th of a /64 is itself', '2001:db8:0:9::1', 128, { count: MOST_IN_BLOCK - 1 }, '2001:db8:0:9::1'],
  ['the 21st is the /64', '2001:db8:0:9::1', 128, { count: MOST_IN_BLOCK }, `${BLOCK} crowded`],
  ['the 21st range of a /64 is the /64', '2001:db8:0:9::1', 96, { count: MOST_IN_BLOCK }, `${BLOCK} crowded`],
  [
    'what is banned already is no new one',
    '2001:db8:0:9::1',
    128,
    { count: MOST_IN_BLOCK, banned: ['2001:db8:0:9::1'] },
    '2001:db8:0:9::1',
  ],
  ['in a /64 that is banned it is the /64', '2001:db8:0:9::1', 128, { active: [BLOCK] }, `${BLOCK} crowded`],
  [
    'in a /64 that is banned and protected since it is itself',
    '2001:db8:0:9::1',
    128,
    { active: [BLOCK], protects: [BLOCK] },
    '2001:db8:0:9::1',
  ],
  [
    'in a /64 that is banned and protected since the 21st is still too many',
    '2001:db8:0:9::1',
    128,
    { active: [BLOCK], protects: [BLOCK], count: MOST_IN_BLOCK },
    `${BLOCK} crowded`,
  ],
  [
    'in a /64 that is banned where not every host can, it is itself',
    '2001:db8:0:9::1',
    128,
    { active: [BLOCK], unable: true },
    '2001:db8:0:9::1',
  ],
];

for (const [says, ip, prefix, world, wanted] of REPORTS) {
  test(`aim(): ${says}`, () => assert.equal(aimed(submission(ip), prefix, world), wanted));
}

test('aim(): a host takes back all that its report may have become, by whatever prefix, else what it would become', () => {
  const unban = submission('2001:db8:0:9::1', 'unban');
  assert.equal(aimed(unban, 64, { supported: ['2001:db8:0:9::1'] }), '2001:db8:0:9::1');
  assert.equal(aimed(unban, 128, { supported: [BLOCK] }), BLOCK);
  const both = { supported: ['2001:db8:0:9::1', BLOCK] };
  assert.equal(aimed(unban, 128, both), `2001:db8:0:9::1 ${BLOCK}`);
  const byOther = { supported: ['2001:db8:0:9::/96'], reportedAs: ['2001:db8:0:9::/96'] };
  assert.equal(aimed(unban, 128, byOther), '2001:db8:0:9::/96');
  assert.equal(aimed(unban, 64), BLOCK);
  assert.equal(aimed(unban, 128), '2001:db8:0:9::1');
});
