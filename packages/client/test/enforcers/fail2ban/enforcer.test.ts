import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { isEchoNoteYoung } from '@banshare/runtime';
import { changeOf } from '../../../src/bans/ban-row.ts';
import { Fail2banEnforcer } from '../../../src/enforcers/fail2ban/enforcer.ts';
import { Notes } from '../../../src/host/echo-notes.ts';
import { folder, ip, jail, NOW, rowOf } from '../../make.ts';
import { noFail2ban, RealFail2ban } from '../../fail2ban/real-fail2ban.ts';
import type { Change, Effect } from '../../../src/bans/change.ts';

const skip = noFail2ban;

const remembered = new Map<string, string>();

function enforcerOf(path: string, socket: string, timeoutMs = 20_000): Fail2banEnforcer {
  const notes = new Notes(join(path, 'notes'));
  const nowMs = (): number => performance.now();
  const memory = {
    recall: () => remembered.get(path),
    remember: (text: string) => remembered.set(path, text),
  };
  return new Fail2banEnforcer({ socket, missingJail: jail('banshare'), timeoutMs, notes, nowMs, memory });
}

const bans = (...addresses: string[]): Change[] =>
  addresses.map((address) => ({ ...changeOf(rowOf({ ip: ip(address) }), 'ban', NOW) }));
const unbans = (...addresses: string[]): Change[] =>
  bans(...addresses).map((change) => ({ ...change, kind: 'unban' }));
const outcomes = (effects: readonly Effect[]): string[] =>
  effects.map(({ outcome, localJail }) => `${outcome} ${localJail}`);
const noted = (path: string): string[] => readdirSync(join(path, 'notes')).toSorted();
const reasonOf = (effect: Effect | undefined): string =>
  effect !== undefined && 'reason' in effect ? effect.reason : '';

test('A batch tells of each address whether it is banned now or was before', { skip }, async () => {
  await using server = new RealFail2ban();
  await server.start();
  server.client('set', 'sshd', 'banip', '203.0.113.2');
  const enforcer = enforcerOf(server.path, server.socket);
  const effects = await enforcer.carryOut(bans('203.0.113.1', '203.0.113.2', '2001:db8::3'));
  assert.deepEqual(outcomes(effects), ['applied sshd', 'already sshd', 'applied sshd']);
  assert.deepEqual(server.banned('sshd'), ['2001:db8::3', '203.0.113.1', '203.0.113.2']);
  assert.deepEqual(noted(server.path), ['sshd@2001:db8::3', 'sshd@203.0.113.1']);
  const lifted = await enforcer.carryOut(unbans('203.0.113.1', '203.0.113.9', '2001:db8::3'));
  assert.deepEqual(outcomes(lifted), ['applied sshd', 'released sshd', 'applied sshd']);
  assert.deepEqual(server.banned('sshd'), ['203.0.113.2']);
});

test(
  'Bans of several jails and unbans go in one batch, and a missing jail leads to missing-jail',
  { skip },
  async () => {
    await using server = new RealFail2ban();
    await server.start();
    const [one, two] = bans('203.0.113.1', '203.0.113.2') as [Change, Change];
    const enforcer = enforcerOf(server.path, server.socket);
    const effects = await enforcer.carryOut([{ ...one, localJail: jail('nosuch') }, two]);
    assert.deepEqual(outcomes(effects), ['applied banshare', 'applied sshd']);
    assert.deepEqual(noted(server.path), ['banshare@203.0.113.1', 'sshd@203.0.113.2']);
    const back = await enforcer.carryOut([{ ...one, localJail: jail('nosuch'), kind: 'unban' }]);
    assert.deepEqual(outcomes(back), ['applied banshare']);
  },
);

test(
  'Where missing-jail is missing too, it fails with what fail2ban says and leaves no note',
  { skip },
  async () => {
    await using server = new RealFail2ban(['sshd']);
    await server.start();
    const enforcer = enforcerOf(server.path, server.socket);
    const [change] = bans('203.0.113.1');
    const [effect] = await enforcer.carryOut([{ ...change!, localJail: jail('nosuch') }]);
    assert.match(reasonOf(effect), /UnknownJailException banshare/);
    assert.deepEqual(noted(server.path), []);
    assert.match((await enforcer.check()).join(), /no jail "banshare"/);
  },
);

test('The note is there before fail2ban runs its actions', { skip }, async () => {
  const scratch = folder();
  await using server = new RealFail2ban(
    ['sshd', 'banshare'],
    `ls '${scratch.path}/notes' >'${scratch.path}/seen'`,
  );
  await server.start();
  await enforcerOf(scratch.path, server.socket).carryOut(bans('203.0.113.1'));
  assert.equal(readFileSync(join(scratch.path, 'seen'), 'utf8'), 'sshd@203.0.113.1\n');
  scratch[Symbol.dispose]();
});

test(
  'A note counts no longer than the jail bans: what that finds anew after it has let go is this host’s own',
  { skip },
  async () => {
    await using server = new RealFail2ban(['sshd', 'banshare']);
    await server.start();
    server.client('set', 'sshd', 'bantime', '60');
    const enforcer = enforcerOf(server.path, server.socket);
    const [short, long] = bans('203.0.113.1', '203.0.113.2');
    await enforcer.carryOut([short!, { ...long!, localJail: jail('banshare') }]);
    const counts = (name: string, secondsLater: number): boolean => {
      const note = statSync(join(server.path, 'notes', name));
      return isEchoNoteYoung(Date.now() / 1000 + secondsLater - note.mtimeMs / 1000);
    };
    assert.deepEqual([counts('sshd@203.0.113.1', 40), counts('sshd@203.0.113.1', 61)], [true, false]);
    assert.equal(counts('banshare@203.0.113.2', 500), true);
  },
);

test('Thousands of bans are listed and lifted over the socket', { skip }, async () => {
  await using server = new RealFail2ban();
  await server.start();
  const enforcer = enforcerOf(server.path, server.socket);
  const many = Array.from({ length: 2000 }, (_, index) => `198.51.${index >> 8}.${index & 255}`);
  const effects = await enforcer.carryOut(bans(...many));
  assert.ok(effects.every(({ outcome }) => outcome === 'applied'));
  const lifted = await enforcer.carryOut(unbans(...many));
  assert.ok(lifted.every(({ outcome }) => outcome === 'applied'));
  assert.deepEqual(server.banned('sshd'), []);
});

test(
  'A slow action makes batches small at once, and one quick batch does not make them large again',
  { skip },
  async () => {
    using scratch = folder();
    const slow = join(scratch.path, 'slow');
    await using server = new RealFail2ban(['sshd', 'banshare'], `if test -e ${slow}; then sleep 0.2; fi`);
    await server.start();
    const enforcer = enforcerOf(server.path, server.socket);
    writeFileSync(slow, '');
    await enforcer.carryOut(bans('203.0.113.1', '203.0.113.2'));
    assert.equal(enforcer.mostAtOnce, 1);
    rmSync(slow);
    await enforcer.carryOut(bans('203.0.113.3', '203.0.113.4'));
    assert.equal(enforcer.mostAtOnce, 1);
  },
);

test('No fail2ban, a dead one, a busy one and a foreign one are told apart', { skip }, async () => {
  await using server = new RealFail2ban();
  const reason = async (timeoutMs = 20_000): Promise<string> =>
    reasonOf((await enforcerOf(server.path, server.socket, timeoutMs).carryOut(bans('203.0.113.1')))[0]);
  assert.match(await reason(), /fail2ban does not run: there is no socket/);
  await server.start();
  server.signal('SIGSTOP');
  const [busy] = await enforcerOf(server.path, server.socket, 300).carryOut(bans('203.0.113.1'));
  assert.match(reasonOf(busy), /fail2ban is busy: it gave no answer within 0.3 s/);
  assert.equal(busy?.outcome === 'failed' && busy.isBegun, true);
  await server.end('SIGKILL');
  assert.match(await reason(), /fail2ban does not run: nothing listens/);
  await using foreign = createServer((socket) =>
    socket.resume().end('220 smtp.example.org<F2B_END_COMMAND>'),
  );
  const path = join(server.path, 'foreign.sock');
  await new Promise<void>((resolve) => foreign.listen(path, resolve));
  const [strange] = await enforcerOf(server.path, path).carryOut(bans('203.0.113.1'));
  assert.match(reasonOf(strange), /Cannot read what fail2ban answers|hung up/);
});

async function listed(enforcer: Fail2banEnforcer): Promise<{ held: string[]; isAnew: boolean }> {
  const listing = await enforcer.list([jail('sshd'), jail('nosuch')]);
  assert.ok(listing.ok, JSON.stringify(listing));
  assert.deepEqual([...listing.held.keys()], ['sshd']);
  return { held: [...(listing.held.get('sshd')?.keys() ?? [])].toSorted(), isAnew: listing.isAnew('sshd') };
}

test('A listing tells what is banned, and whether what is missing was lost or let go', { skip }, async () => {
  await using server = new RealFail2ban();
  await server.start();
  const enforcer = enforcerOf(server.path, server.socket);
  await enforcer.carryOut(bans('203.0.113.1', '203.0.113.2'));
  assert.deepEqual(await listed(enforcer), { held: ['203.0.113.1', '203.0.113.2'], isAnew: true });
  server.client('set', 'sshd', 'unbanip', '203.0.113.1');
  // Also a client that was restarted meanwhile knows this fail2ban again.
  const next = enforcerOf(server.path, server.socket);
  assert.deepEqual(await listed(next), { held: ['203.0.113.2'], isAnew: false });
  assert.equal(await next.isIntact(), true);
  server.client('unban', '--all');
  server.client('reload', '--restart', 'sshd');
  assert.deepEqual(await listed(next), { held: [], isAnew: true });
  await server.end('SIGKILL');
  assert.equal((await next.list([jail('sshd')])).ok, false);
  await server.start();
  assert.equal(await next.isIntact(), false);
  assert.equal((await listed(next)).isAnew, true);
  assert.equal(await next.isIntact(), true);
});

test(
  'A jail that was started anew has lost its bans, also where it has had as many since',
  { skip },
  async () => {
    await using server = new RealFail2ban(['sshd', 'banshare'], 'rules');
    await server.start();
    const enforcer = enforcerOf(server.path, server.socket);
    await listed(enforcer);
    await enforcer.carryOut(bans('203.0.113.1', '203.0.113.2'));
    assert.deepEqual((await listed(enforcer)).isAnew, false);
    const next = enforcerOf(server.path, server.socket);
    assert.equal(await next.isIntact(), true);
    server.client('unban', '--all');
    server.client('restart', 'sshd');
    server.client('set', 'sshd', 'banip', '198.51.100.1', '198.51.100.2', '198.51.100.3');
    assert.equal(await next.isIntact(), false);
    assert.equal((await listed(next)).isAnew, true);
    assert.equal(await next.isIntact(), true);
    server.client('reload');
    assert.equal(await next.isIntact(), true);
    assert.equal((await listed(next)).isAnew, false);
    assert.doesNotMatch(server.log, /AttributeError|KeyError/);
  },
);

test('A jail of which banshare had its first ban just now is known again as well', { skip }, async () => {
  await using server = new RealFail2ban(['sshd', 'banshare'], 'rules');
  await server.start();
  const enforcer = enforcerOf(server.path, server.socket);
  await enforcer.list([jail('banshare')]);
  await enforcer.carryOut(bans('203.0.113.1'));
  server.client('unban', '--all');
  server.client('restart', 'sshd');
  assert.equal(await enforcer.isIntact(), false);
  assert.equal((await listed(enforcer)).isAnew, true);
});

test(
  'Rules that are gone are found and made anew, and nothing is written while they stand',
  { skip },
  async () => {
    await using server = new RealFail2ban(['sshd', 'banshare'], 'rules');
    await server.start();
    const enforcer = enforcerOf(server.path, server.socket);
    await listed(enforcer);
    await enforcer.carryOut(bans('203.0.113.1', '203.0.113.2'));
    await listed(enforcer);
    const before = server.log;
    const isRepaired = (): Promise<boolean> => enforcer.isRepaired(jail('sshd'), ip('203.0.113.1'));
    for (const _ of [1, 2, 3]) assert.equal(await isRepaired(), false);
    assert.equal(server.log, before);
    rmSync(server.rules);
    assert.equal(await isRepaired(), true);
    // A client that is killed before it has put its bans in place again finds it once more.
    const next = enforcerOf(server.path, server.socket);
    assert.equal(await next.isRepaired(jail('sshd'), ip('203.0.113.1')), true);
    for (const _ of [1, 2]) assert.equal(await isRepaired(), false);
    await enforcer.carryOut(bans('203.0.113.1', '203.0.113.2'));
    assert.equal(readFileSync(server.rules, 'utf8'), '203.0.113.1\n203.0.113.2\n');
    // fail2ban itself finds it where it has something to ban; what banshare has there is lost all the same.
    rmSync(server.rules);
    assert.equal(await isRepaired(), true);
  },
);
