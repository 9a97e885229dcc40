import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { addFiles } from '../../src/ledger/books/backup-file.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { Settings } from '../../src/ledger/books/settings.ts';
import { LedgerOfTest } from '../ledger-of-test.ts';

const folder = mkdtempSync(join(tmpdir(), 'banshare-copy-'));
after(() => rmSync(folder, { recursive: true }));

/** What a copy is like: whole, and which of the settings it has. */
function look(path: string): { check: unknown; settings: unknown[]; mode: number } {
  const copy = new DatabaseSync(path);
  try {
    const check = copy.prepare('PRAGMA integrity_check').get()?.['integrity_check'];
    const rows = copy.prepare("SELECT name FROM meta WHERE name LIKE 'step%' ORDER BY name").all();
    return { check, settings: rows.map(({ name }) => name), mode: statSync(path).mode & 0o777 };
  } finally {
    copy.close();
  }
}

test('a copy of the ledger is whole and of the moment when it was asked for, though more is committed and taken back while it is made', async () => {
  using shelf = new LedgerOfTest();
  const { ledger } = shelf;
  const put = (name: string): Promise<void> =>
    ledger.write(() => new Settings(ledger).put(name, name.repeat(900)));
  await put('step1');
  const [one, two] = ['one.db', 'two.db'].map((name) => join(folder, name));
  assert.ok(one && two);
  const first = ledger.copyTo(one);
  const broken = ledger.write(() => {
    new Settings(ledger).put('step2', '2');
    throw new Error('taken back');
  });
  const third = put('step3');
  // Another one waits, since it has the file take what was written meanwhile.
  const second = ledger.copyTo(two);
  await assert.rejects(broken, /taken back/);
  await Promise.all([first, second, third]);
  assert.deepEqual(look(one), { check: 'ok', settings: ['step1'], mode: 0o600 });
  assert.deepEqual(look(two), { check: 'ok', settings: ['step1', 'step3'], mode: 0o600 });
  assert.deepEqual(await first, { n: 0, token: '' });
  await assert.rejects(ledger.copyTo(one), /EEXIST/);
  await put('step4');
});

test('a copy during which the ledger is closed is none, and leaves nothing', async () => {
  using shelf = new LedgerOfTest();
  const path = join(folder, 'closed.db');
  const copying = shelf.ledger.copyTo(path);
  for (let turns = 0; turns < 3; turns += 1) await Promise.resolve();
  shelf.ledger.close();
  await assert.rejects(copying, /was closed while it was copied/);
  assert.equal(existsSync(path), false);
  shelf.reopen();
});

test('a backup holds nothing of what was removed from the ledger, though the copy that it is made of does', async () => {
  using shelf = new LedgerOfTest();
  const { ledger } = shelf;
  const settings = new Settings(ledger);
  const removed = 'said-by-a-detector '.repeat(500);
  await ledger.write(() => settings.put('step1', removed));
  await ledger.write(() => settings.remove('step1'));
  const path = join(folder, 'backup.db');
  await ledger.copyTo(path);
  const holds = (): boolean => readFileSync(path).includes(removed.slice(0, 400));
  assert.equal(holds(), true);
  addFiles(path, []);
  assert.equal(holds(), false);
  assert.equal(look(path).check, 'ok');
});

test('a ledger that was copied is locked as before: no other process opens it, and nothing of it is left open when it is closed', async () => {
  const path = join(folder, 'locked.db');
  const ledger = new Ledger(path, () => 'epoch');
  const open = `new (require('node:sqlite').DatabaseSync)(process.argv[1]).exec('SELECT * FROM meta')`;
  const beside = (): string => spawnSync(process.execPath, ['-e', open, path], { encoding: 'utf8' }).stderr;
  for (const name of ['locked-one.db', 'locked-two.db']) await ledger.copyTo(join(folder, name));
  assert.match(beside(), /database is locked/);
  // A file that failed is opened again.
  const fails = ledger.write(() => {
    throw Object.assign(new Error('disk I/O error'), { errcode: 10 });
  });
  await assert.rejects(fails, /disk I\/O error/);
  assert.match(beside(), /database is locked/);
  ledger.close();
  const isLeft = readdirSync('/proc/self/fd').some((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === path;
    } catch {
      return false;
    }
  });
  assert.deepEqual([isLeft, beside()], [false, '']);
});
