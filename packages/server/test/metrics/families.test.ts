import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { serverFamilies } from '../../src/metrics/families.ts';
import type { HostMeasures, Measures } from '../../src/metrics/measures.ts';
import { worstFirst } from '../../src/operator/metrics.ts';

const SEEN = { count: 1, sum: 1, buckets: [{ most: 1, count: 1 }] };
const HOST: HostMeasures = {
  host: 'h1',
  version: '1',
  node: '24.0.0',
  generation: 'g',
  server: 'a',
  lagEvents: 0,
  wanted: 1,
  inPlace: 1,
  lastContact: 1,
  clockAhead: 0,
  isPaused: false,
  isMuted: false,
  spool: 0,
  dropped: { ipv4: 1, ipv6: 0 },
};
const ALL: Measures = {
  program: { version: '1', startedAt: 1, residentBytes: 1, cpuSeconds: 1 },
  isCommitting: true,
  isPublishing: true,
  isStale: false,
  isFrozen: false,
  shared: { isConnected: true, behindEntries: 0 },
  bansActive: { ipv4: 1, ipv6: 1 },
  head: 1,
  held: 0,
  pendingHosts: 0,
  ledgerBytes: 1,
  hosts: { active: 1, behind: 0, outOfPlace: 0, muted: 0 },
  attention: [{ level: 'urgent', kind: 'frozen', count: 0 }],
  reports: [{ prog: 'p', verdict: 'accepted', count: 1 }],
  progsLeftOut: 0,
  reportSeconds: SEEN,
  appliedSeconds: SEEN,
  events: { ban: 1, unban: 1 },
  backupAt: 2,
  drill: { at: 1, limitSeconds: 2, hosts: [{ host: 'h1', seconds: 1, isDrilled: true }] },
  eachHost: [HOST],
  hostsLeftOut: 0,
};

/** The names of the families that have a series. */
function namesOf(measures: Measures | undefined): string[] {
  return serverFamilies(measures).flatMap((family) => {
    const series = family.type === 'histogram' ? family.distributions : family.samples;
    return series.length === 0 ? [] : [family.name];
  });
}

test('every metric of a server is in its README, each once', () => {
  const names = namesOf(ALL);
  assert.equal(new Set(names).size, names.length);
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, section = ''] = /\n## Metrics and alarms\n([^]*?)\n## /.exec(readme) ?? [];
  const told = new Set(section.match(/\bbanshare_[a-z0-9_]+/g));
  assert.deepEqual([...told].toSorted(), names.toSorted());
});

test('what a server does not know has no series, and of one that does not run there is only that', () => {
  const nothing = { version: null, generation: null, server: null, wanted: null, inPlace: null };
  const host = { ...HOST, ...nothing, lastContact: null, clockAhead: null, isPaused: null, spool: null };
  const measures: Measures = {
    ...ALL,
    shared: null,
    ledgerBytes: null,
    drill: null,
    eachHost: [{ ...host, dropped: null }],
  };
  const unknown = namesOf(ALL).filter((name) => !namesOf(measures).includes(name));
  assert.deepEqual(unknown.toSorted(), [
    'banshare_drill_limit_seconds',
    'banshare_drill_passed',
    'banshare_drill_seconds',
    'banshare_dropped_packets_total',
    'banshare_host_clock_ahead_seconds',
    'banshare_host_in_place',
    'banshare_host_last_contact_timestamp_seconds',
    'banshare_host_paused',
    'banshare_host_wanted',
    'banshare_last_drill_timestamp_seconds',
    'banshare_ledger_bytes',
    'banshare_log_behind_entries',
    'banshare_log_connected',
    'banshare_spool_reports',
  ]);
  assert.deepEqual(namesOf(undefined), ['banshare_up']);
});

test('of more hosts than may have series those in trouble have them', () => {
  const host = (name: string, isBehind = false, outSince: number | null = null) => ({
    name,
    isBehind,
    outSince,
  });
  const hosts = [host('d'), host('c', true), host('b'), host('a', false, 7), host('z', true, 7)];
  assert.deepEqual(
    worstFirst(hosts, 4).map(({ name }) => name),
    ['z', 'a', 'c', 'b'],
  );
  assert.equal(worstFirst(hosts, 5), hosts);
});
