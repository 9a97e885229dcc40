import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { clientFamilies } from '../../src/metrics/families.ts';
import type { ClientMeasures } from '../../src/metrics/measures.ts';

const ALL: ClientMeasures = {
  program: { version: '1', startedAt: 1, residentBytes: 1, cpuSeconds: 1 },
  isInStep: true,
  isPaused: false,
  isServerStale: false,
  server: 'a.example.org',
  lastContact: 1,
  clockAheadSeconds: 0,
  position: 1,
  wanted: 1,
  inPlace: 1,
  failed: 0,
  full: 0,
  unproven: 0,
  unlifted: 0,
  lacking: 0,
  unprotected: 0,
  comparedSecondsAgo: 1,
  spool: { waiting: 0, oldestSeconds: 0, dead: 0 },
  outcomes: [{ outcome: 'applied', count: 1 }],
  lifts: 0,
  dropped: { ipv4: 1, ipv6: 0 },
  appliedSeconds: { count: 0, sum: 0, buckets: [] },
};

/** The names of the families that have a series. */
function namesOf(measures: ClientMeasures | undefined): string[] {
  return clientFamilies(measures).flatMap((family) => {
    const series = family.type === 'histogram' ? family.distributions : family.samples;
    return series.length === 0 ? [] : [family.name];
  });
}

test('every metric of a client is in its README, each once', () => {
  const names = namesOf(ALL);
  assert.equal(new Set(names).size, names.length);
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, section = ''] = /\n## Metrics\n([^]*?)\n## /.exec(readme) ?? [];
  const told = new Set(section.match(/\bbanshare_[a-z0-9_]+/g));
  assert.deepEqual([...told].toSorted(), names.toSorted());
});

test('what a client does not know has no series, and of one that does not run there is only that', () => {
  const measures = { ...ALL, lastContact: null, position: null, comparedSecondsAgo: null, dropped: null };
  const unknown = namesOf(ALL).filter((name) => !namesOf(measures).includes(name));
  assert.deepEqual(unknown.toSorted(), [
    'banshare_client_compared_seconds_ago',
    'banshare_client_dropped_packets_total',
    'banshare_client_last_contact_timestamp_seconds',
    'banshare_client_position_seq',
  ]);
  assert.deepEqual(namesOf(undefined), ['banshare_up']);
});
