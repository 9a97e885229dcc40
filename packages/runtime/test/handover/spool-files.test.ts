import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { spoolFile, spoolFilesIn, spooledAt } from '../../src/index.ts';

test('the files of the spool sort by the time of their reports, which their names tell', () => {
  const times = [999_999_999, 1_795_257_600.5, 1_795_257_601, 33_000_000_000];
  const names = times.map((at) => spoolFile({ at, id: 'ab' }));
  assert.equal(names[1], '001795257600500-ab.json');
  assert.deepEqual(names.toSorted(), names);
  assert.deepEqual(
    names.map((name) => spooledAt(name)),
    times,
  );
  assert.equal(spooledAt('by-hand.json'), undefined);
});

test('only reports are files of the spool: no mark, and nothing that a crash left half written', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-spool-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ['1-a.json', '.no-server', '2-b.json.0011223344.tmp', 'dead']) {
    writeFileSync(join(folder, name), '');
  }
  assert.deepEqual(spoolFilesIn(folder), ['1-a.json']);
  assert.deepEqual(spoolFilesIn(join(folder, 'none')), []);
});
