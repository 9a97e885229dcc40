import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { mainOf, runProgram, startFleet, type Fleet } from '../fleet/index.ts';

const DAY = 86_400;
let fleet: Fleet;

before(async () => {
  fleet = await startFleet({ serverToml: '[bans]\ndefault-duration = "2d"\n' });
});
after(async () => fleet[Symbol.asyncDispose]());

async function banned(): Promise<Map<string, number | null>> {
  const { bans } = await fleet.server.json<{ bans: { ip: string; until: number | null }[] }>('bans');
  return new Map(bans.map(({ ip, until }) => [ip, until]));
}

async function forgetAll(): Promise<void> {
  for (const ip of (await banned()).keys()) await fleet.server.asks('unban', ip);
}

test('import bans exactly what a list says that comes from a pipe, by "-", /dev/stdin and a process substitution', async () => {
  const list = '198.51.100.17\n203.0.113.9\n203.0.113.10\n';
  const root = ['--root', fleet.server.root];
  const main = mainOf('server');
  const program = `"${process.execPath}" "${main}" import`;
  for (const command of [
    `cat | ${program} - ${root.join(' ')}`,
    `cat | ${program} /dev/stdin ${root.join(' ')}`,
    `${program} <(cat) ${root.join(' ')}`,
  ]) {
    const shell = spawn('bash', ['-c', command], { stdio: ['pipe', 'pipe', 'inherit'] });
    shell.stdin.end(list);
    const [code] = (await once(shell, 'close')) as [number];
    assert.equal(code, 0, command);
    assert.deepEqual([...(await banned()).keys()].toSorted(), list.trim().split('\n').toSorted(), command);
    await forgetAll();
  }
  const typed = await runProgram('server', ['import', '-', ...root], { stdin: list });
  assert.match(typed.stdout, /^3 of 3 are banned/);
  await forgetAll();
});

test('import takes a duration of more than a century for one without an end, and loses none of the list by it', async () => {
  const list = JSON.stringify([
    { ip: '203.0.113.7', duration: 60 },
    { ip: '203.0.113.8', duration: 1e30 },
    { ip: '203.0.113.9', duration: '99999999h' },
  ]);
  const run = await runProgram('server', ['import', '-', '--root', fleet.server.root], { stdin: list });
  assert.deepEqual([run.code, run.stderr], [0, '']);
  const bans = await banned();
  assert.deepEqual([bans.size, bans.get('203.0.113.8'), bans.get('203.0.113.9')], [3, null, null]);
  await forgetAll();
});

test('import of an empty list bans nothing and exits with 1, unless it may be empty', async () => {
  const root = ['--root', fleet.server.root];
  for (const stdin of ['', '\n', '# nothing today\n', '[]', 'null\n']) {
    const empty = await runProgram('server', ['import', '-', ...root], { stdin });
    assert.equal(empty.code, 1);
    assert.match(empty.stderr, /nothing is banned: "-" names no ban.*--allow-empty/);
  }
  const allowed = await runProgram('server', ['import', '-', '--allow-empty', ...root], { stdin: '' });
  assert.deepEqual([allowed.code, allowed.stderr], [0, '']);
  for (const [stdin, why] of [
    [Buffer.from([0x1f, 0x8b, 8, 0]), /compressed/],
    [Buffer.from('203.0.113.9\n', 'utf16le'), /no text in UTF-8/],
  ] as const) {
    const other = await runProgram('server', ['import', '-', ...root], { stdin });
    assert.equal(other.code, 1);
    assert.match(other.stderr, why);
  }
});

/** A database as fail2ban keeps it: since 0.11 with bantimes, before without. */
function makeDatabase(
  name: string,
  version: 2 | 4,
  rows: readonly (readonly [string, string, number, number])[],
): string {
  const path = join(fleet.server.root, name);
  const database = new DatabaseSync(path);
  database.exec(`CREATE TABLE fail2banDb(version INTEGER); INSERT INTO fail2banDb VALUES(${version});
    CREATE TABLE bans(jail TEXT NOT NULL, ip TEXT, timeofban INTEGER NOT NULL, data JSON);
    CREATE TABLE bips(ip TEXT NOT NULL, jail TEXT NOT NULL, timeofban INTEGER NOT NULL, bantime INTEGER NOT NULL,
      bancount INTEGER NOT NULL DEFAULT 1, data JSON, PRIMARY KEY(ip, jail));`);
  const now = Math.floor(Date.now() / 1000);
  for (const [jail, ip, ago, bantime] of rows) {
    database.prepare('INSERT INTO bans VALUES(?, ?, ?, ?)').run(jail, ip, now - ago, '{}');
    database
      .prepare('INSERT OR REPLACE INTO bips VALUES(?, ?, ?, ?, 1, ?)')
      .run(ip, jail, now - ago, bantime, '{}');
  }
  if (version === 2) database.exec('DROP TABLE bips');
  database.close();
  return path;
}

test("import reads fail2ban's databases of every version: what has no bantime lasts the default from its beginning", async () => {
  const rows = [
    ['sshd', '203.0.113.1', DAY, -2],
    ['sshd', '203.0.113.2', 3 * DAY, -2],
  ] as const;
  const newer = [
    ...rows,
    ['sshd', '203.0.113.3', 60, 3600],
    ['sshd', '203.0.113.4', 7200, 3600],
    ['sshd', '203.0.113.5', 60, -1],
    ['sshd', '203.0.113.0/28', 60, 3600],
  ] as const;
  const old = await fleet.server.asks('import', makeDatabase('v2.sqlite3', 2, rows));
  assert.match(old.stdout, /^1 of 2 are banned; .*1 are over/, old.stderr);
  const [until] = [...(await banned()).values()];
  assert.ok(Math.abs(Number(until) - (Date.now() / 1000 + DAY)) < 60);
  await forgetAll();
  const { stdout, code } = await fleet.server.asks('import', makeDatabase('v4.sqlite3', 4, newer));
  assert.equal(code, 0);
  assert.match(stdout, /^4 of 5 are banned/);
  const now = await banned();
  assert.deepEqual([...now.keys()].toSorted(), [
    '203.0.113.0/28',
    '203.0.113.1',
    '203.0.113.3',
    '203.0.113.5',
  ]);
  assert.equal(now.get('203.0.113.5'), null);
  await forgetAll();
  const path = join(fleet.server.root, 'other.sqlite3');
  new DatabaseSync(path).exec('CREATE TABLE other(ip TEXT)');
  const other = await fleet.server.asks('import', path);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /a database, but none of fail2ban/);
});

test('import reads no database whose bans are a view without an end, or columns that are reckoned', async () => {
  const path = join(fleet.server.root, 'hostile.sqlite3');
  for (const made of [
    `CREATE VIEW bips AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
     SELECT 'sshd' AS jail, '203.0.113.9' AS ip, n AS timeofban, -1 AS bantime FROM c`,
    `DROP VIEW bips; CREATE TABLE Bans(jail TEXT, timeofban INTEGER, ip AS (hex(zeroblob(400000000))))`,
  ]) {
    using database = new DatabaseSync(path);
    database.exec(made);
    const read = await fleet.server.asks('import', path);
    assert.equal(read.code, 1);
    assert.match(read.stderr, /its "(bips|Bans)" is no table as fail2ban makes it/);
  }
});

test('import makes no longer bans of what the fleet itself has put into a host: its jail is left out, and what stands in another', async () => {
  await fleet.addReporter('h1');
  assert.equal((await fleet.report('h1', ['--duration', '5m', 'fail2ban', 'sshd', '203.0.113.20'])).code, 0);
  const path = makeDatabase('shared.sqlite3', 4, [
    ['banshare', '203.0.113.21', 60, 30 * DAY],
    ['banshare', '203.0.113.22', 60, 30 * DAY],
    ['sshd', '203.0.113.20', 60, 30 * DAY],
    ['sshd', '203.0.113.23', 60, 3600],
  ]);
  writeFileSync(fleet.server.paths.clientConfig, '[apply]\nmissing-jail = "elsewhere"\n');
  const { stdout, stderr, code } = await fleet.server.asks('import', path);
  assert.equal(code, 0);
  assert.match(stdout, /^1 of 2 are banned; .*1 are the fleet's own/);
  assert.match(stderr, /left out: 2 in the jail banshare, where bans of the fleet land/);
  const now = await banned();
  assert.deepEqual([...now.keys()].toSorted(), ['203.0.113.20', '203.0.113.23']);
  assert.ok(Number(now.get('203.0.113.20')) < Date.now() / 1000 + 600);
});

test('a drill lifts no ban of anybody: it takes an address that nobody bans', async () => {
  const all = Array.from({ length: 254 }, (_, n) => `203.0.113.${n + 1}`).filter(
    (ip) => ip !== '203.0.113.77',
  );
  const root = ['--root', fleet.server.root];
  await runProgram('server', ['import', '-', ...root], { stdin: all.join('\n') });
  const { ip } = await fleet.server.json<{ ip: string }>('drill');
  assert.equal(ip, '203.0.113.77');
  assert.equal((await banned()).size, all.length);
  await fleet.server.asks('undo', '--all', '--since', '1h');
});
