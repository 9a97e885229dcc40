import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Target } from '@banshare/protocol';
import { ProtectionWatch } from '../src/protect-lift.ts';
import { Rulebook, type Protected } from '../src/protect-rulebook.ts';
import { ip, range } from './make.ts';
import { Host } from './taking-host.ts';

/** A host whose list of protected addresses a test changes. */
class Guarded extends Host {
  readonly entries: Protected[] = [];
  readonly watch: ProtectionWatch;

  constructor() {
    super({ ruleFor: (of) => new Rulebook(this.entries).ruleFor(of) });
    const all = (): Protected[] => [...this.entries];
    const log = { notice: () => undefined, warning: () => undefined };
    this.watch = new ProtectionWatch({ refresh: () => Promise.resolve(), all }, this.parts, log);
  }

  protect(what: Target): void {
    this.entries.push({ what, rule: 'an authenticated SSH session' });
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
    host.state.all().map((row) => `${row.ip} ${row.status} ${row.reason}`.trim()),
    [
      '203.0.113.0/24 skipped never-ban: an authenticated SSH session',
      '203.0.0.0/16 skipped never-ban: an authenticated SSH session',
      '198.51.100.0/24 applied',
      '203.0.113.9 applied',
    ],
  );
  assert.deepEqual(await host.lifted(), []);
});

test('A list of ranges lifts what it overlaps, wider or narrower', async () => {
  using host = new Guarded();
  await host.bans(range('203.0.113.0/28'), range('203.0.0.0/16'), ip('203.0.113.9'), ip('198.51.100.9'));
  host.protect(range('203.0.113.0/24'));
  assert.deepEqual(await host.lifted(), ['203.0.113.0/28', '203.0.0.0/16', '203.0.113.9']);
});

test('A ban of a range within which somebody is logged in is never put in place', async () => {
  using host = new Guarded();
  host.protect(ip('2001:db8:0:9::7'));
  await host.watch.look();
  host.hear({ ip: range('2001:db8:0:9::/64') });
  assert.deepEqual(host.skipped, ['never-ban: an authenticated SSH session']);
  assert.equal(host.enforcer.begun.length, 0);
});
