import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metricsAddress, metricsWarning } from '../../src/config/kinds/metrics-kinds.ts';

test('metrics listen at an address that is written out, and whoever opens them to others is warned', () => {
  const cases: readonly [unknown, boolean | 'warns'][] = [
    ['127.0.0.1:9188', true],
    ['[::1]:9188', true],
    ['127.9.9.9:0', true],
    ['0.0.0.0:9188', 'warns'],
    ['[::]:9188', 'warns'],
    ['192.0.2.1:9188', 'warns'],
    [':9188', false],
    ['*:9188', false],
    ['9188', false],
    [9188, false],
    ['localhost:9188', false],
    ['127.0.0.1', false],
    ['127.0.0.1:65536', false],
    ['::1:9188', false],
    ['unix:/run/metrics', false],
    ['127.0.0.1:9188/metrics', false],
  ];
  for (const [written, expected] of cases) {
    const read = metricsAddress(written);
    assert.equal(read.ok, expected !== false, String(written));
    if (!read.ok) assert.match(read.fault, /as "127\.0\.0\.1:9188"/);
    else assert.equal(metricsWarning(read.value) !== undefined, expected === 'warns', String(written));
  }
});
