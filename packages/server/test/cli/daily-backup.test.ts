import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startFleet, type Fleet } from '../../../../test/fleet/index.ts';
import { readFiles } from '../../src/ledger/books/backup-file.ts';
import type { Status } from '../../src/operator/status.ts';

/** Writes [backup] beside server.toml and has the daemon take it over. */
async function want(fleet: Fleet, lines: readonly string[]): Promise<void> {
  const { serverAdditions } = fleet.server.paths;
  mkdirSync(serverAdditions, { recursive: true });
  writeFileSync(join(serverAdditions, 'backup.toml'), ['[backup]', ...lines, ''].join('\n'));
  assert.equal((await fleet.server.command('reload')).code, 0);
}

async function told(fleet: Fleet): Promise<Status['backup'] & { codes: string[]; texts: string }> {
  const { backup, todo } = await fleet.server.json<Status>('status');
  const about = todo.filter(({ code }) => code.startsWith('backup-'));
  return { ...backup, codes: about.map(({ code }) => code), texts: about.map(({ text }) => text).join() };
}

const name = `banshare-${hostname().replaceAll(/[^A-Za-z0-9.-]/g, '_')}-`;

test('a backup goes to the folder of [backup], 0600 and read back; older ones of this machine alone are removed, once the new one is proven', async () => {
  await using fleet = await startFleet();
  const { root } = fleet.server;
  const folder = join(root, 'kept');
  assert.equal((await fleet.server.command('backup')).code, 64);
  const silent = await fleet.server.command('backup', '--scheduled');
  assert.deepEqual([silent.code, silent.stdout, silent.stderr], [0, '', '']);
  assert.deepEqual((await told(fleet)).codes, []);
  await want(fleet, ['to = "/kept"', 'keep = 2']);
  const before = await told(fleet);
  assert.deepEqual([before.codes, before.ageSeconds, before.isConfigured], [['backup-late'], null, true]);

  const first = await fleet.server.command('backup', '--scheduled');
  assert.equal(first.code, 0, first.stderr);
  const [made = ''] = readdirSync(folder);
  assert.match(made, /^banshare-.+-\d{8}T\d{6}Z\.backup$/);
  assert.equal(lstatSync(join(folder, made)).mode & 0o777, 0o600);
  assert.equal(lstatSync(folder).mode & 0o777, 0o700);
  assert.ok(readFiles(join(folder, made)).some(({ path }) => path.endsWith('server.key_secret')));

  // Older ones, of the future too where a clock was wrong; what is another's, and a link, stay.
  const older = ['20200101T000000Z', '20200102T000000Z', '20990101T000000Z'].map(
    (at) => `${name}${at}.backup`,
  );
  for (const each of older) writeFileSync(join(folder, each), 'x');
  const others = ['banshare-another-20200101T000000Z.backup', `${name}notes.txt`, 'letter'];
  for (const each of others) writeFileSync(join(folder, each), 'x');
  symlinkSync(join(folder, 'letter'), join(folder, `${name}20190101T000000Z.backup`));
  // While a new one cannot be made none of them goes.
  const generation = readdirSync(fleet.server.paths.generations)[0] ?? '';
  const key = join(fleet.server.paths.generations, generation, 'server.key');
  const secret = readFileSync(key);
  writeFileSync(`${key}.aside`, secret, { mode: 0o600 });
  chmodSync(folder, 0o722);
  const refused = await fleet.server.command('backup', '--scheduled');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /others may write there/);
  assert.ok(older.every((each) => existsSync(join(folder, each))));
  const failed = await told(fleet);
  assert.deepEqual(failed.codes, ['backup-failed']);
  assert.match(failed.texts, /FAILED, the last good one is of .*others may write there/);
  assert.notEqual(failed.lastGood, null);

  chmodSync(folder, 0o700);
  assert.equal((await fleet.server.command('backup', '--scheduled')).code, 0);
  const left = readdirSync(folder).filter(
    (each) => each.startsWith(name) && lstatSync(join(folder, each)).isFile(),
  );
  assert.equal(left.filter((each) => each.endsWith('.backup')).length, 2, left.join());
  assert.ok(others.every((each) => existsSync(join(folder, each))));
  assert.ok(lstatSync(join(folder, `${name}20190101T000000Z.backup`)).isSymbolicLink());
  const well = await told(fleet);
  assert.deepEqual([well.codes, well.failed], [[], null]);
  assert.ok(well.ageSeconds !== null && well.ageSeconds < 60 && (well.bytes ?? 0) > 10_000);
  assert.match((await fleet.server.command('status')).stdout, /^Last good backup: \d+s ago, [\d,]+ kB, /m);
  assert.match(
    (await fleet.server.command('metrics')).stdout,
    new RegExp(`^banshare_last_backup_timestamp_seconds ${String(well.lastGood)}$`, 'm'),
  );
});

test('a backup is no link’s way elsewhere, a command gets it on standard input, and what fails is noted also where no server runs', async () => {
  await using fleet = await startFleet();
  const { root, paths } = fleet.server;
  const target = join(root, 'elsewhere');
  mkdirSync(target);
  symlinkSync(target, join(root, 'kept'));
  await want(fleet, ['to = "/kept"']);
  const linked = await fleet.server.command('backup');
  assert.equal(linked.code, 1);
  assert.match(linked.stderr, /no folder, and links are not followed/);
  assert.deepEqual(readdirSync(target), []);

  // Where everybody may lay something another user was there first.
  if (process.geteuid?.() === 0) {
    const shared = join(root, 'shared');
    mkdirSync(join(shared, 'kept'), { recursive: true, mode: 0o700 });
    chmodSync(shared, 0o1777);
    chownSync(join(shared, 'kept'), 65_533, 65_533);
    await want(fleet, ['to = "/shared/kept"']);
    const laid = await fleet.server.command('backup');
    assert.equal(laid.code, 1);
    assert.match(laid.stderr, /everybody may make folders beside .*another user's/);
    assert.deepEqual(readdirSync(join(shared, 'kept')), []);
  }

  const got = join(root, 'got');
  await want(fleet, [`command = "sh -c 'umask 077; cat >${got}'"`]);
  const handed = await fleet.server.command('backup', '--scheduled');
  assert.equal(handed.code, 0, handed.stderr);
  assert.ok(readFiles(got).some(({ path }) => path.endsWith('server.key_secret')));
  assert.deepEqual(readdirSync(paths.backupWork), []);
  assert.deepEqual((await told(fleet)).codes, []);

  // A shell's redirection is none here: what such a program copies to its output would be in the journal.
  await want(fleet, ['command = "tee /dev/null >/dev/null"']);
  const copied = await fleet.server.command('backup', '--scheduled');
  assert.doesNotMatch(copied.stdout + copied.stderr, /SQLite|secret-key|CREATE TABLE/);
  await want(fleet, ['command = "sh -c \'cat >/dev/null; exit 3\'"']);
  const failed = await fleet.server.command('backup');
  assert.equal(failed.code, 1);
  assert.match((await told(fleet)).texts, /"sh" ended with exit code 3/);
  assert.deepEqual(readdirSync(paths.backupWork), []);

  await want(fleet, ['to = "/missing/kept"']);
  assert.match((await fleet.server.command('backup')).stderr, /Cannot back up to ".*missing/);

  await want(fleet, ['to = "/elsewhere"']);
  chmodSync(target, 0o700);
  await fleet.server.stop();
  assert.equal((await fleet.server.command('backup')).code, 69);
  await fleet.server.start();
  assert.deepEqual((await told(fleet)).codes, ['backup-failed']);
  // A file that somebody names is none of the daily ones.
  assert.equal((await fleet.server.command('backup', join(root, 'by-hand'))).code, 0);
  assert.deepEqual((await told(fleet)).codes, ['backup-failed']);
});
