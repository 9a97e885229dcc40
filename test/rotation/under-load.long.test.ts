import { test } from 'node:test';
import assert from 'node:assert/strict';
import { publish } from '../../packages/server/test/reports.ts';
import { startFleet } from '../fleet/index.ts';
import { assertShutOut, assertTidy, hasBanned, isRotating, keyOf, knownNames, rotate } from './rotating.ts';

test('rotate under load: the daemon goes over by itself, nobody misses a ban, and no report is lost', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const good = await fleet.peer('good');
  const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
  let isOver = false;
  const published: string[] = [];
  const load = (async (): Promise<void> => {
    for (let n = 1; !isOver; n += 1) {
      const ip = `203.0.113.${(n % 250) + 1}`;
      await publish(good, ip, `jail${n}`);
      published.push(ip);
    }
  })();
  const reported: string[] = [];
  const reports = (async (): Promise<void> => {
    for (let n = 1; !isOver; n += 1) {
      const ip = `198.51.100.${n}`;
      const { code, stderr } = await fleet.report('h1', ['fail2ban', 'sshd', ip]);
      assert.deepEqual([code, stderr], [0, '']);
      reported.push(ip);
    }
  })();
  for (let round = 0; round < 3; round += 1) {
    const before = keyOf(fleet, 'h1');
    const { code, stdout, stderr } = await rotate(fleet, 'h1');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^h1 has a new key\. The server goes by it, and shuts the one before out\.\n$/);
    assert.notEqual(keyOf(fleet, 'h1').publicHex, before.publicHex);
    assertTidy(fleet, 'h1');
    await assertShutOut(fleet, before, 'h1');
  }
  isOver = true;
  await Promise.all([load, reports]);
  await hasBanned(h1, published);
  await hasBanned(h2, [...published, ...reported]);
  const { bans } = await fleet.server.json<{ bans: { ip: string; host: string }[] }>('bans', '--host', 'h1');
  assert.deepEqual(
    reported.filter((ip) => !bans.some((ban) => ban.ip === ip)),
    [],
  );
  assert.equal(h1.said.filter((line) => line.startsWith('banshare-client ready')).length, 1);
  assert.match((await h1.command('status')).stdout, /^h1 has received everything/);
  assert.deepEqual((await knownNames(fleet)).toSorted(), ['good', 'h1', 'h2']);
  assert.deepEqual(await isRotating(fleet), []);
});
