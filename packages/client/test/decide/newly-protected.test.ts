import { sayReason, type Reason } from '../../src/bans/reason.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Target } from '@banshare/protocol';
import type { LogFields } from '@banshare/runtime';
import { ProtectionWatch } from '../../src/decide/newly-protected.ts';
import { MOST_IN_A_GO } from '../../src/host/in-parts.ts';
import { Rulebook, type Protected } from '../../src/protection/rulebook.ts';
import { ip, range, protectedBy } from '../make.ts';
import { Host } from './recording-host.ts';

/** As the protection tells which kind of rule it is. */
function codeOf(rule: string | undefined): Reason | undefined {
  if (rule?.endsWith('in client.toml') === true) return { code: 'listed', text: rule };
  return rule?.includes('ignoreip') === true ? { code: 'ignored', text: rule } : protectedBy(rule);
}

/** A host whose list of protected addresses a test changes. */
class Guarded extends Host {
  readonly entries: Protected[] = [];
  /** By which rule a line of the log says that a ban is lifted. */
  readonly logged: unknown[] = [];
  seconds = 0;
  knowsIgnoreIp = true;
  readonly watch: ProtectionWatch;

  constructor(mostAtOnce = 1) {
    super({ ruleFor: (of) => codeOf(new Rulebook(this.entries).ruleFor(of)) }, mostAtOnce);
    const all = (): Protected[] => [...this.entries];
    const log = {
      notice: (_: string, fields: LogFields = {}) => void this.logged.push(fields['rule']),
      warning: () => undefined,
    };
    const refresh = (): Promise<void> => Promise.resolve();
    const knowsIgnoreIp = (): boolean => this.knowsIgnoreIp;
    this.watch = new ProtectionWatch({ refresh, all, knowsIgnoreIp }, this.parts, log, () => this.seconds);
  }

  protect(what: Target, rule = 'an authenticated SSH session'): void {
    this.entries.push({ what, rule });
  }

  /** Ends every protection. */
  unprotect(): void {
    this.entries.splice(0);
  }

  /** What becomes of the one ban of this host with the next look, so many seconds later. */
  async after(seconds: number): Promise<string> {
    this.seconds += seconds;
    await this.watch.look();
    const waiting = this.state.withStatus('pending');
    for (const _ of waiting) (await this.enforcer.next()).done();
    await this.applier.idle();
    return this.state
      .all()
      .map((row) => row.status)
      .join();
  }

  async bans(...targets: Target[]): Promise<void> {
    this.hear(...targets.map((of) => ({ ip: of })));
    for (const _ of targets) await this.run('ban fail2ban/sshd');
    await this.applier.idle();
  }

  /** What the next look lifts. */
  async lifted(): Promise<string[]> {
    await this.watch.look();
    const waiting = this.state.withStatus('lifting').map((row) => String(row.ip));
    for (const _ of waiting) (await this.enforcer.next()).done();
    await this.applier.idle();
    return waiting;
  }
}

test('Who logs in from within a banned range gets that range lifted, and it is kept back with its rule', async () => {
  using host = new Guarded();
  await host.bans(
    range('203.0.113.0/24'),
    range('203.0.0.0/16'),
    range('198.51.100.0/24'),
    ip('203.0.113.9'),
  );
  assert.deepEqual(await host.lifted(), []);
  host.protect(ip('203.0.113.7'));
  assert.deepEqual(await host.lifted(), ['203.0.113.0/24', '203.0.0.0/16']);
  assert.deepEqual(
    host.state.all().map((row) => `${row.ip} ${row.status} ${sayReason(row.reason)}`.trim()),
    [
      '203.0.113.0/24 skipped never-ban: an authenticated SSH session',
      '203.0.0.0/16 skipped never-ban: an authenticated SSH session',
      '198.51.100.0/24 applied',
      '203.0.113.9 applied',
    ],
  );
  assert.deepEqual(await host.lifted(), []);
});

test('The log says in words by which rule a ban is lifted', async () => {
  using host = new Guarded();
  await host.bans(ip('203.0.113.9'));
  host.protect(ip('203.0.113.9'));
  await host.lifted();
  assert.deepEqual(host.logged, ['an authenticated SSH session']);
});

test('A list of ranges lifts what it overlaps, wider or narrower', async () => {
  using host = new Guarded();
  await host.bans(range('203.0.113.0/28'), range('203.0.0.0/16'), ip('203.0.113.9'), ip('198.51.100.9'));
  host.protect(range('203.0.113.0/24'));
  assert.deepEqual(await host.lifted(), ['203.0.113.0/28', '203.0.0.0/16', '203.0.113.9']);
});

test('A list of IPv6 ranges of /32 lifts the addresses in it', async () => {
  using host = new Guarded();
  await host.bans(ip('2001:db8::9'), range('2001:db8:7::/48'), ip('203.0.113.9'));
  assert.deepEqual(await host.lifted(), []);
  host.protect(range('2001:db8::/32'), "2001:db8::/32 of fail2ban's ignoreip in jail sshd");
  assert.deepEqual(await host.lifted(), ['2001:db8::9', '2001:db8:7::/48']);
});

test('A ban of a range within which somebody is logged in is never put in place', async () => {
  using host = new Guarded();
  host.protect(ip('2001:db8:0:9::7'));
  await host.watch.look();
  host.hear({ ip: range('2001:db8:0:9::/64') });
  assert.deepEqual(host.skipped, ['never-ban: an authenticated SSH session']);
  assert.equal(host.enforcer.begun.length, 0);
});

test('A ban that was skipped for an SSH session is applied once there was none for ten minutes', async () => {
  using host = new Guarded();
  host.protect(ip('203.0.113.9'));
  assert.equal(await host.after(0), '');
  host.hear({ ip: ip('203.0.113.9') });
  assert.equal(await host.after(3600), 'skipped');
  host.unprotect();
  assert.equal(await host.after(1), 'skipped');
  assert.equal(await host.after(598), 'skipped');
  // Logs in again: the ten minutes begin anew.
  host.protect(ip('203.0.113.9'));
  assert.equal(await host.after(10), 'skipped');
  host.unprotect();
  assert.equal(await host.after(1), 'skipped');
  assert.equal(await host.after(599), 'skipped');
  assert.equal(await host.after(1), 'applied');
});

test('What was lifted for a session is banned again when that is long over, unless the ban is over too', async () => {
  using host = new Guarded();
  await host.bans(ip('203.0.113.9'));
  host.protect(ip('203.0.113.9'));
  assert.deepEqual(await host.lifted(), ['203.0.113.9']);
  host.unprotect();
  assert.equal(await host.after(1), 'skipped');
  assert.equal(await host.after(600), 'applied');
  host.protect(ip('203.0.113.9'));
  assert.deepEqual(await host.lifted(), ['203.0.113.9']);
  host.unprotect();
  assert.equal(await host.after(1), 'skipped');
  host.now += 1_000_000;
  assert.equal(await host.after(600), 'skipped');
});

for (const rule of [
  '203.0.113.9/32 of [never-ban] in client.toml',
  "203.0.113.9/32 of fail2ban's ignoreip in jail sshd",
])
  test(`A ban that was skipped for ${rule} is applied at once when that is listed no more`, async () => {
    using host = new Guarded();
    host.protect(ip('203.0.113.9'), rule);
    host.hear({ ip: ip('203.0.113.9') });
    assert.equal(await host.after(1), 'skipped');
    host.unprotect();
    assert.equal(await host.after(1), 'applied');
  });

test('A ban whose rule ends while it is still being lifted is put in place again', async () => {
  using host = new Guarded();
  await host.bans(ip('203.0.113.9'));
  host.protect(ip('203.0.113.9'), '203.0.113.9/32 of [never-ban] in client.toml');
  await host.watch.look();
  host.unprotect();
  await host.watch.look();
  await host.run('unban fail2ban/sshd');
  await host.run('ban fail2ban/sshd');
  assert.deepEqual(await host.rest(), ['fail2ban/sshd applied ours']);
});

test("A ban that was skipped for fail2ban's ignoreip waits until fail2ban has said what it ignores", async () => {
  using host = new Guarded();
  host.protect(ip('203.0.113.9'), "203.0.113.9 of fail2ban's ignoreip in jail sshd");
  host.hear({ ip: ip('203.0.113.9') });
  host.unprotect();
  host.knowsIgnoreIp = false;
  assert.equal(await host.after(1), 'skipped');
  assert.equal(await host.after(10_000), 'skipped');
  host.knowsIgnoreIp = true;
  assert.equal(await host.after(1), 'applied');
});

test('A ban whose rule ended while this host is paused stays away until resume', async () => {
  using host = new Guarded();
  host.protect(ip('203.0.113.9'), '203.0.113.9/32 of [never-ban] in client.toml');
  host.hear({ ip: ip('203.0.113.9') });
  host.parts.choice.isPaused = true;
  host.unprotect();
  assert.equal(await host.after(1), 'skipped');
  assert.deepEqual(
    host.state.all().map(({ reason }) => sayReason(reason)),
    ['paused'],
  );
});

test('Where a whole list becomes protected, or is so no more, timers and commands have their turn after each part, and who logs in meanwhile does not wait', async () => {
  const many = 3 * MOST_IN_A_GO;
  using host = new Guarded(MOST_IN_A_GO);
  host.enforcer.endAll();
  host.hear(...Array.from({ length: many }, (_, n) => ({ ip: ip(`45.77.${n >> 8}.${n & 255}`) })));
  host.hear({ ip: ip('203.0.113.9') });
  await host.watch.look();
  await host.applier.idle();
  const skipped = (): number => host.state.counts()['skipped'] ?? 0;
  const placed = (): number => many - skipped();
  host.protect(range('45.77.0.0/16'), '45.77.0.0/16 of [never-ban] in client.toml');
  for (const done of [skipped, placed]) {
    let isDone = false;
    const looking = host.watch.look().then(() => (isDone = true));
    let [before, turns] = [0, 0];
    while (!isDone) {
      await setImmediate();
      if (turns++ === 1 && done === skipped) {
        host.protect(ip('203.0.113.9'));
        await host.watch.look();
        assert.notEqual(host.state.of('203.0.113.9')[0]?.status, 'applied');
        assert.ok(skipped() < many);
      }
      assert.ok(done() - before <= MOST_IN_A_GO + 1, `${done() - before} between two turns of the loop`);
      before = done();
    }
    await looking;
    await host.applier.idle();
    assert.equal(skipped(), done === skipped ? many + 1 : 1);
    host.entries.splice(0, 1);
  }
  assert.deepEqual(host.state.counts(), { applied: many, skipped: 1 });
});
