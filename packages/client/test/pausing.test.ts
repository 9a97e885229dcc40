import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepBack } from '../src/keep-back.ts';
import { pause, resume, stillToLift } from '../src/pausing.ts';
import type { BanRow } from '../src/ban-row.ts';
import { host, ip, NOW } from './make.ts';
import { Host } from './taking-host.ts';
import { NEVER_BAN } from '../src/bans/choice.ts';

const reasons = (host2: Host): string[] =>
  host2.state.all().map(({ status, reason }) => (reason === '' ? status : `${status}: ${reason}`));

test('A ban whose command runs when the pause begins is lifted after it, and waits for resume', async () => {
  using host2 = new Host();
  host2.hear({});
  const ban = await host2.enforcer.next();
  assert.equal(await pause(host2.parts), 1);
  assert.equal(stillToLift(host2.state), 1);
  ban.done();
  await host2.run('unban fail2ban/sshd');
  await host2.applier.idle();
  assert.deepEqual(reasons(host2), ['skipped: paused']);
  assert.equal(stillToLift(host2.state), 0);
  assert.equal(resume(host2.parts), 1);
  await host2.run('ban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours']);
});

test("The pause leaves what this host's own detection has put in place", async () => {
  using host2 = new Host();
  host2.hear({});
  await host2.run('ban fail2ban/sshd', 'already');
  await host2.applier.idle();
  assert.equal(await pause(host2.parts), 0);
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd already']);
});

test('What comes, ends and is lifted during the pause is not brought back by resume', async () => {
  using host2 = new Host();
  await pause(host2.parts);
  host2.hear({ until: NOW + 60 }, { ip: ip('203.0.113.10') }, { ip: ip('203.0.113.11'), host: host('h2') });
  assert.deepEqual(reasons(host2), ['skipped: paused', 'skipped: paused', 'skipped: own']);
  host2.now += 60;
  host2.tick();
  host2.hear({ ip: ip('203.0.113.10'), kind: 'unban' });
  assert.equal(resume(host2.parts), 0);
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd skipped']);
  assert.equal(host2.enforcer.begun.length, 0);
});

test('resume while the bans are still being lifted ends with them in place', async () => {
  using host2 = new Host();
  host2.hear({});
  await host2.run('ban fail2ban/sshd');
  await host2.applier.idle();
  await pause(host2.parts);
  const lifting = await host2.enforcer.next();
  resume(host2.parts);
  lifting.done();
  await host2.run('ban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours']);
});

test('A ban that is published again while the host is paused stays lifted', async () => {
  using host2 = new Host();
  host2.hear({});
  await host2.run('ban fail2ban/sshd');
  await host2.applier.idle();
  await pause(host2.parts);
  const lifting = await host2.enforcer.next();
  host2.hear({});
  lifting.done();
  await host2.applier.idle();
  host2.snapshot({});
  await host2.applier.idle();
  assert.deepEqual(reasons(host2), ['skipped: paused']);
  assert.deepEqual(host2.enforcer.begun.filter((what) => what.startsWith('ban')).length, 1);
});

test('A lift that fails is tried again, and the ban is kept back nevertheless', async () => {
  using host2 = new Host();
  host2.hear({});
  await host2.run('ban fail2ban/sshd');
  await host2.applier.idle();
  await pause(host2.parts);
  await host2.run('unban fail2ban/sshd', 'failed');
  await host2.applier.idle();
  assert.equal(stillToLift(host2.state), 1);
  for (const row of host2.state.dueAgain(NOW + 60, 10)) host2.applier.queue(row);
  await host2.run('unban fail2ban/sshd');
  await host2.applier.idle();
  assert.deepEqual(reasons(host2), ['skipped: paused']);
});

test('A ban of an address that is protected by now is lifted when it is published again', async () => {
  using host2 = new Host();
  host2.hear({});
  await host2.run('ban fail2ban/sshd');
  await host2.applier.idle();
  host2.parts.choice.ruleFor = () => 'an authenticated SSH session';
  host2.hear({});
  await host2.run('unban fail2ban/sshd');
  await host2.applier.idle();
  assert.deepEqual(reasons(host2), ['skipped: never-ban: an authenticated SSH session']);
});

test('An operator lifts what is protected as well', async () => {
  using host2 = new Host();
  host2.parts.choice.ruleFor = () => 'a resolver of this host';
  host2.hear({ kind: 'unban', host: host('operator') });
  await host2.run('unban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), []);
});

test('keepBack() leaves what is being lifted for good, what is skipped, and what is foreign', () => {
  using host2 = new Host();
  host2.hear({});
  const row = host2.state.all()[0] as BanRow;
  const queued: BanRow[] = [];
  const kept = (fields: Partial<BanRow>): boolean =>
    keepBack({ ...row, ...fields }, `${NEVER_BAN}x`, host2.parts, queued);
  assert.equal(kept({ status: 'lifting' }), false);
  assert.equal(kept({ status: 'skipped', isOurs: true }), false);
  assert.equal(kept({ status: 'already' }), false);
  assert.deepEqual(queued, []);
  assert.equal(kept({ status: 'failed' }), true);
  assert.deepEqual(reasons(host2), ['skipped: never-ban: x']);
  assert.equal(kept({ status: 'already', isOurs: true }), true);
  assert.equal(queued.map(({ keptBack }) => keptBack).join(), 'never-ban: x');
});
