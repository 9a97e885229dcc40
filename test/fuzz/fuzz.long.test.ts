import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { DECODERS } from './decoders.ts';
import { corpusOf, hostile } from './inputs.ts';

/** In all; `make fuzz` asks for more. */
const INPUTS = Number(process.env['BANSHARE_FUZZ'] ?? 110_000);
const SHARES = DECODERS.reduce((sum, { cost }) => sum + 1 / cost, 0);
/** One input may take so long, on a busy machine. */
const SLOWEST_MS = 2000;
const MOST_GROWTH = 300 * 1024 * 1024;

/** The processes that this one has started. */
function children(): string {
  const threads = readdirSync('/proc/self/task');
  return threads.map((id) => readFileSync(`/proc/self/task/${id}/children`, 'utf8')).join('');
}

for (const { name, cost, decode } of DECODERS) {
  const runs = Math.ceil(INPUTS / SHARES / cost);
  test(`Whatever bytes ${name} is given, it neither breaks nor hangs nor starts anything`, async (t) => {
    const corpus = corpusOf(name);
    for (const input of corpus) await decode(input);
    const [started, memory] = [children(), process.memoryUsage().rss];
    let slowest = 0;
    const property = fc.asyncProperty(hostile(corpus), async (input) => {
      const began = performance.now();
      await decode(input);
      slowest = Math.max(slowest, performance.now() - began);
    });
    const seed = process.env['BANSHARE_SEED'];
    // What it finds goes into corpus/, so that it is tried for good.
    await fc.assert(property, { numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) });
    const growth = process.memoryUsage().rss - memory;
    assert.equal(children(), started, 'it started a process');
    assert.ok(slowest < SLOWEST_MS, `an input took ${slowest} ms`);
    assert.ok(growth < MOST_GROWTH, `it grew by ${growth} bytes`);
    t.diagnostic(
      `${runs} inputs, the slowest ${slowest.toFixed(1)} ms, memory ${Math.round(growth / 1_048_576)} MiB`,
    );
  });
}
