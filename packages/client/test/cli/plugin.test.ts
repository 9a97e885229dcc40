import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientPlugin } from '../../src/cli/plugin.ts';
import type { ClientStatus } from '../../src/admin/status.ts';

const WELL = {
  name: 'h1',
  pausedAt: null,
  phase: 'in-step',
  trouble: '',
  server: 'a.example.org',
  serverIsStale: false,
  position: 7,
  heardSecondsAgo: 1,
  lacking: 0,
  unlifted: [],
  unproven: [],
  unprotected: [],
  spool: { waiting: 0, oldestSeconds: 0, dead: 0 },
  receipt: { wanted: 3, placed: 3, failed: 0 },
} as unknown as ClientStatus;

function stateOf(other: Partial<ClientStatus>, ok = true): string {
  return clientPlugin({ ok: true, result: { ...WELL, ...other } }, [{ ok, says: 'something' }]).state;
}

test('a host where somebody may be locked out, or that is refused, is critical, and all else a warning', () => {
  assert.equal(stateOf({}), 'ok');
  assert.equal(stateOf({ unlifted: ['a ban stands'] }), 'critical');
  assert.equal(stateOf({ phase: 'refused' }), 'critical');
  for (const other of [
    { phase: 'connecting' },
    { pausedAt: 5 },
    { lacking: 1 },
    { serverIsStale: true },
    { unprotected: ['x'] },
  ] as const)
    assert.equal(stateOf(other as Partial<ClientStatus>), 'warning', JSON.stringify(other));
  assert.equal(stateOf({}, false), 'warning');
});

test('the line of a host that is well says so, with its figures', () => {
  const { line } = clientPlugin({ ok: true, result: WELL }, []);
  assert.equal(
    line,
    'BANSHARE OK - h1 has received everything up to event 7 of a.example.org, 3 of 3 bans are in place | bans_wanted=3 bans_in_place=3 bans_failed=0 spool=0 spool_oldest=0s last_contact=1s',
  );
});
