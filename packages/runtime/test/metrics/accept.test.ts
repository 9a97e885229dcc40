import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formFor } from '../../src/metrics/accept.ts';

const CASES: readonly [string | undefined, 'text' | 'openmetrics'][] = [
  [undefined, 'text'],
  ['*/*', 'text'],
  ['text/html,application/xhtml+xml,*/*;q=0.8', 'text'],
  // Prometheus 2.42, and 3.
  [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'openmetrics',
  ],
  ['application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5', 'text'],
  ['application/openmetrics-text;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.5', 'text'],
  ['application/openmetrics-text; version=1.0.0; charset=utf-8; q=0', 'text'],
  ['APPLICATION/OpenMetrics-Text', 'openmetrics'],
  ['application/openmetrics-text;q=9', 'text'],
  [',;,=;q', 'text'],
];

test('a scraper gets the form that it prefers, and the text format where it does not say', () => {
  for (const [accept, form] of CASES) assert.equal(formFor(accept), form, accept);
});
