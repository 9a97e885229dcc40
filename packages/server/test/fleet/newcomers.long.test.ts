import { test } from 'node:test';
import assert from 'node:assert/strict';
import { makeIdentity } from '@banshare/transport';
import { Peer, startFleet } from '../../../../test/fleet/index.ts';
import { askAsNewcomers } from './newcomers.ts';

test('only 1000 hosts wait for an operator; who waits may ask again, and is let in', async () => {
  await using fleet = await startFleet({
    serverToml: '[enrolment]\nmode = "approve"\nper-minute = 1000000',
  });
  const waiting = new Peer(fleet.meeting, await makeIdentity());
  const verdict = async (): Promise<string> => {
    const answer = await waiting.enrol('waiting');
    return answer.ok ? answer.reply.verdict : answer.fault;
  };
  assert.equal(await verdict(), 'pending');
  const told = await askAsNewcomers(fleet, 1001);
  assert.equal(told.filter(({ status }) => status === 'OK').length, 999);
  assert.deepEqual(told.at(-1), { status: 'RETRY', code: 'enrolments', after: 60 });
  const status = (await fleet.server.asks('status')).stdout;
  assert.match(status, /^To do: Enrolment is LIMITED: 1000 hosts wait/);
  assert.ok(status.split('\n').length < 20, status);
  assert.equal(await verdict(), 'pending');
  assert.equal((await fleet.server.asks('hosts', 'approve', 'waiting')).code, 0);
  assert.deepEqual(
    (await askAsNewcomers(fleet, 2)).map(({ status }) => status),
    ['OK', 'RETRY'],
  );
  waiting.close();
});
