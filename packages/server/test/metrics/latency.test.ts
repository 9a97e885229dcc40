import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '@banshare/protocol';
import { LatencyBook } from '../../src/metrics/latency.ts';
import { latencyLine } from '../../src/cli/show/show-latency.ts';
import { NOW } from '../ledger-of-test.ts';

const ban = (seq: number, at = NOW): Event => ({ kind: 'ban', seq, at }) as unknown as Event;

test('commit and publication go by the server’s clock, and each host says once how long a ban took there', () => {
  const book = new LatencyBook();
  book.committed([ban(1), ban(2), { ...ban(3), kind: 'unban' }], NOW + 0.004);
  book.published([ban(1), ban(2), ban(3)], NOW + 0.005);
  assert.deepEqual(
    book.applied(
      7,
      [
        { seq: 1, ms: 14 },
        { seq: 1, ms: 999 },
        { seq: 99, ms: 1 },
      ],
      NOW + 3,
    ),
    [14],
  );
  assert.deepEqual(book.applied(7, [{ seq: 1, ms: 20 }], NOW + 8), []);
  assert.deepEqual(book.applied(8, [{ seq: 1, ms: 300 }], NOW + 8), [300]);
  const { committedMs, publishedMs, hosts } = book.of(ban(1)) ?? {};
  assert.deepEqual(
    [committedMs, publishedMs, [...(hosts ?? [])]],
    [
      4,
      5,
      [
        [7, 14],
        [8, 300],
      ],
    ],
  );
  assert.equal(book.of(ban(3)), undefined);
  assert.equal(book.of(ban(1, NOW - 500)), undefined, 'of another ledger');
});

test('p50 and p99 are those of the last hour, each to a tenth, and nothing is null', () => {
  const book = new LatencyBook();
  assert.deepEqual(book.lastHour(NOW), { committed: null, published: null, applied: null });
  assert.deepEqual(latencyLine(book.lastHour(NOW)), []);
  const all = Array.from({ length: 1000 }, (_, n) => ban(n + 1));
  book.committed(all, NOW + 0.003);
  for (const host of [1, 2])
    book.applied(
      host,
      all.map(({ seq }) => ({ seq, ms: seq <= 985 ? 20 : 900 })),
      NOW + 5,
    );
  const { applied, committed } = book.lastHour(NOW + 3000);
  assert.equal(applied?.count, 2000);
  assert.ok(applied.p50 >= 20 && applied.p50 <= 22, `p50 ${applied.p50}`);
  assert.ok(applied.p99 >= 900 && applied.p99 <= 990, `p99 ${applied.p99}`);
  assert.deepEqual(committed, { count: 1000, p50: 3, p99: 3 });
  assert.match(
    latencyLine(book.lastHour(NOW + 3000))[0] ?? '',
    /^Bans of the last hour, since their report came: committed p50 3 ms, p99 3 ms; in place on a host p50 2[0-2] ms, p99 9\d\d ms\.$/,
  );
  assert.deepEqual(book.lastHour(NOW + 7200), { committed: null, published: null, applied: null });
});

test('whatever thousands of hosts say, what is kept is bounded, and the newest bans are', () => {
  const book = new LatencyBook();
  const took = Array.from({ length: 60 }, (_, n) => ({ seq: n + 1, ms: 5 }));
  book.committed(
    took.map(({ seq }) => ban(seq)),
    NOW,
  );
  for (let host = 1; host <= 4000; host += 1) book.applied(host, took, NOW);
  assert.equal(book.of(ban(1)), undefined);
  assert.equal(book.of(ban(60))?.hosts.size, 4000);
  book.committed(
    Array.from({ length: 10_000 }, (_, n) => ban(n + 100)),
    NOW,
  );
  assert.equal(book.of(ban(60)), undefined);
  assert.ok(book.of(ban(10_099)));
});
