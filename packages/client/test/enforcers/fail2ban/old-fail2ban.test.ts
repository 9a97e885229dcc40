import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { changeOf } from '../../../src/bans/ban-row.ts';
import { isFrom } from '../../../src/fail2ban/requests.ts';
import { Fail2banEnforcer } from '../../../src/enforcers/fail2ban/enforcer.ts';
import { withLocalBans } from '../../../src/host-enforcer/local-bans.ts';
import { Notes } from '../../../src/host/echo-notes.ts';
import { ip, jail, NOW, rowOf } from '../../make.ts';
import { OldFail2ban } from '../../fail2ban/old-fail2ban.ts';
import { noFail2ban, RealFail2ban } from '../../fail2ban/real-fail2ban.ts';
import type { Change, Effect } from '../../../src/bans/change.ts';

const skip = noFail2ban;

function enforcerOf(path: string, socket: string): Fail2banEnforcer {
  let kept: string | undefined;
  return new Fail2banEnforcer({
    socket,
    missingJail: jail('banshare'),
    timeoutMs: 20_000,
    notes: new Notes(join(path, 'notes')),
    nowMs: () => performance.now(),
    memory: { recall: () => kept, remember: (text) => (kept = text) },
  });
}

const change = (kind: Change['kind'], address: string): Change => ({
  ...changeOf(rowOf({ ip: ip(address) }), 'ban', NOW),
  kind,
});
const outcomes = (effects: readonly Effect[]): string[] => effects.map(({ outcome }) => outcome);

for (const version of ['0.11.1', '0.11.2'] as const) {
  test(
    `fail2ban ${version}: bans and lifts over its socket, and tells of each address what came of it`,
    { skip },
    async () => {
      await using real = new RealFail2ban();
      await real.start();
      await using old = await OldFail2ban.in(real, version);
      const enforcer = enforcerOf(real.path, old.socket);
      assert.equal(await enforcer.isThere(), true);
      assert.deepEqual(await enforcer.check(), []);
      real.client('set', 'sshd', 'banip', '203.0.113.2');
      const wanted = ['203.0.113.1', '203.0.113.2', '2001:db8::3'];
      const banned = await enforcer.carryOut(wanted.map((each) => change('ban', each)));
      assert.deepEqual(outcomes(banned), ['applied', 'already', 'applied']);
      const lifted = await enforcer.carryOut(
        ['203.0.113.1', '203.0.113.9'].map((each) => change('unban', each)),
      );
      assert.deepEqual(outcomes(lifted), ['applied', 'released']);
      assert.deepEqual(real.banned('sshd'), ['2001:db8::3', '203.0.113.2']);
      assert.deepEqual(old.refused, [], 'what it does not know is not asked');
    },
  );

  test(`fail2ban ${version}: lost rules and a lost database are seen`, { skip }, async () => {
    await using real = new RealFail2ban(['sshd', 'banshare'], 'rules');
    await real.start();
    await using old = await OldFail2ban.in(real, version);
    const enforcer = enforcerOf(real.path, old.socket);
    await enforcer.list([jail('sshd')]);
    await enforcer.carryOut([change('ban', '203.0.113.1')]);
    assert.equal(await enforcer.isRepaired(jail('sshd'), ip('203.0.113.1')), false);

    rmSync(real.rules);
    assert.equal(await enforcer.isRepaired(jail('sshd'), ip('203.0.113.1')), true);
    await real.end();
    rmSync(join(real.path, 'f2b.sqlite3'));
    await real.start();
    assert.equal(await enforcer.isIntact(), false);
    const listing = await enforcer.list([jail('sshd')]);
    assert.ok(listing.ok);
    assert.deepEqual([listing.isAnew('sshd'), listing.held.get('sshd')?.size], [true, 0]);
  });

  test(`fail2ban ${version}: an operator’s unban that was done is no failure`, { skip }, async () => {
    await using real = new RealFail2ban();
    await real.start();
    await using old = await OldFail2ban.in(real, version);
    real.client('set', 'sshd', 'banip', '203.0.113.80');
    const nothing = async (changes: readonly Change[]): Promise<Effect[]> =>
      changes.map(({ localJail }) => ({ outcome: 'released', localJail }));
    const whole = withLocalBans(
      {
        kind: 'test',
        mostAtOnce: 1,
        isSerial: true,
        reach: 'jail',
        takesRanges: false,
        carryOut: nothing,
        check: async () => [],
      },
      {
        fail2banSocket: old.socket,
        timeoutMs: 20_000,
        logFile: undefined,
        psad: { blocks: () => false, carryOut: nothing, start: () => undefined },
        isPsadAsked: () => false,
      },
    );
    const [effect] = await whole.carryOut([{ ...change('unban', '203.0.113.80'), forced: 'jail' }]);
    assert.deepEqual(effect, { outcome: 'applied', localJail: 'sshd' });
    assert.deepEqual(real.banned('sshd'), []);
    assert.deepEqual(old.refused, []);
  });
}

test('isFrom() compares versions by their numbers', () => {
  const least = [0, 11, 2];
  for (const version of ['0.11.2', '0.11.10', '0.12', '1.0.2', '1.1.1.dev1'])
    assert.ok(isFrom(version, least), version);
  for (const version of ['0.11.1', '0.11', '0.9.7', '', 'x']) assert.ok(!isFrom(version, least), version);
});
