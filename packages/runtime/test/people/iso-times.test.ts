import { test } from 'node:test';
import assert from 'node:assert/strict';
import { withIsoTimes } from '../../src/people/iso-times.ts';

test('each moment has its ISO time beside it, however deep; spans, texts and for ever stay as they are', () => {
  const bans = [{ ip: '203.0.113.9', at: 1795257600.5, until: null, reason: 'at 5' }];
  assert.deepEqual(withIsoTimes({ now: 1795257600, lag: 5, since: 30, bans }), {
    now: 1795257600,
    nowIso: '2026-11-21T10:40:00.000Z',
    lag: 5,
    since: 30,
    bans: [
      { ip: '203.0.113.9', at: 1795257600.5, atIso: '2026-11-21T10:40:00.500Z', until: null, reason: 'at 5' },
    ],
  });
});
