import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Address } from '@banshare/protocol';
import { attentionOf, behindForNow } from '../../src/operator/attention/attention.ts';
import { showStatus } from '../../src/cli/show/show-status.ts';
import type { OutOfPlace } from '../../src/fleet/in-place.ts';
import { NOW } from '../ledger-of-test.ts';
import { worthOf } from '../../src/fleet/worth.ts';
import { nodeFacts, nodeOf } from '../../src/operator/attention/node-attention.ts';
import type { Facts, Trouble } from '../../src/operator/attention/facts.ts';

const MINUTE = 60;
const HOUR = 3600;

/** How the log is where all is well with it. */
const LOG = { at: 'db:5432', durability: 'standby', applied: 9, last: 9, clockAhead: null, fault: null };
const SHARED = { ...LOG, stopped: null, isShut: false, isOutdated: false, aheadBy: null, startedOver: null };

/** A fleet that is well, with what a test says otherwise. */
function facts(other: Partial<Facts>): Facts {
  return {
    now: NOW,
    epoch: 'e',
    head: 7,
    cannotCommit: null,
    cannotPublish: null,
    shared: null,
    activeBans: 5,
    activeRanges: 0,
    withoutRanges: [],
    bannedHosts: [],
    bannedAnyway: [],
    neverBansAll: [],
    heldNewcomers: [],
    heldOfNewcomers: 0,
    hosts: 4,
    converged: 4,
    behind: [],
    lacking: [],
    inPlace: { hosts: 4, complete: 4, fewest: 5, most: 5 },
    outOfPlace: [],
    latency: { committed: null, published: null, applied: null },
    worth: worthOf([]),
    listening: [],
    withoutReceipt: [],
    unproven: [],
    muted: [],
    wrongClocks: [],
    clockJump: 0,
    banRate: { recent: 3, usual: 2, most: 100, isAlarm: false, loudest: null },
    drill: null,
    frozen: null,
    heldBlocks: [],
    held: 0,
    pending: [],
    renamed: [],
    namesakes: [],
    enrolment: 'open',
    enrolmentUntil: null,
    enrolmentEnded: false,
    enrolmentHold: null,
    doubled: [],
    generations: ['g'],
    lackingGenerations: [],
    servers: ['bans.example.org'],
    needsRestart: [],
    messages: null,
    enrichmentFaults: [],
    node: { version: '24.0.0', asOf: null },
    oldNodes: [],
    backup: { isConfigured: false, lastGood: null, ageSeconds: null, place: null, bytes: null, failed: null },
    sharesLedger: false,
    hostsByGeneration: { g: 4 },
    startedAt: NOW - 30 * HOUR,
    ...other,
  };
}

function away(count: number, awaySeconds: number): Trouble[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `h${index + 1}`,
    lag: 0,
    lagSeconds: 0,
    awaySeconds,
    lastSeen: NOW - awaySeconds,
    clockAhead: 0,
    ahead: 0,
  }));
}

function codes(other: Partial<Facts>): { urgent: string[]; todo: string[] } {
  const { urgent, todo } = attentionOf(facts(other));
  return { urgent: urgent.map(({ code }) => code), todo: todo.map(({ code }) => code) };
}

test('a fleet that is well needs nobody', () => {
  assert.deepEqual(codes({}), { urgent: [], todo: [] });
});

test('one silent host of a few is to do at once, and urgent where it is more than a tenth for 15 minutes', () => {
  assert.deepEqual(codes({ behind: away(1, 40) }), { urgent: [], todo: ['behind'] });
  assert.deepEqual(codes({ behind: away(1, 15 * MINUTE) }), {
    urgent: ['hosts-not-in-place'],
    todo: ['behind'],
  });
  assert.equal(attentionOf(facts({ behind: away(1, 40) })).todo[0]?.text, 'h1 is silent, heard of 40s ago');
});

test('of 300 hosts one is to do after an hour, a tenth of them at once, more than that for 15 minutes is urgent', () => {
  const fleet = { hosts: 300, converged: 270 };
  assert.deepEqual(codes({ ...fleet, behind: away(30, 59 * MINUTE) }), { urgent: [], todo: [] });
  assert.equal(behindForNow(facts({ ...fleet, behind: away(30, 59 * MINUTE) })).length, 30);
  assert.deepEqual(codes({ ...fleet, behind: away(1, HOUR) }), { urgent: [], todo: ['behind'] });
  assert.deepEqual(codes({ ...fleet, behind: away(31, MINUTE) }), { urgent: [], todo: ['behind'] });
  assert.deepEqual(codes({ ...fleet, behind: away(31, 15 * MINUTE) }), {
    urgent: ['hosts-not-in-place'],
    todo: ['behind'],
  });
});

test('many hosts with one trouble are one sentence, which names ten of them', () => {
  const { todo } = attentionOf(facts({ hosts: 300, behind: away(40, 2 * HOUR) }));
  assert.equal(todo.length, 1);
  assert.match(todo[0]?.text ?? '', /^40 hosts are behind or silent: h1 \(2h\), .* and 30 more$/);
});

test('a host that keeps a full /64 from being banned is named, with the ways out', () => {
  const { todo } = attentionOf(
    facts({ held: 3, heldBlocks: ['2001:db8:0:9::/64'], withoutRanges: ['web7'] }),
  );
  assert.deepEqual(
    todo.map(({ code }) => code),
    ['held-block', 'held'],
  );
  assert.match(
    todo[0]?.text ?? '',
    /^So many addresses of 2001:db8:0:9::\/64 .* 1 host cannot apply ranges: web7\. Let nftables or ipset ban there, or hosts mute web7 --for 90d/,
  );
});

test('of what is held, publishing is offered for what publishing publishes: not where a new host comes from', () => {
  const newcomer = { host: 'h7', address: '203.0.113.7' as Address };
  const one = { held: 1, heldNewcomers: [newcomer], heldOfNewcomers: 1 };
  assert.deepEqual(codes(one), { urgent: [], todo: ['held-newcomer'] });
  const { todo } = attentionOf(facts({ ...one, held: 3 }));
  assert.match(
    todo[0]?.text ?? '',
    /hosts approve h7 protects it, banshare-server ban 203\.0\.113\.7 --force bans it with/,
  );
  assert.match(todo[1]?.text ?? '', /^2 other new bans are HELD until you decide: .* bans them everywhere/);
});

test('a host that comes from a banned address is urgent; what waits for an operator is to do', () => {
  const shutOut = { host: 'h1', address: '203.0.113.9', bans: ['203.0.113.0/24'] };
  assert.deepEqual(codes({ bannedHosts: [shutOut] }), { urgent: ['host-banned'], todo: [] });
  const listed = { ip: '203.0.113.9', rule: '203.0.113.0/24 of [never-ban] in server.toml' };
  assert.deepEqual(codes({ bannedAnyway: [listed] }), { urgent: ['never-ban-banned'], todo: [] });
  const waiting = {
    held: 2,
    pending: ['h5'],
    renamed: [{ name: 'h6-ab12', wanted: 'h1' }],
    doubled: ['h2'],
    wrongClocks: away(1, 0).map((trouble) => ({ ...trouble, clockAhead: 90 })),
    clockJump: 5,
  };
  const todo = ['held', 'wrong-clock', 'doubled', 'pending', 'renamed', 'clock'];
  assert.deepEqual(codes(waiting), { urgent: [], todo });
});

test('status prints the urgent first, each in one line', () => {
  const all = facts({ behind: away(1, HOUR), converged: 3, held: 1 });
  assert.match(
    showStatus({ ...all, ...attentionOf(all) }),
    /^URGENT: 1 of 4 hosts has .*: h1\nTo do: 1 new ban is HELD .*\nTo do: h1 is silent, heard of 60m ago\n3 of 4 hosts have received everything\.\nIn place: 5 of 5 bans on 4 of 4 hosts\./,
  );
});

test('a ledger that is an older copy is urgent, and what it lacks once it has gone on is to do', () => {
  const behind = away(1, 0).map((trouble) => ({ ...trouble, ahead: 12 }));
  assert.deepEqual(codes({ behind }), { urgent: ['older-ledger'], todo: [] });
  const text = (hosts: number): string => attentionOf(facts({ behind, hosts })).urgent[0]?.text ?? '';
  assert.match(
    text(2),
    /^This ledger, which ends at event \d+, is an older copy: h1 has up to 12 events more/,
  );
  // Nobody can check what one host says of itself, and whoever believes it puts back a backup for nothing.
  assert.match(
    text(4),
    /^h1 says that it has up to 12 events more .*3 other hosts do not.*hosts revoke NAME$/,
  );
  assert.deepEqual(codes({ lacking: [{ name: 'h1', bans: 3 }] }), { urgent: [], todo: ['lacking'] });
  const servers = ['a.example.org', 'b.example.org'];
  assert.deepEqual(codes({ servers }), { urgent: [], todo: ['alone-among-servers'] });
  assert.deepEqual(codes({ servers, sharesLedger: true }), { urgent: [], todo: [] });
});

function out(other: Partial<OutOfPlace>): OutOfPlace {
  const nothing = { why: null, pausedSince: null, blind: null, unseenSeconds: null };
  const counts = { wanted: 4812, placed: 4812, failed: 0, full: 0, unproven: 0 };
  return { name: 'web7', ...counts, ...nothing, outSeconds: 40, ...other };
}

test('a host that is paused, full, failing or blind is to do, and urgent as one that is away', () => {
  const text = (host: OutOfPlace): string | undefined =>
    attentionOf(facts({ outOfPlace: [host] })).todo.map((entry) => `${entry.code} ${entry.text}`)[0];
  assert.equal(
    text(out({ placed: 4790, failed: 22, why: 'exit code 1' })),
    'failing web7: 4,790 of 4,812 bans in place, 22 failed: exit code 1',
  );
  assert.match(text(out({ placed: 0, pausedSince: NOW })) ?? '', /^paused web7 is PAUSED since 2026-/);
  assert.match(text(out({ placed: 4400, full: 412 })) ?? '', /^full web7 is full: 412 of 4,812 bans/);
  assert.match(text(out({ blind: 'fail2ban does not run' })) ?? '', /^blind web7 .*: fail2ban does not run$/);
  const long = out({ failed: 1, outSeconds: 15 * MINUTE });
  assert.deepEqual(codes({ outOfPlace: [long] }), { urgent: ['hosts-not-in-place'], todo: ['failing'] });
  assert.deepEqual(codes({ outOfPlace: [long], hosts: 300 }), { urgent: [], todo: [] });
  const away11 = away(11, 15 * MINUTE).map(({ name }) => out({ name, failed: 1, outSeconds: 15 * MINUTE }));
  assert.deepEqual(codes({ outOfPlace: away11, hosts: 110, behind: away(11, 15 * MINUTE) }).urgent, []);
});

test('a muted host makes the fleet smaller, of which a tenth may be away', () => {
  const muted = [{ name: 'db1', until: NOW + HOUR, note: '' }];
  const behind = away(3, 15 * MINUTE);
  assert.deepEqual(codes({ hosts: 30, behind }).urgent, []);
  assert.deepEqual(codes({ hosts: 30, behind, muted }).urgent, ['hosts-not-in-place']);
});

test('status says of how many bans hosts have what, and names who says nothing of it', () => {
  const all = facts({
    inPlace: { hosts: 42, complete: 41, fewest: 4100, most: 4812 },
    withoutReceipt: ['old1', 'old2'],
    unproven: [{ name: 'web3', count: 7 }],
  });
  const shown = showStatus({ ...all, ...attentionOf(all) });
  assert.match(shown, /^In place: all 4,100 to 4,812 bans on 41 of 42 hosts\.$/m);
  assert.match(shown, /^ {2}2 hosts do not say what is in place \(an older version\): old1, old2$/m);
  assert.match(shown, /^To do: web3: 7 bans unproven, carried out, and not to be seen/m);
});

test('a ledger that cannot be written is urgent at once, a publish port that is away after ten seconds', () => {
  const since = (seconds: number): { since: number; reason: string } => ({
    since: NOW - seconds,
    reason: 'database or disk is full',
  });
  assert.deepEqual(codes({ cannotCommit: since(0) }).urgent, ['cannot-commit']);
  assert.deepEqual(codes({ cannotPublish: since(9) }).urgent, []);
  assert.deepEqual(codes({ cannotPublish: since(10) }).urgent, ['cannot-publish']);
});

test('status names what waits for an hour', () => {
  const all = facts({
    hosts: 300,
    behind: away(2, MINUTE),
    outOfPlace: [out({ placed: 4790, failed: 22, outSeconds: MINUTE })],
    muted: ['a', 'b', 'c', 'd'].map((name) => ({ name, until: NOW, note: '' })),
    held: 3,
  });
  const status = { ...all, ...attentionOf(all) };
  const whole = showStatus(status);
  assert.match(whole, /^ {2}2 away for less than an hour: h1, h2$/m);
  assert.match(whole, /^ {2}1 not wholly, for less than an hour: web7 \(4,790 of 4,812\)$/m);
  assert.match(whole, /^ {2}4 hosts are muted: a, b, c, d$/m);
});

test('a server whose clock is not that of the shared database is told, in words', () => {
  const shared = { ...SHARED, applied: 7, last: 7 };
  assert.deepEqual(codes({ shared: { ...shared, clockAhead: 59 } }).todo, []);
  assert.deepEqual(codes({ shared: { ...shared, clockAhead: null } }).todo, []);
  assert.deepEqual(codes({ shared: { ...shared, clockAhead: -3600 } }).todo, ['server-clock']);
  const { todo } = attentionOf(facts({ shared: { ...shared, clockAhead: 3600 } }));
  assert.match(todo[0]?.text ?? '', /clock is 60m ahead of that of the database/);
});

test('a server that is ahead of its database is named with the command that brings all back', () => {
  const shared = { ...SHARED, stopped: 'it is ahead' };
  for (const [aheadBy, many] of [
    [1, '1 entry'],
    [7, '7 entries'],
  ] as const) {
    const { urgent } = attentionOf(facts({ shared: { ...shared, aheadBy } }));
    assert.match(urgent[0]?.text ?? '', new RegExp(`ahead by ${many} at least.*restore --from-replica$`));
    const { urgent: shut } = attentionOf(facts({ shared: { ...shared, aheadBy, isShut: true } }));
    assert.match(shut[0]?.text ?? '', /opened no port.*: systemctl restart banshare-server$/);
  }
});

test('a drill by the clock names hosts that missed it or were slow, once; a tenth of the fleet is urgent, and a drill that does not come is said', () => {
  const missed = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ host: `h${n + 1}`, outcome: 'failed', reason: 'no jail' }));
  const drill = {
    at: NOW - HOUR,
    every: 24 * HOUR,
    limit: 2,
    hosts: 40,
    slowest: 0.25,
    missed: [],
    slow: [],
  };
  const said = (other: Partial<typeof drill> | object, more: Partial<Facts> = {}) => {
    const { urgent, todo } = attentionOf(facts({ hosts: 40, drill: { ...drill, ...other }, ...more }));
    return { urgent: urgent.map(({ text }) => text), todo: todo.map(({ text }) => text) };
  };
  assert.deepEqual(said({}), { urgent: [], todo: [] });
  const one = said({ missed: missed(1) });
  assert.match(
    one.todo.join(),
    /^h1 did not ban what the drill of \S+ asked for within 10 s \(failed: no jail\); banshare-server drill/,
  );
  assert.deepEqual(one.urgent, []);
  const many = said({ missed: missed(5) });
  assert.match(many.urgent.join(), /^5 of 40 hosts did not ban .*: h1, h2/);
  assert.deepEqual(many.todo, []);
  const away = { name: 'h1', lag: 3, lagSeconds: 9, awaySeconds: 60, lastSeen: NOW, clockAhead: 0, ahead: 0 };
  assert.deepEqual(said({ missed: missed(1) }, { behind: [away] }), { urgent: [], todo: [] });
  const slow = said({ slow: [{ host: 'h2', seconds: 3.42 }] });
  assert.match(
    slow.todo.join(),
    /^Slower than the 2 s of \[drill\] limit in the drill of \S+: h2 \(3\.4 s\)/,
  );
  const late = { at: NOW - 26 * HOUR };
  assert.match(
    said(late, { startedAt: 0 }).todo.join(),
    /^There was no drill since \S+, although \[drill\] every is 24h/,
  );
  assert.deepEqual(said(late, { startedAt: 0, frozen: { since: NOW, until: null } }).todo.length, 1);
  assert.deepEqual(said(late, { startedAt: NOW - HOUR }).todo, []);
  assert.match(said({ at: null }, { startedAt: 0 }).todo.join(), /^There was no drill yet, although/);
  // Who drills by hand sees himself what came of it.
  assert.deepEqual(said({ every: null, missed: missed(9) }), { urgent: [], todo: [] });
});

test('a server that lacks the keys of a generation says which and how they come; one whose last is retired serves nobody, which is urgent', () => {
  const one = attentionOf(facts({ lackingGenerations: ['20261121T000000Z-bbbbbb'] }));
  assert.deepEqual(
    one.todo.map(({ code }) => code),
    ['lacking-generation'],
  );
  assert.match(
    one.todo[0]?.text ?? '',
    /lacks the generation 20261121T000000Z-bbbbbb, .* server-install\.sh here/,
  );
  const none = attentionOf(facts({ generations: [], lackingGenerations: ['20261121T000000Z-bbbbbb'] }));
  assert.deepEqual([none.urgent.map(({ code }) => code), none.todo], [['no-generation'], []]);
});

test('a server that began with a snapshot is named while the ledger of before is there, where its tables were not what they had to be', () => {
  const shared = SHARED;
  const over = { at: NOW, why: 'Cannot apply entry 7', kept: '/var/lib/kept' };
  assert.deepEqual(codes({ shared: { ...shared, startedOver: { ...over, code: 'pruned' } } }).todo, []);
  const { todo } = attentionOf(facts({ shared: { ...shared, startedOver: { ...over, code: 'conflict' } } }));
  assert.match(todo[0]?.text ?? '', /began with the newest snapshot .*entry 7.*remove \/var\/lib\/kept/);
});

test('a daily backup that is wanted is named once it fails, or two days passed without one', () => {
  const backup = {
    isConfigured: true,
    lastGood: NOW - HOUR,
    ageSeconds: HOUR,
    place: '/b',
    bytes: 1,
    failed: null,
  };
  const codes = (other: Partial<Facts['backup']>): string[] =>
    attentionOf(facts({ backup: { ...backup, ...other } })).todo.map(({ code }) => code);
  assert.deepEqual(codes({}), []);
  assert.deepEqual(codes({ lastGood: NOW - 48 * HOUR, ageSeconds: 48 * HOUR }), []);
  assert.deepEqual(codes({ lastGood: NOW - 49 * HOUR, ageSeconds: 49 * HOUR }), ['backup-late']);
  assert.deepEqual(codes({ lastGood: null, ageSeconds: null }), ['backup-late']);
  assert.deepEqual(codes({ failed: { at: NOW, why: 'no space' } }), ['backup-failed']);
  assert.deepEqual(codes({ isConfigured: false, lastGood: null, ageSeconds: null }), []);
});

test('a Node that was the newest more than ninety days ago is named with its host, also the server’s own, and an unknown one is not', () => {
  const day = 24 * HOUR;
  const old = { version: '24.1.0', asOf: NOW - 91 * day };
  const texts = (other: Partial<Facts>): string[] => attentionOf(facts(other)).todo.map(({ text }) => text);
  assert.match(
    texts({ node: old }).join(),
    /^This server runs on Node 24\.1\.0, .* 91d ago: make node-update/,
  );
  assert.deepEqual(texts({ node: { ...old, asOf: NOW - 90 * day } }), []);
  assert.match(texts({ oldNodes: [{ name: 'h1', ...old }] }).join(), /^h1 runs on Node 24\.1\.0/);
  const many = ['h1', 'h2', 'h3', 'h4'].map((name) => ({ name, ...old }));
  assert.match(texts({ oldNodes: many }).join(), /^4 hosts run on a Node .*: h1 \(24\.1\.0\), h2/);
  const hosts = [
    { name: 'h1', node: old.version, nodeAsOf: old.asOf },
    { name: 'h2', node: '24.2.0', nodeAsOf: NOW },
    { name: 'h3', node: null, nodeAsOf: null },
  ];
  assert.deepEqual(nodeFacts(hosts, NOW).oldNodes, [{ name: 'h1', ...old }]);
  // Who tells a version alone, as a build from the sources does, has the day of the same version here.
  assert.deepEqual(nodeOf({ version: '24.1.0' }, old), { node: '24.1.0', nodeAsOf: old.asOf });
  assert.deepEqual(nodeOf({ version: '24.2.0' }, old), { node: '24.2.0', nodeAsOf: null });
  assert.deepEqual(nodeOf(null, old), { node: null, nodeAsOf: null });
});
