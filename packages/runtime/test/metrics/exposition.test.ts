import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exposed, type Family } from '../../src/metrics/exposition.ts';
import { Histogram } from '../../src/metrics/histogram.ts';

const FAMILIES: Family[] = [
  {
    name: 'b_build_info',
    help: 'A "build".',
    type: 'info',
    samples: [{ labels: { version: '1' }, value: 1 }],
  },
  {
    name: 'b_reports_total',
    help: 'One \\ line\nonly.',
    type: 'counter',
    samples: [{ labels: { prog: 'a"b\\c\nd\ud800', verdict: 'held' }, value: 3 }],
  },
  { name: 'b_unknown', help: 'Nobody knows.', type: 'gauge', samples: [] },
];

test('the text format 0.0.4 has HELP, TYPE and escaped labels, and calls an info a gauge', () => {
  assert.equal(
    exposed(FAMILIES, 'text'),
    [
      '# HELP b_build_info A "build".',
      '# TYPE b_build_info gauge',
      'b_build_info{version="1"} 1',
      '# HELP b_reports_total One \\\\ line\\nonly.',
      '# TYPE b_reports_total counter',
      'b_reports_total{prog="a\\"b\\\\c\\nd\ufffd",verdict="held"} 3',
      '',
    ].join('\n'),
  );
});

test('OpenMetrics calls families by their bare names, knows an info, and ends with EOF', () => {
  assert.equal(
    exposed(FAMILIES, 'openmetrics'),
    [
      '# HELP b_build A \\"build\\".',
      '# TYPE b_build info',
      'b_build_info{version="1"} 1',
      '# HELP b_reports One \\\\ line\\nonly.',
      '# TYPE b_reports counter',
      'b_reports_total{prog="a\\"b\\\\c\\nd\ufffd",verdict="held"} 3',
      '# EOF',
      '',
    ].join('\n'),
  );
});

test('a histogram counts what is at most each bound, and all together at last', () => {
  const histogram = new Histogram([0.5, 2]);
  for (const value of [0.5, 0.6, 2, 9]) histogram.observe(value);
  const distributions = [{ distribution: histogram.distribution }];
  const text = exposed([{ name: 's', help: 'S.', type: 'histogram', distributions }], 'text');
  assert.deepEqual(text.trim().split('\n').slice(2), [
    's_bucket{le="0.5"} 1',
    's_bucket{le="2.0"} 3',
    's_bucket{le="+Inf"} 4',
    's_sum 12.1',
    's_count 4',
  ]);
});
