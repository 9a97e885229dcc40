import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WaitingReports } from '../../src/spool/waiting-reports.ts';

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

test('read() takes a waiting report without the details that cannot be read, and one that is too long as for ever', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'banshare-spool-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const ban = { prog: 'fail2ban', jail: 'sshd', ip: '203.0.113.9' };
  const odd = { ...ban, durationSeconds: 1e30, failures: -1, port: 'http, https', protocol: 'tcp' };
  const head = { id: '0b'.repeat(16), at: NOW };
  writeFileSync(join(directory, '1.json'), JSON.stringify({ ...head, kind: 'report', report: odd }));
  assert.deepEqual(new WaitingReports(directory).read('1.json'), {
    ok: true,
    waiting: { ...head, kind: 'report', report: { ...ban, durationSeconds: -1, protocol: 'tcp' } },
  });
});

test('bury() keeps the dead letters that were given up last, each with its reason, and lets those go that were first', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'banshare-spool-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const dead = (): string[] => readdirSync(join(directory, 'dead')).sort();
  const bury = (spool: WaitingReports, name: string): void => {
    writeFileSync(join(directory, name), '{}');
    spool.bury(name, 'refused');
  };
  const first = new WaitingReports(directory, 2);
  for (const name of ['1-a.json', '2-b.json', '3-c.json']) bury(first, name);
  assert.deepEqual(dead(), ['2-b.json', '2-b.json.reason', '3-c.json', '3-c.json.reason']);
  // Another flush counts those that are there.
  bury(new WaitingReports(directory, 2), '4-d.json');
  assert.deepEqual(dead(), ['3-c.json', '3-c.json.reason', '4-d.json', '4-d.json.reason']);
  // An old report may be given up last: it is the one that somebody just read of.
  bury(new WaitingReports(directory, 2), '0-e.json');
  assert.deepEqual(dead(), ['0-e.json', '0-e.json.reason', '4-d.json', '4-d.json.reason']);
  assert.throws(() => new WaitingReports(directory, 2).bury('5-f.json', 'sent by another flush'), /ENOENT/);
  assert.deepEqual(dead(), ['0-e.json', '0-e.json.reason', '4-d.json', '4-d.json.reason']);
  assert.deepEqual(new WaitingReports(directory).names(), []);
});
