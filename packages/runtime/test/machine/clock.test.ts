import assert from 'node:assert/strict';
import { test } from 'node:test';
import { monotonicSeconds, wallSeconds } from '@banshare/runtime';

test('wallSeconds() are epoch seconds', () => {
  assert.ok(wallSeconds() > 1_700_000_000 && wallSeconds() < 5_000_000_000);
});

test('monotonicSeconds() never go back', () => {
  const first = monotonicSeconds();
  assert.ok(monotonicSeconds() >= first);
});
