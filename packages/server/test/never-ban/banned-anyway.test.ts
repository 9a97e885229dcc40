import { test } from 'node:test';
import assert from 'node:assert/strict';
import { startFleet } from '../../../../test/fleet/index.ts';
import type { Status } from '../../src/operator/status.ts';

test('a ban of what server.toml lists as never banned since is urgent, and gone with the ban', async () => {
  await using fleet = await startFleet();
  for (const ip of ['203.0.113.9', '198.51.100.9', '198.51.100.0/28'])
    assert.equal((await fleet.server.asks('ban', ip)).code, 0);
  const found = async (): Promise<string[]> =>
    (await fleet.server.json<Status>('status')).urgent.map(({ text }) => text);
  assert.deepEqual(await found(), []);
  await fleet.server.restart('[never-ban]\naddresses = ["203.0.113.0/24", "198.51.100.3"]');
  const rule = 'although it is never to be';
  assert.deepEqual((await found()).toSorted(), [
    `198.51.100.0/28 is banned, ${rule}: 198.51.100.3/32 of [never-ban] in server.toml; banshare-server unban 198.51.100.0/28`,
    `203.0.113.9 is banned, ${rule}: 203.0.113.0/24 of [never-ban] in server.toml; banshare-server unban 203.0.113.9`,
  ]);
  assert.equal((await fleet.server.asks('status', '--urgent')).code, 1);
  for (const ip of ['203.0.113.9', '198.51.100.0/28'])
    assert.equal((await fleet.server.asks('unban', ip)).code, 0);
  assert.deepEqual(await found(), []);
});
