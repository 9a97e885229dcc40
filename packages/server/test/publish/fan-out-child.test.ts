import { test } from 'node:test';
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { mainOf, within } from '../../../../test/fleet/index.ts';
import { FanOutChild } from '../../src/publish/fan-out-child.ts';
import type { FromFanOut, ToFanOut } from '../../src/publish/fan-out-messages.ts';

test('a child that cannot even be started is gone at once, with the reason, so that another one is tried', async (t) => {
  const { execPath } = process;
  t.after(() => (process.execPath = execPath));
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

test('a child whose server goes in the moment in which it lets a host in ends as it is to, and not by what it cannot answer', async () => {
  const child = fork(mainOf('server'), ['--fan-out-child'], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const said = text(child.stderr ?? assert.fail('it has no stderr'));
  const [beat] = (await within(once(child, 'message'), 60_000, () => 'its first word')) as [FromFanOut];
  assert.equal(beat.word, 'beat');
  child.send({ word: 'admit', key: 'a key', ticket: 1 } satisfies ToFanOut);
  child.disconnect();
  const [code] = (await within(once(child, 'exit'), 20_000, () => 'its end')) as [number | null];
  assert.deepEqual([code, await said], [0, '']);
});
