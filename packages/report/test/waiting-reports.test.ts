import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WaitingReports } from '../src/waiting-reports.ts';

const NOW = 1_795_257_600;

test('removeLeftovers() takes away what killed reporters left, and neither reports nor what is being written', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'banshare-spool-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const lay = (name: string, secondsAgo: number): void => {
    writeFileSync(join(directory, name), '{}');
    utimesSync(join(directory, name), NOW - secondsAgo, NOW - secondsAgo);
  };
  lay('1-a.json', 7200);
  lay('2-b.json.0badc0ffee00.tmp', 7200);
  lay('3-c.json.0badc0ffee01.tmp', 5);
  new WaitingReports(directory).removeLeftovers(NOW);
  assert.deepEqual(readdirSync(directory).sort(), ['1-a.json', '3-c.json.0badc0ffee01.tmp']);
});

test('a spool that is not there yet holds nothing', () => {
  const spool = new WaitingReports('/nonexistent/spool');
  spool.removeLeftovers(NOW);
  assert.deepEqual(spool.names(), []);
});
