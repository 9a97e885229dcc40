import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BanRow } from '../../src/bans/ban-row.ts';
import { keepBack } from '../../src/decide/keep-back.ts';
import { host, ip, jail, NOW, prog, rowOf } from '../make.ts';
import { recordNews } from '../../src/decide/record-news.ts';
import { Host } from './recording-host.ts';

const psad = { prog: prog('psad') };
const unban = { kind: 'unban' } as const;
const over = { until: NOW + 60 };

test('recordNews() writes bans and position together, and then has them applied', async () => {
  using host2 = new Host();
  host2.hear({}, { ip: ip('203.0.113.10') });
  assert.deepEqual(host2.state.position(), host2.position);
  assert.deepEqual(host2.state.counts(), { pending: 2 });
  await host2.run('ban fail2ban/sshd');
  await host2.run('ban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours', 'fail2ban/sshd applied ours']);
});

test('recordNews() records why a ban is skipped, and runs nothing', async () => {
  using host2 = new Host();
  host2.hear({ host: host('h2') });
  assert.deepEqual(host2.skipped, ['own']);
  assert.equal(host2.state.get(rowOf())?.reason.code, 'own');
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd skipped']);
});

test('A ban that is published anew in a jail that this host follows no more is lifted: a pause passes over what is skipped', async () => {
  using host2 = new Host();
  host2.hear({});
  await host2.run('ban fail2ban/sshd');
  await host2.applier.idle();
  host2.parts.choice.jails = ['nginx'];
  host2.hear({});
  await host2.run('unban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd skipped']);
});

test('recordNews() moves its position over an event of an unknown kind', () => {
  using host2 = new Host();
  const position = { epoch: 'e1', seq: 1, tail: '0123456789abcdef' };
  void recordNews({ kind: 'events', events: [{ ...position, kind: 'unknown' }], position }, host2.parts);
  assert.deepEqual(host2.state.position(), position);
});

test('What was applied is lifted when its end has come', async () => {
  using host2 = new Host();
  host2.hear(over);
  await host2.run('ban fail2ban/sshd');
  host2.tick();
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours']);
  host2.now += 60;
  host2.tick();
  await host2.run('unban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), []);
});

test('What was in place already is not lifted when the shared ban ends', async () => {
  using host2 = new Host();
  host2.hear(over);
  await host2.run('ban fail2ban/sshd', 'already');
  await host2.applier.idle();
  host2.now += 60;
  host2.tick();
  assert.deepEqual(await host2.rest(), []);
  assert.deepEqual(host2.enforcer.begun.length, 1);
});

test('A ban that failed or was skipped is only forgotten at its end', async () => {
  using host2 = new Host();
  host2.hear(over, { ...over, ip: ip('203.0.113.10'), host: host('h2') });
  await host2.run('ban fail2ban/sshd', 'failed');
  await host2.applier.idle();
  host2.now += 60;
  host2.tick();
  assert.deepEqual(await host2.rest(), []);
  assert.equal(host2.enforcer.begun.length, 1);
});

test('An unban that crosses its ban waits for the command and then lifts what it did', async () => {
  using host2 = new Host();
  host2.hear({});
  const ban = await host2.enforcer.next();
  host2.hear(unban);
  ban.done();
  await host2.run('unban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), []);
});

test('An unban that crosses its ban lifts nothing where the command found the address banned', async () => {
  using host2 = new Host();
  host2.hear({});
  const ban = await host2.enforcer.next();
  host2.hear(unban);
  ban.done({ outcome: 'already' });
  assert.deepEqual(await host2.rest(), []);
  assert.equal(host2.enforcer.begun.length, 1);
});

test('A ban whose command runs while it is unbanned and dropped by a snapshot as well is lifted', async () => {
  using host2 = new Host();
  host2.hear({});
  const ban = await host2.enforcer.next();
  host2.hear(unban);
  host2.snapshot();
  ban.done();
  await host2.run('unban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), []);
});

test('Banned, unbanned and banned again while the first command runs, it ends banned', async () => {
  using host2 = new Host();
  host2.hear({});
  const first = await host2.enforcer.next();
  host2.hear(unban, {});
  first.done();
  await host2.run('ban fail2ban/sshd', 'already');
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours']);
});

test('Banned again while it is being lifted, it ends banned', async () => {
  using host2 = new Host();
  host2.hear({});
  await host2.run('ban fail2ban/sshd');
  await host2.applier.idle();
  host2.hear(unban);
  const lifting = await host2.enforcer.next();
  host2.hear({});
  lifting.done();
  await host2.run('ban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours']);
});

test('Two bans in one local jail: the address is lifted only when both are over', async () => {
  using host2 = new Host();
  host2.hear({}, psad);
  await host2.run('ban fail2ban/sshd');
  await host2.run('ban psad/sshd', 'already');
  await host2.applier.idle();
  host2.hear(unban);
  assert.deepEqual(await host2.rest(), ['psad/sshd already ours']);
  host2.hear({ ...unban, ...psad });
  await host2.run('unban psad/sshd');
  assert.deepEqual(await host2.rest(), []);
});

test('Two bans that a map leads into one local jail share it', async () => {
  using host2 = new Host({ localJails: new Map([['*', 'all']]) });
  host2.hear({}, { jail: jail('nginx') });
  await host2.run('ban fail2ban/all');
  await host2.run('ban fail2ban/all', 'already');
  await host2.applier.idle();
  host2.hear({ ...unban, jail: jail('nginx') });
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours']);
  host2.hear(unban);
  await host2.run('unban fail2ban/all');
  assert.deepEqual(await host2.rest(), []);
});

test('Two bans over at the same moment lift the address once', async () => {
  using host2 = new Host();
  host2.hear(over, { ...over, ...psad });
  await host2.run('ban fail2ban/sshd');
  await host2.run('ban psad/sshd', 'already');
  await host2.applier.idle();
  host2.now += 60;
  host2.tick();
  await host2.run('unban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), []);
  assert.equal(host2.enforcer.begun.length, 3);
});

test('A ban found in place hands no right to lift it to another that found the same', async () => {
  using host2 = new Host();
  host2.hear(psad);
  await host2.run('ban psad/sshd', 'already');
  host2.hear({});
  const crossing = await host2.enforcer.next();
  host2.hear(unban);
  crossing.done({ outcome: 'already' });
  assert.deepEqual(await host2.rest(), ['psad/sshd already']);
  host2.hear({ ...unban, ...psad });
  assert.deepEqual(await host2.rest(), []);
  assert.equal(host2.enforcer.begun.length, 2);
});

test('A ban published anew keeps the local jail where it was put in place', async () => {
  using host2 = new Host();
  host2.hear({});
  const ban = await host2.enforcer.next();
  ban.done({ localJail: jail('banshare') });
  await host2.applier.idle();
  host2.hear({ until: null });
  await host2.run('ban fail2ban/banshare', 'already');
  await host2.applier.idle();
  host2.hear(unban);
  await host2.run('unban fail2ban/banshare');
  assert.deepEqual(await host2.rest(), []);
});

test('An unban of what this host never had changes nothing but the position', async () => {
  using host2 = new Host();
  host2.hear(unban);
  assert.deepEqual(await host2.rest(), []);
  assert.equal(host2.state.position()?.seq, 1);
});

test('What is lifted, replaced or over by the end of catching up is never applied, and lifts do not wait for it', async () => {
  using host2 = new Host();
  host2.hear({ ip: ip('203.0.113.1') });
  await host2.run('ban fail2ban/sshd');
  await host2.applier.idle();
  host2.applier.holdBans();
  const addresses = [2, 3, 4, 5].map((last) => ({ ip: ip(`203.0.113.${last}`) }));
  host2.hear(...addresses.map((each, n) => (n === 2 ? { ...each, until: NOW + 5 } : each)));
  host2.hear({ kind: 'unban', ...addresses[0], host: host('h1') }, { ...addresses[1], until: NOW + 7200 });
  host2.hear({ kind: 'unban', ip: ip('203.0.113.1'), host: host('operator') });
  await host2.run('unban fail2ban/sshd');
  await host2.applier.idle();
  host2.now += 10;
  host2.applier.letBansGo();
  await host2.run('ban fail2ban/sshd');
  await host2.run('ban fail2ban/sshd');
  await host2.applier.idle();
  assert.deepEqual(host2.enforcer.begun.slice(1).toSorted(), [
    'ban fail2ban/sshd 203.0.113.3',
    'ban fail2ban/sshd 203.0.113.5',
    'unban fail2ban/sshd 203.0.113.1',
  ]);
});

test("With a slow ban command an operator's unban, and what is protected now, go before the backlog of bans", async () => {
  using host2 = new Host();
  host2.hear(...Array.from({ length: 30 }, (_, n) => ({ ip: ip(`203.0.113.${n + 1}`) })));
  const running = await Promise.all([1, 2, 3, 4].map(() => host2.enforcer.next()));
  const [done, ...others] = running;
  assert.ok(done !== undefined);
  host2.hear({ kind: 'unban', ip: done.change.ip, host: host('operator') });
  host2.hear({ kind: 'unban', ip: ip('203.0.113.1'), host: host('operator') });
  const protectedRow = host2.state.get(rowOf({ ip: ip('203.0.113.2') }));
  assert.ok(protectedRow !== undefined);
  const queued: BanRow[] = [];
  keepBack(protectedRow, { code: 'protected', text: 'here' }, host2.parts, queued);
  for (const row of queued) host2.applier.queue(row);
  done.done();
  const next = await host2.enforcer.next();
  assert.equal(`${next.change.kind} ${next.change.ip}`, 'unban 203.0.113.1');
  next.done();
  const after = await host2.enforcer.next();
  assert.equal(`${after.change.kind} ${after.change.ip}`, `unban ${done.change.ip}`);
  for (const each of [after, ...others]) each.done();
  host2.enforcer.endAll();
  await host2.rest();
  assert.ok(!host2.enforcer.begun.includes('ban fail2ban/sshd 203.0.113.1'));
  assert.ok(!host2.enforcer.begun.includes('ban fail2ban/sshd 203.0.113.2'));
});
