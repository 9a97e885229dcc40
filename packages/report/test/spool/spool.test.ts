import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAddress, parseJail, parseProg } from '@banshare/protocol';
import { Spool, type Waiting } from '../../src/index.ts';

function temporary(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'banshare-spool-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

function waiting(id: string, at: number): Waiting {
  const ip = parseAddress('203.0.113.9');
  const prog = parseProg('fail2ban');
  const jail = parseJail('sshd');
  assert.ok(ip.ok && prog.ok && jail.ok);
  return { id, at, kind: 'report', report: { ip: ip.value, prog: prog.value, jail: jail.value } };
}

test('Spool.keep() names files so that the oldest report comes first', () => {
  using folder = temporary();
  const spool = new Spool(join(folder.path, 'deep', 'spool'), 10);
  for (const [id, at] of [
    ['c', 1_795_257_600.5],
    ['a', 1_795_257_601],
    ['b', 999_999_999],
  ] as const)
    spool.keep(waiting(id, at));
  const files = readdirSync(join(folder.path, 'deep', 'spool')).sort();
  const ids = files.map(
    (file) => (JSON.parse(readFileSync(join(folder.path, 'deep', 'spool', file), 'utf8')) as Waiting).id,
  );
  assert.deepEqual(ids, ['b', 'c', 'a']);
});

test('Spool.keep() counts reports only, neither the mark nor what a crash left half written', () => {
  using folder = temporary();
  const spool = new Spool(folder.path, 1);
  spool.markServerMissing();
  writeFileSync(join(folder.path, '1-a.json.0011223344.tmp'), '{');
  spool.keep(waiting('a', 1));
  assert.throws(() => spool.keep(waiting('b', 2)), /1 reports wait there already, and spool-max is 1/);
});

test('Spool.keep() leaves no half-written file behind', () => {
  using folder = temporary();
  const spool = new Spool(folder.path, 10);
  spool.keep(waiting('a', 1));
  assert.deepEqual(
    readdirSync(folder.path).filter((name) => !name.endsWith('.json')),
    [],
  );
});

test('the mark that no server was found is there until one is', () => {
  using folder = temporary();
  const spool = new Spool(join(folder.path, 'spool'), 10);
  assert.equal(spool.isServerMissing, false);
  spool.markServerMissing();
  assert.equal(new Spool(join(folder.path, 'spool'), 10).isServerMissing, true);
  spool.markServerFound();
  spool.markServerFound();
  assert.equal(spool.isServerMissing, false);
});

test('a folder that cannot be made or read is no fault of the mark', () => {
  using folder = temporary();
  writeFileSync(join(folder.path, 'file'), '');
  const spool = new Spool(join(folder.path, 'file', 'spool'), 10);
  spool.markServerMissing();
  spool.markServerFound();
  assert.equal(spool.isServerMissing, false);
});
