import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerAdmin, type AdminParts } from '../../src/admin/admin.ts';
import type { Paused } from '../../src/admin/actions.ts';
import { pause } from '../../src/decide/pause.ts';
import { MOST_IN_A_GO } from '../../src/host/in-parts.ts';
import { Host } from '../decide/recording-host.ts';
import { ip, NOW } from '../make.ts';

const BANS = 2500;

test('resume of thousands of bans answers 50 ms later at the most, with how many are back by then and that others follow', async (t) => {
  using host2 = new Host({}, MOST_IN_A_GO);
  host2.enforcer.endAll();
  host2.hear(
    ...Array.from({ length: BANS }, (_, n) => ({ ip: ip(`45.77.${n >> 8}.${n & 255}`), at: NOW + n })),
  );
  await host2.applier.idle();
  await pause(host2.parts);
  await host2.applier.idle();
  assert.deepEqual(host2.state.counts(), { skipped: BANS });
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const asked = { state: host2.state, parts: host2.parts } as AdminParts;
  const answering = answerAdmin({ command: 'resume', args: {} }, asked);
  t.mock.timers.tick(50);
  const turn = new Promise<undefined>((resolve) => setImmediate(resolve, undefined));
  const answer = await Promise.race([answering, turn]);
  assert.ok(answer?.ok, 'resume was refused, or has not answered yet');
  const { bans, left } = answer.result as Paused;
  assert.equal(bans, BANS);
  assert.ok(left > 0 && left < BANS, `${left} follow`);
  while (host2.state.keptByPause.count > 0) await new Promise((resolve) => setImmediate(resolve));
  await host2.applier.idle();
  assert.deepEqual(host2.state.counts(), { applied: BANS });
});
