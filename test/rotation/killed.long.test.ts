import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { startFleet, within } from '../fleet/index.ts';
import { assertShutOut, assertTidy, hasBanned, isRotating, keyIn, keyOf, rotate } from './rotating.ts';

/** Before it asks, after the answer, with the old key kept, with the new one in place, and before it speaks with it. */
for (const point of [1, 2, 3, 4, 5]) {
  test(`rotate that is killed at point ${point} without a daemon leaves a host that works, and the next try goes on`, async () => {
    await using fleet = await startFleet();
    await fleet.addReporter('h1');
    const killed = await rotate(fleet, 'h1', { BANSHARE_FAILPOINT: `rotating:${point}` });
    assert.equal(killed.code, null, killed.stderr);
    if (point % 2 === 0) await fleet.server.restart();
    assert.equal((await fleet.report('h1', ['fail2ban', 'sshd', '198.51.100.1'])).code, 0);
    const before = keyOf(fleet, 'h1');
    const { code, stderr } = await rotate(fleet, 'h1');
    assert.equal(code, 0, stderr);
    assert.notEqual(keyOf(fleet, 'h1').publicHex, before.publicHex);
    assertTidy(fleet, 'h1');
    assert.equal((await fleet.report('h1', ['fail2ban', 'sshd', '198.51.100.2'])).code, 0);
    await assertShutOut(fleet, before, 'h1');
    assert.deepEqual(await isRotating(fleet), []);
  });

  test(`a daemon that is killed at point ${point} of its rotation works when it starts again`, async () => {
    await using fleet = await startFleet({ hosts: ['h2'] });
    const h1 = fleet.layHost('h1');
    await h1.start({ env: { BANSHARE_FAILPOINT: `rotating:${point}` } });
    const before = keyOf(fleet, 'h1');
    assert.notEqual((await rotate(fleet, 'h1')).code, 0);
    await within(h1.ended, 20_000, () => 'the end of the client');
    assert.equal((await fleet.report('h2', ['fail2ban', 'sshd', '198.51.100.1'])).code, 0);
    assert.equal((await fleet.report('h1', ['fail2ban', 'sshd', '198.51.100.2'])).code, 0);
    await h1.start();
    await hasBanned(h1, ['198.51.100.1']);
    await hasBanned(fleet.host('h2'), ['198.51.100.2']);
    const { code, stderr } = await rotate(fleet, 'h1');
    assert.equal(code, 0, stderr);
    assertTidy(fleet, 'h1');
    await assertShutOut(fleet, before, 'h1');
    assert.equal((await fleet.report('h2', ['fail2ban', 'sshd', '198.51.100.3'])).code, 0);
    await hasBanned(h1, ['198.51.100.3']);
  });
}

test('a rotation that was killed with half of the new key in place is tidied up', async () => {
  await using fleet = await startFleet();
  await fleet.addReporter('h1');
  const { keys } = fleet.pathsOf('h1');
  await rotate(fleet, 'h1', { BANSHARE_FAILPOINT: 'rotating:4' });
  const own = keyIn(keys.host);
  // The secret half comes first, so this is what a crash right after it leaves.
  const publicHalf = readFileSync(`${keys.hostBefore}.key`);
  writeFileSync(`${keys.host}.key`, publicHalf);
  assert.equal((await fleet.report('h1', ['fail2ban', 'sshd', '198.51.100.1'])).code, 0);
  assert.equal((await rotate(fleet, 'h1')).code, 0);
  assert.equal(keyIn(keys.hostBefore).publicHex, own.publicHex);
  assertTidy(fleet, 'h1');
});
