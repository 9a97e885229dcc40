import { test } from 'node:test';
import assert from 'node:assert/strict';
import { cursorBefore, cursorNow, readPart, type Cursor } from '../../src/ledger/timeline.ts';
import type { Happening } from '../../src/words/happening.ts';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';
import { fill } from './filled.ts';

test('of 100,000 things that happened a question takes less than 50 ms of the processor, whatever is asked, and all parts together have each of them once', async (t) => {
  using shelf = new LedgerOfTest();
  fill(shelf, 34_000);
  const { sql } = shelf.ledger;
  const taken: number[] = [];
  const readAll = (begin: Cursor, wanted: Parameters<typeof readPart>[2]): Happening[] => {
    const all: Happening[] = [];
    for (let cursor = begin; ;) {
      const began = process.cpuUsage();
      const part = readPart(sql, cursor, wanted, 1000);
      const { user, system } = process.cpuUsage(began);
      taken.push((user + system) / 1000);
      all.push(...part.happenings);
      if (part.isAll) return all;
      assert.notDeepEqual(part.cursor, cursor);
      ({ cursor } = part);
    }
  };
  const start = { reports: 0, events: 0, outcomes: 0, audit: 0 };
  const all = readAll(start, { matches: () => true });
  assert.equal(all.length, 102_000);
  assert.equal(new Set(all.map(({ id }) => id)).size, 102_000);
  assert.ok(all.every(({ at }, index) => index === 0 || at >= (all[index - 1]?.at ?? 0)));
  const rare = readAll(start, { matches: ({ jail }) => jail === 'rare' });
  assert.deepEqual([rare.length, rare.at(-1)?.kind], [68, 'outcome']);
  const lastHour = { since: NOW + 32_000, until: NOW + 33_800, matches: () => true };
  const some = readAll(cursorBefore(sql, lastHour.since), lastHour);
  assert.equal(some.length, 3 * 1801);
  assert.deepEqual(readAll(cursorNow(sql), { matches: () => true }), []);
  // Whatever else collects its garbage meanwhile.
  const most = taken.toSorted((a, b) => a - b)[Math.floor(taken.length * 0.95)] ?? Infinity;
  t.diagnostic(`19 of 20 questions took less than ${most.toFixed(1)} ms of the processor`);
  assert.ok(most < 50, `${most} ms`);
});
