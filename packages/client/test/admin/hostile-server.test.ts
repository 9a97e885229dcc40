import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { LARGEST_SEQ, LATEST_SECONDS, parsePublication, parseReply } from '@banshare/protocol';
import { hostPaths, oddIn } from '@banshare/runtime';
import { ACTIONS } from '../../src/admin/actions.ts';
import { answerAdmin } from '../../src/admin/admin.ts';
import { Tally } from '../../src/metrics/tally.ts';
import { Progress } from '../../src/follow/progress.ts';
import { recordNews } from '../../src/decide/record-news.ts';
import { Host } from '../decide/recording-host.ts';
import { NOW, folder } from '../make.ts';

const scratch = folder();
const victim = new Host();
const progress = new Progress();
after(() => {
  victim[Symbol.dispose]();
  scratch[Symbol.dispose]();
});

/** What the client's own commands make of what its daemon answers them: nothing odd. */
async function assertTold(): Promise<void> {
  const parts = {
    enforcer: victim.enforcer,
    servers: { current: 'bans.example.org', others: ['b.example.org'] },
    paths: hostPaths(scratch.path),
    state: victim.state,
    progress,
    applier: victim.applier,
    parts: victim.parts,
    receipt: () => ({ ...victim.state.receipt(), enforcer: 'held' }),
    dropped: { dropped: () => ({ unknown: 'nothing counts here' }) },
    tally: new Tally(),
    startedAt: 0,
    protection: { unknown: () => [] },
    rotate: () => Promise.reject(new Error('nobody asked')),
    joined: () => ({ ok: true as const, result: { startsAgain: false } }),
    reloader: { reload: () => Promise.reject(new Error('nobody asked')), needsRestart: [] },
  };
  for (const command of ['status', 'bans'] as const) {
    const answer = await answerAdmin({ command, args: {} }, parts);
    assert.ok(answer.ok);
    assert.equal(oddIn(ACTIONS[command].gives, answer.result), undefined);
  }
}

const edge = fc.constantFrom(LARGEST_SEQ, LATEST_SECONDS, 8.64e12, Number.MAX_SAFE_INTEGER, 1e308);
const number = fc.oneof(
  fc.tuple(edge, fc.integer({ min: -1, max: 1 })).map(([at, by]) => at + by),
  fc.double({ min: -1, noNaN: true }),
  fc.maxSafeNat(),
);

test('whatever numbers a server publishes or answers, the client’s own status and bans can be shown', async () => {
  victim.enforcer.endAll();
  const position = { v: 1, epoch: 'e1', tail: '0123456789abcdef' };
  const ban = { ...position, kind: 'ban', ip: '203.0.113.9', prog: 'fail2ban', jail: 'sshd', host: 'h1' };
  const good = { seq: 1, at: NOW, until: NOW + 60, now: NOW, head: 1 };
  const one = fc.record({ seq: number, at: number, until: number, now: number, head: number });
  const numbers = fc.tuple(fc.constantFrom('seq', 'at', 'until', 'now', 'head', 'all'), one);
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(numbers, async ([which, odd]) => {
      const said = which === 'all' ? odd : { ...good, [which]: odd[which] };
      const event = parsePublication('x', JSON.stringify({ ...ban, ...said }));
      const beat = parsePublication('heartbeat', JSON.stringify({ ...position, ...said }));
      const reply = parseReply('OK', JSON.stringify({ v: 1, id: '', verdict: 'accepted', ...said }));
      if (event.ok && event.value.kind === 'events') {
        const [first] = event.value.events;
        assert.ok(first);
        const { epoch, seq, tail } = first;
        await recordNews({ ...event.value, position: { epoch, seq, tail } }, victim.parts);
        await victim.applier.idle();
        taken += 1;
      }
      if (beat.ok && beat.value.kind === 'heartbeat') victim.now = beat.value.heartbeat.now;
      if (reply.ok) progress.clockAhead = NOW - reply.value.now;
      await assertTold();
    }),
    { numRuns: 500 },
  );
  assert.ok(taken > 20, `${taken} were taken`);
});
