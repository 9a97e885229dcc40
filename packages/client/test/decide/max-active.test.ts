import { FULL } from '../../src/bans/reason.ts';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { readClientConfig } from '@banshare/runtime';
import { pause, resume } from '../../src/decide/pause.ts';
import { keepAllNewest, mostActive, sharesOf } from '../../src/decide/max-active.ts';
import { MOST_IN_A_GO } from '../../src/host/in-parts.ts';
import { folder, host, ip, NOW, prog, rowOf } from '../make.ts';
import { Host } from './recording-host.ts';

const address = (last: number): ReturnType<typeof ip> => ip(`203.0.113.${last}`);

test('Above max-active the oldest ban is lifted and kept as skipped, full, and the newest is applied', async () => {
  using host2 = new Host();
  host2.parts.maxActive = 2;
  for (const last of [1, 2]) {
    host2.hear({ ip: address(last), at: NOW + last });
    await host2.run('ban fail2ban/sshd');
  }
  await host2.applier.idle();
  host2.hear({ ip: address(3), at: NOW + 3 });
  await host2.run('ban fail2ban/sshd');
  await host2.run('unban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), [
    'fail2ban/sshd skipped',
    'fail2ban/sshd applied ours',
    'fail2ban/sshd applied ours',
  ]);
  assert.deepEqual(host2.state.get(rowOf({ ip: address(1) }))?.reason, FULL);
  assert.deepEqual(host2.state.untold(9), [{ seq: 1, outcome: 'skipped', reason: 'full' }]);
});

test('Of a snapshot that is larger than max-active only the newest are carried out', async () => {
  using host2 = new Host();
  host2.parts.maxActive = 2;
  host2.snapshot(...[1, 2, 3, 4, 5].map((last) => ({ ip: address(last), at: NOW + last })));
  await host2.run('ban fail2ban/sshd');
  await host2.run('ban fail2ban/sshd');
  await host2.rest();
  assert.deepEqual(
    host2.enforcer.begun.map((begun) => begun.split(' ')[2]),
    [address(4), address(5)],
  );
  assert.deepEqual(host2.state.counts(), { applied: 2, skipped: 3 });
});

test('When room comes back the newest that was left out is applied, and the server hears of it', async () => {
  using host2 = new Host();
  host2.parts.maxActive = 2;
  host2.snapshot(
    ...[1, 2, 3, 4, 5].map((last) => ({ ip: address(last), at: NOW + last, until: NOW + 60 + last })),
  );
  for (let runs = 0; runs < 2; runs += 1) await host2.run('ban fail2ban/sshd');
  await host2.applier.idle();
  host2.hear({ kind: 'unban', ip: address(5), until: null });
  const { change, done } = await host2.enforcer.next();
  const other = await host2.enforcer.next();
  assert.deepEqual([`${change.kind} ${change.ip}`, `${other.change.kind} ${other.change.ip}`].toSorted(), [
    `ban ${address(3)}`,
    `unban ${address(5)}`,
  ]);
  done();
  other.done();
  await host2.applier.idle();
  host2.now = NOW + 64;
  host2.state.put(rowOf({ ip: address(9), at: NOW, status: 'skipped', reason: 'full', until: null }), NOW);
  host2.tick();
  for (const _ of [3, 4]) await host2.run('unban fail2ban/sshd');
  host2.hear({ kind: 'unban', ip: address(200), until: null });
  await host2.run('ban fail2ban/sshd');
  await host2.rest();
  assert.equal(host2.state.get(rowOf({ ip: address(9) }))?.status, 'applied');
  // What is over meanwhile is not applied.
  assert.equal(
    host2.enforcer.begun.some((begun) => begun.startsWith('ban') && begun.endsWith(address(1))),
    false,
  );
});

test('Resume puts no more in place than max-active, the newest', async () => {
  using host2 = new Host();
  host2.parts.maxActive = 2;
  await pause(host2.parts);
  host2.hear(...[1, 2, 3, 4].map((last) => ({ ip: address(last), at: NOW + last })));
  assert.equal(await resume(host2.parts), 2);
  for (let runs = 0; runs < 2; runs += 1) await host2.run('ban fail2ban/sshd');
  await host2.rest();
  assert.deepEqual(
    host2.state.withStatus('applied').map((row) => row.ip),
    [address(3), address(4)],
  );
  assert.deepEqual(host2.state.counts(), { applied: 2, skipped: 2 });
});

test('What a person typed stays where imports and hosts bring more than max-active, and imports go before what hosts found', async () => {
  using host2 = new Host();
  host2.enforcer.endAll();
  host2.parts.maxActive = 3;
  const operator = { prog: prog('operator'), host: host('operator') };
  host2.hear({ ...operator, by: 'operator', ip: address(1), until: null });
  // An older server does not say whose word it is.
  host2.hear({ ...operator, ip: address(2), until: null });
  host2.hear(...[11, 12, 13, 14].map((last) => ({ ...operator, by: 'import' as const, ip: address(last) })));
  host2.hear(...[21, 22].map((last) => ({ ip: address(last), at: NOW + last })));
  await host2.rest();
  const kept = (): string[] => host2.state.withStatus('applied').map(({ ip: each }) => each);
  assert.deepEqual(kept(), [address(1), address(2), address(22)]);
  host2.hear({ kind: 'unban', ip: address(22), until: null });
  await host2.rest();
  assert.deepEqual(kept().toSorted(), [address(1), address(2), address(21)].toSorted());
});

test('Of hosts the one that brought most gives way: it pushes out nobody else', async () => {
  using host2 = new Host();
  host2.enforcer.endAll();
  host2.parts.maxActive = 6;
  const by = (name: string, ...lasts: number[]): void =>
    host2.hear(...lasts.map((last) => ({ ip: address(last), host: host(name), at: NOW + last })));
  by('quiet', 1, 2);
  by('flood', ...Array.from({ length: 40 }, (_, n) => 10 + n));
  by('other', 100);
  await host2.rest();
  const kept = host2.state.withStatus('applied').map((row) => `${row.host} ${row.ip.split('.')[3]}`);
  assert.deepEqual(kept.toSorted(), ['flood 47', 'flood 48', 'flood 49', 'other 100', 'quiet 1', 'quiet 2']);
});

test('A host that renews the bans of others makes them not its own: they stay where it floods a host that is full', async () => {
  using host2 = new Host();
  host2.enforcer.endAll();
  host2.parts.maxActive = 6;
  const by = (name: string, ...lasts: number[]): void =>
    host2.hear(...lasts.map((last) => ({ ip: address(last), host: host(name), at: NOW + last })));
  by('quiet', 1, 2);
  by('other', 3);
  by('flood', 1, 2, 3);
  by('flood', ...Array.from({ length: 40 }, (_, n) => 10 + n));
  await host2.rest();
  const kept = host2.state.withStatus('applied').map(({ ip: each }) => Number(each.split('.')[3]));
  assert.deepEqual(
    kept.toSorted((a, b) => a - b),
    [1, 2, 3, 47, 48, 49],
  );
});

test('A max-active that was lowered, and one that was raised, is kept to in parts, between which timers and commands have their turn', async () => {
  const many = 5 * MOST_IN_A_GO;
  using host2 = new Host({}, MOST_IN_A_GO);
  host2.enforcer.endAll();
  host2.hear(
    ...Array.from({ length: many }, (_, n) => ({ ip: ip(`45.77.${n >> 8}.${n & 255}`), at: NOW + n })),
  );
  await host2.applier.idle();
  for (const most of [10, many]) {
    host2.parts.maxActive = most;
    let isDone = false;
    const done = keepAllNewest(host2.parts, () => true).then(() => (isDone = true));
    let before = host2.state.inPlaceCount();
    while (!isDone) {
      await setImmediate();
      const now = host2.state.inPlaceCount();
      assert.ok(Math.abs(now - before) <= 2 * MOST_IN_A_GO, `${now - before} between two turns of the loop`);
      before = now;
    }
    await done;
    await host2.applier.idle();
    const applied = host2.state.withStatus('applied');
    assert.equal(applied.length, most);
    assert.ok(applied.some(({ ip: each }) => each === `45.77.${(many - 1) >> 8}.${(many - 1) & 255}`));
  }
});

test('What this host’s own detection put in place, and nobody can see, neither gives way nor takes room: the newest by banshare stay', async () => {
  using host2 = new Host();
  host2.enforcer.endAll();
  host2.parts.maxActive = 2;
  const found = (last: number, at: number): void =>
    host2.state.put(rowOf({ ip: address(last), at, status: 'unproven', isOurs: false }), NOW);
  for (const last of [1, 2]) found(last, NOW - 60);
  found(3, NOW + 60);
  for (const last of [11, 12, 13, 14]) host2.hear({ ip: address(last), at: NOW + last });
  await host2.rest();
  assert.deepEqual(
    host2.state.withStatus('applied').map((row) => row.ip),
    [address(13), address(14)],
  );
  assert.deepEqual(host2.state.counts(), { applied: 2, skipped: 2, unproven: 3 });
  assert.equal(host2.state.inPlaceCount(), 2);
});

test('A host that is far above its limit by what is not its own to lift leaves that, and asks no more', async () => {
  const many = 2 * MOST_IN_A_GO + 2;
  using host2 = new Host();
  host2.parts.maxActive = 1;
  host2.state.inTransaction(() => {
    for (let n = 0; n < many; n += 1)
      host2.state.put(rowOf({ ip: ip(`45.77.${n >> 8}.${n & 255}`), status: 'unproven' }), NOW);
  });
  let asked = 0;
  await keepAllNewest(host2.parts, () => (asked += 1) < 9);
  assert.equal(asked, 1);
  assert.deepEqual(host2.state.counts(), { unproven: many });
});

test('sharesOf() brings those with the most down to one another, and takes exactly as many as are asked for', () => {
  const hosts = [9, 5, 4, 1].map((count, n) => ({ host: `h${n}`, count }));
  const total = (shares: [string, number][]): number => shares.reduce((sum, [, share]) => sum + share, 0);
  assert.deepEqual(sharesOf(3, hosts), [['h0', 3]]);
  for (let count = 0; count <= 19; count += 1) {
    const shares = sharesOf(count, hosts);
    assert.equal(total(shares), count);
    const left = hosts.map(({ host: name, count: had }) => had - (new Map(shares).get(name) ?? 0));
    assert.ok(left.every((each) => each >= 0));
  }
  assert.deepEqual(sharesOf(5, []), []);
});

test('What gives way before its command was begun is left out without being lifted, and what was put in place is lifted', async () => {
  using host2 = new Host();
  host2.parts.maxActive = 2;
  host2.hear({ ip: address(1), at: NOW + 1 });
  await host2.run('ban fail2ban/sshd');
  await host2.applier.idle();
  host2.applier.holdBans();
  host2.hear(...[2, 3, 4, 5].map((last) => ({ ip: address(last), at: NOW + last })));
  assert.deepEqual(host2.state.counts(), { lifting: 1, skipped: 2, pending: 2 });
  assert.equal(host2.state.receipt().full, 3);
  await host2.run('unban fail2ban/sshd');
  host2.applier.letBansGo();
  for (const _ of [4, 5]) await host2.run('ban fail2ban/sshd');
  await host2.rest();
  assert.deepEqual(host2.state.counts(), { applied: 2, skipped: 3 });
  assert.deepEqual(host2.enforcer.begun.length, 4);
  assert.deepEqual(
    host2.state.untold(9).map(({ seq, reason }) => `${seq} ${reason}`),
    ['1 full', '2 full', '3 full'],
  );
});

async function mostWith(toml: string): Promise<number> {
  using scratch = folder();
  const path = join(scratch.path, 'client.toml');
  writeFileSync(path, toml);
  const read = await readClientConfig(path);
  assert.ok(read.ok);
  return mostActive(read.config);
}

test('mostActive() is what the server publishes where the kernel holds the bans, less for fail2ban, and what client.toml says', async () => {
  assert.equal(await mostWith(''), 50_000);
  assert.equal(await mostWith('[apply]\nenforcer = "fail2ban"'), 50_000);
  assert.equal(await mostWith('[apply]\nenforcer = "nftables"'), 500_000);
  assert.equal(await mostWith('[[enforcer]]\nkind = "ipset"'), 500_000);
  assert.equal(await mostWith('[[enforcer]]\nkind = "ipset"\n[[enforcer]]\nkind = "log"'), 50_000);
  assert.equal(await mostWith('[apply]\nenforcer = "nftables"\nmax-active = 7'), 7);
});
