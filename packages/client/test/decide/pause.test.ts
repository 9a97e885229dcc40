import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { MOST_IN_A_GO } from '../../src/host/in-parts.ts';
import { keepBack } from '../../src/decide/keep-back.ts';
import { goOnPausing, goOnResuming, pause, resume } from '../../src/decide/pause.ts';
import type { BanRow } from '../../src/bans/ban-row.ts';
import { host, ip, NOW, prog, type RowFields, protectedBy } from '../make.ts';
import { Host } from './recording-host.ts';
import { sayReason } from '../../src/bans/reason.ts';

const reasons = (host2: Host): string[] =>
  host2.state
    .all()
    .map(({ status, reason }) => (reason.code === '' ? status : `${status}: ${sayReason(reason)}`));

test('A ban whose command runs when the pause begins is lifted after it, and waits for resume', async () => {
  using host2 = new Host();
  host2.hear({});
  const ban = await host2.enforcer.next();
  assert.equal(await pause(host2.parts), 1);
  assert.equal(host2.state.keptByPause.stillToLift, 1);
  ban.done();
  await host2.run('unban fail2ban/sshd');
  await host2.applier.idle();
  assert.deepEqual(reasons(host2), ['skipped: paused']);
  assert.equal(host2.state.keptByPause.stillToLift, 0);
  assert.equal(await resume(host2.parts), 1);
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
  assert.equal(await resume(host2.parts), 0);
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
  await resume(host2.parts);
  lifting.done();
  await host2.run('ban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd applied ours']);
});

test('A ban that resume finds not lifted yet, of an address that is protected by now, is lifted all the same', async () => {
  using host2 = new Host();
  host2.hear({});
  await host2.run('ban fail2ban/sshd');
  await host2.applier.idle();
  await pause(host2.parts);
  host2.parts.choice.ruleFor = () => protectedBy('an authenticated SSH session');
  assert.equal(await resume(host2.parts), 0);
  await host2.run('unban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), ['fail2ban/sshd skipped']);
  assert.deepEqual(reasons(host2), ['skipped: never-ban: an authenticated SSH session']);
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
  assert.equal(host2.state.keptByPause.stillToLift, 1);
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
  host2.parts.choice.ruleFor = () => protectedBy('an authenticated SSH session');
  host2.hear({});
  await host2.run('unban fail2ban/sshd');
  await host2.applier.idle();
  assert.deepEqual(reasons(host2), ['skipped: never-ban: an authenticated SSH session']);
});

test('An operator lifts what is protected as well', async () => {
  using host2 = new Host();
  host2.parts.choice.ruleFor = () => protectedBy('a resolver of this host');
  host2.hear({ kind: 'unban', host: host('operator') });
  await host2.run('unban fail2ban/sshd');
  assert.deepEqual(await host2.rest(), []);
});

test('keepBack() leaves what is being lifted for good, what is skipped, and what is foreign', () => {
  using host2 = new Host();
  host2.hear({});
  const row = host2.state.all()[0] as BanRow;
  const queued: BanRow[] = [];
  const kept = (fields: RowFields): boolean =>
    keepBack({ ...row, ...fields } as BanRow, { code: 'protected', text: 'x' }, host2.parts, queued);
  assert.equal(kept({ status: 'lifting' }), false);
  assert.equal(kept({ status: 'skipped', isOurs: true }), false);
  assert.equal(kept({ status: 'already' }), false);
  assert.deepEqual(queued, []);
  assert.equal(kept({ status: 'failed' }), true);
  assert.deepEqual(reasons(host2), ['skipped: never-ban: x']);
  assert.equal(kept({ status: 'already', isOurs: true }), true);
  assert.equal(queued.map(({ keptBack }) => sayReason(keptBack)).join(), 'never-ban: x');
});

const MANY = 3 * MOST_IN_A_GO;
const addressOf = (n: number): ReturnType<typeof ip> => ip(`45.77.${n >> 8}.${n & 255}`);

/** A host with many bans in place, whose enforcer is done at once. */
async function fullHost(): Promise<Host> {
  const host2 = new Host({}, MOST_IN_A_GO);
  host2.enforcer.endAll();
  host2.hear(...Array.from({ length: MANY }, (_, n) => ({ ip: addressOf(n), at: NOW + n })));
  await host2.applier.idle();
  assert.deepEqual(host2.state.counts(), { applied: MANY });
  return host2;
}

test('Pausing and resuming with many bans leaves timers and commands their turn after each part, and begins at once', async () => {
  using host2 = await fullHost();
  for (const [work, kept] of [
    [pause, () => host2.state.keptByPause.count],
    [resume, () => MANY - host2.state.keptByPause.count],
  ] as const) {
    let isDone = false;
    const done = work(host2.parts).then((count) => {
      isDone = true;
      assert.equal(count, MANY);
    });
    let before = kept();
    assert.equal(before, MOST_IN_A_GO);
    while (!isDone) {
      await setImmediate();
      assert.ok(kept() - before <= MOST_IN_A_GO, `${kept() - before} between two turns of the loop`);
      before = kept();
    }
    await done;
    await host2.applier.idle();
  }
  assert.deepEqual(host2.state.counts(), { applied: MANY });
});

test('Whoever pauses while a resume is still under way, or resumes while a pause is, has the last word', async () => {
  using host2 = await fullHost();
  const pausing = pause(host2.parts);
  const resuming = resume(host2.parts);
  await Promise.all([pausing, resuming]);
  await host2.applier.idle();
  assert.deepEqual(host2.state.counts(), { applied: MANY });
  await pause(host2.parts);
  await host2.applier.idle();
  await Promise.all([resume(host2.parts), pause(host2.parts)]);
  await host2.applier.idle();
  assert.deepEqual(host2.state.counts(), { skipped: MANY });
  await Promise.all([resume(host2.parts), pause(host2.parts), resume(host2.parts)]);
  await host2.applier.idle();
  assert.deepEqual(host2.state.counts(), { applied: MANY });
});

test('What is lifted, renewed or new between the parts of a pause and of its end ends as the last word says', async () => {
  using host2 = await fullHost();
  const between = (first: number): void => {
    // One that had its turn already, and one that has not.
    for (const n of [first, MANY - 1 - first]) {
      host2.hear({ kind: 'unban', host: host('operator'), ip: addressOf(n), until: null });
      host2.hear({ ip: addressOf(n + 10 * (n < MANY / 2 ? 1 : -1)), until: NOW + 7200 });
    }
    host2.hear({ ip: ip(`45.78.0.${first}`) });
  };
  const pausing = pause(host2.parts);
  between(0);
  await pausing;
  await host2.applier.idle();
  assert.deepEqual(host2.state.counts(), { skipped: MANY - 1 });
  const resuming = resume(host2.parts);
  between(1);
  await resuming;
  await host2.applier.idle();
  assert.deepEqual(host2.state.counts(), { applied: MANY - 2 });
  const renewed = host2.state.all().filter(({ until }) => until === NOW + 7200);
  assert.equal(renewed.length, 4);
});

test('A pause, and the end of one, of a client that is killed in the middle goes on at its next start', async () => {
  using host2 = await fullHost();
  const killed = new AbortController();
  killed.abort();
  // The first part of each is all that this program comes to.
  const pausing = pause(host2.parts);
  host2.parts.choice.isPaused = false;
  await pausing;
  assert.equal(host2.state.keptByPause.count, MOST_IN_A_GO);
  const restart = (): void => {
    host2.parts.choice.isPaused = host2.state.pausedAt() !== undefined;
  };
  restart();
  await goOnPausing(host2.parts, killed.signal);
  assert.equal(host2.state.keptByPause.count, MOST_IN_A_GO);
  await goOnPausing(host2.parts, new AbortController().signal);
  await goOnResuming(host2.parts, new AbortController().signal, assert.fail);
  await host2.applier.idle();
  assert.deepEqual(host2.state.counts(), { skipped: MANY });
  const resuming = resume(host2.parts);
  host2.parts.choice.isPaused = true;
  await resuming;
  assert.equal(host2.state.keptByPause.count, MANY - MOST_IN_A_GO);
  restart();
  await goOnPausing(host2.parts, new AbortController().signal);
  await goOnResuming(host2.parts, new AbortController().signal, assert.fail);
  await host2.applier.idle();
  assert.deepEqual(host2.state.counts(), { applied: MANY });
});

test('The end of a pause puts in place what a full host wants first, a part at a time', async () => {
  using host2 = new Host({}, MOST_IN_A_GO);
  host2.enforcer.endAll();
  host2.parts.maxActive = MOST_IN_A_GO + 10;
  await pause(host2.parts);
  const operator = { prog: prog('operator'), host: host('operator') };
  host2.hear(...Array.from({ length: MANY }, (_, n) => ({ ip: addressOf(n), at: NOW + n })));
  host2.hear({ ...operator, by: 'operator', ip: ip('203.0.113.1'), at: NOW - 9, until: null });
  host2.hear({ ...operator, by: 'import', ip: ip('203.0.113.2'), at: NOW + MANY });
  await resume(host2.parts);
  await host2.applier.idle();
  const placed = new Set(host2.state.withStatus('applied').map((row) => String(row.ip)));
  assert.equal(placed.size, MOST_IN_A_GO + 10);
  assert.ok(placed.has('203.0.113.1') && !placed.has('203.0.113.2'));
  assert.ok(placed.has(addressOf(MANY - 1)) && !placed.has(addressOf(0)));
  assert.deepEqual(host2.state.counts(), { applied: placed.size, skipped: MANY + 2 - placed.size });
});

test('A pause that comes while bans are passed on to other enforcers counts at once, and lifts once they are', async () => {
  using host2 = new Host();
  host2.enforcer.endAll();
  host2.hear({ ip: ip('203.0.113.1') });
  await host2.applier.idle();
  const changing = Promise.withResolvers<void>();
  host2.parts.handingOver = changing.promise;
  const paused = pause(host2.parts);
  host2.hear({ ip: ip('203.0.113.2') });
  await setImmediate();
  assert.notEqual(host2.state.pausedAt(), undefined);
  assert.deepEqual(host2.state.counts(), { applied: 1, skipped: 1 });
  changing.resolve();
  assert.equal(await paused, 1);
  await host2.applier.idle();
  assert.deepEqual(host2.state.counts(), { skipped: 2 });
});
