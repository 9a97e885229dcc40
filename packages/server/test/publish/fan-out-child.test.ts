import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { within } from '../../../../test/fleet/index.ts';
import { FanOutChild } from '../../src/publish/fan-out-child.ts';

const { execPath } = process;
after(() => (process.execPath = execPath));

test('a child that cannot even be started is gone at once, with the reason, so that another one is tried', async () => {
  // Stands for a machine that is out of processes, where fork fails in the same way.
  process.execPath = '/nonexistent/node';
  const child = new FanOutChild({ path: 'main.ts', args: [] });
  const opened = child.open({
    endpoints: [],
    keys: [],
    position: { epoch: 'e', seq: 0, tail: '0' },
    now: 0,
    stale: false,
  });
  await within(assert.rejects(opened, /Cannot open the publish port: .*ENOENT/), 20_000, () => 'the reason');
  assert.match(await child.ended, /ENOENT/);
  await child.admit('a key');
});
