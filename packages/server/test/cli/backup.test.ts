import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { serveAdmin } from '@banshare/runtime';
import { runProgram, startFleet, type Fleet } from '../../../../test/fleet/index.ts';
import { fateOf } from '../reports.ts';
import { skip, startAsOther, STRANGER } from './as-other.ts';

/** A folder of root's with a secret in it, and how it was. */
function rootsFolder(fleet: Fleet): { folder: string; secret: string; look: () => string } {
  const folder = join(fleet.server.root, 'of-root');
  const secret = join(folder, 'shadow');
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(secret, 'root:HASH', { mode: 0o600 });
  const look = (): string => {
    const all = execFileSync('find', [folder, '-printf', '%P %U %m %s %y\n'], { encoding: 'utf8' });
    return `${all.split('\n').toSorted().join('\n')}${readFileSync(secret, 'utf8')}`;
  };
  return { folder, secret, look };
}

test(
  'a server that root starts runs as the user who has its keys, and root’s commands reach it',
  { skip },
  async () => {
    await using fleet = await startFleet();
    await startAsOther(fleet);
    const status = readFileSync(`/proc/${fleet.server.pid}/status`, 'utf8');
    assert.match(status, /^Uid:\s+4242\s+4242\s+4242\s+4242$/m);
    assert.match(status, /^Groups:\s*$/m);
    assert.equal((await fleet.server.command('bans')).code, 0);
    assert.equal(statSync(fleet.server.paths.ledger).uid, STRANGER);
  },
);

test(
  'backup gives nobody what root alone may read, and removes nothing, whatever the server’s user lays and answers',
  { skip },
  async (t) => {
    await using fleet = await startFleet();
    const generation = await startAsOther(fleet);
    const { folder, secret, look } = rootsFolder(fleet);
    const target = join(folder, 'nightly');
    await fleet.server.says('ban', '203.0.113.1');
    await fleet.server.stop();
    const { paths } = fleet.server;
    const copy = `${paths.ledger}.backup`;
    const ended = new AbortController();
    const hostile = await serveAdmin({
      path: paths.serverSocket,
      handle: () => ({ ok: true, result: { path: secret } }),
      signal: ended.signal,
    });
    assert.ok(hostile.ok);
    execFileSync('chown', ['-h', `${STRANGER}:${STRANGER}`, paths.serverSocket]);
    const before = look();
    const traps: [says: string, lay: () => void, clear: () => void][] = [
      ['no copy, and the path of a file of root', () => {}, () => {}],
      ['a link to it as the copy', () => symlinkSync(secret, copy), () => {}],
      ['a FIFO as the copy', () => spawnSync('mkfifo', [copy]), () => {}],
      [
        'a link to it as a key',
        () => {
          copyFileSync(paths.ledger, copy);
          symlinkSync(secret, join(generation, 'join.key_secret'));
        },
        () => rmSync(join(generation, 'join.key_secret')),
      ],
      [
        'a link to its folder as a generation',
        () => {
          copyFileSync(paths.ledger, copy);
          renameSync(generation, `${paths.generations}/.kept`);
          symlinkSync(folder, generation);
        },
        () => {
          rmSync(generation);
          renameSync(`${paths.generations}/.kept`, generation);
        },
      ],
    ];
    for (const [says, lay, clear] of traps) {
      await t.test(says, async () => {
        lay();
        if (existsSync(copy)) execFileSync('chown', ['-h', `${STRANGER}`, copy]);
        const { stdout } = await fleet.server.command('backup', target);
        assert.doesNotMatch(stdout, /HASH/);
        if (existsSync(target)) assert.ok(!readFileSync(target).includes('HASH'));
        rmSync(target, { force: true });
        assert.equal(look(), before);
        rmSync(copy, { force: true });
        clear();
      });
    }
    ended.abort();
  },
);

test(
  'restore writes, removes and gives away nothing outside the server’s folders, whatever its user laid there',
  { skip },
  async (t) => {
    await using fleet = await startFleet();
    const generation = await startAsOther(fleet);
    const { folder, secret, look } = rootsFolder(fleet);
    const { paths } = fleet.server;
    const backup = join(fleet.server.root, 'backup');
    await fleet.server.says('ban', '203.0.113.1');
    assert.equal((await fleet.server.command('backup', backup)).code, 0);
    await fleet.server.stop();
    const before = look();
    const traps: [says: string, path: string, to: string][] = [
      ['the name that restoring used', `${paths.ledger}.restoring`, join(folder, 'authorized_keys')],
      ['the ledger', paths.ledger, secret],
      ['its write-ahead log', `${paths.ledger}-wal`, secret],
      ['its journal', `${paths.ledger}-journal`, secret],
      ['a key', join(generation, 'server.key'), secret],
      ['a generation', generation, folder],
    ];
    for (const [says, path, to] of traps) {
      await t.test(`a link as ${says}`, async () => {
        rmSync(path, { recursive: true, force: true });
        symlinkSync(to, path);
        execFileSync('chown', ['-h', `${STRANGER}`, path]);
        await fleet.server.command('restore', backup);
        assert.equal(look(), before);
      });
    }
    rmSync(generation);
    const restored = await fleet.server.command('restore', backup);
    assert.equal(restored.code, 0, restored.stderr);
    for (const path of [generation, join(generation, 'server.key_secret'), paths.ledger])
      assert.equal(lstatSync(path).uid, STRANGER, path);
    // As an earlier version left it: keys that are root's.
    execFileSync('chown', ['-R', 'root:root', paths.generations]);
    assert.equal((await fleet.server.command('restore', backup)).code, 0);
    for (const path of [paths.generations, generation, join(generation, 'server.key_secret')])
      assert.equal(lstatSync(path).uid, STRANGER, path);
    await fleet.server.start();
    assert.equal((await fleet.server.json<{ bans: unknown[] }>('bans')).bans.length, 1);
  },
);

test('a backup names what is no file of a generation and leaves it out, and restore takes what backup made', async () => {
  await using fleet = await startFleet();
  const { paths, root } = fleet.server;
  const generation = join(paths.generations, readdirSync(paths.generations)[0] ?? '');
  const strays = ['server.key.banshare-old', 'fleet.toml~', 'README', 'server.key.a1b2c3d4e5f6.tmp'];
  for (const stray of strays) copyFileSync(join(generation, 'server.key'), join(generation, stray));
  writeFileSync(join(paths.generations, 'notes.txt'), 'x');
  mkdirSync(join(generation, 'old'));
  mkdirSync(join(paths.generations, 'empty'));
  const backup = join(root, 'backup');
  const made = await fleet.server.command('backup', backup);
  assert.equal(made.code, 0, made.stderr);
  for (const stray of [...strays, 'notes.txt', 'old', 'generations/empty'])
    assert.ok(made.stdout.includes(stray), stray);
  await fleet.server.stop();
  rmSync(paths.generations, { recursive: true });
  rmSync(paths.serverState, { recursive: true });
  const restored = await fleet.server.command('restore', backup);
  assert.equal(restored.code, 0, restored.stderr);
  const files = ['fleet.toml', 'join.key', 'server.key', 'server.key_secret'];
  assert.deepEqual(
    readdirSync(generation)
      .filter((name) => name !== 'join.key_secret')
      .toSorted(),
    files,
  );
  await fleet.server.start();
});

test('a backup of a generation that lacks a key fails, and leaves the earlier backup as it is', async () => {
  await using fleet = await startFleet();
  const { paths, root } = fleet.server;
  const generation = join(paths.generations, readdirSync(paths.generations)[0] ?? '');
  const backup = join(root, 'backup');
  assert.equal((await fleet.server.command('backup', backup)).code, 0);
  const before = readFileSync(backup);
  rmSync(join(generation, 'server.key_secret'));
  const { code, stderr } = await fleet.server.command('backup', backup);
  assert.equal(code, 1);
  assert.match(stderr, /Cannot back up .* lacks its server\.key_secret, .* put the file back/);
  assert.ok(readFileSync(backup).equals(before));
  assert.deepEqual(
    readdirSync(root).filter((name) => name.startsWith('backup')),
    ['backup'],
  );
  assert.ok(!existsSync(`${paths.ledger}.backup`));
});

test('what a backup or restore leaves behind that is killed is gone after the next start and the next of its kind', async () => {
  await using fleet = await startFleet();
  const { paths, root } = fleet.server;
  const backup = join(root, 'backup');
  const words = (what: string): string[] => [what, backup, '--root', root];
  const killed = { env: { BANSHARE_FAILPOINT: 'before-rename:1' } };
  const leftovers = (): string[] => [
    ...readdirSync(root).filter((name) => name.startsWith('backup.')),
    ...readdirSync(paths.serverState).filter((name) => /\.backup|\.tmp/.test(name)),
    ...readdirSync(dirname(paths.serverState)).filter((name) => /restoring/.test(name)),
  ];
  const ageAll = (folder: string): void => {
    for (const name of readdirSync(folder).filter((each) => each.endsWith('.tmp')))
      utimesSync(join(folder, name), 0, 0);
  };
  assert.equal((await runProgram('server', words('backup'), killed)).code, null);
  assert.equal(leftovers().length, 2, leftovers().join());
  await fleet.server.restart();
  assert.match(leftovers().join(), /^backup\.[0-9a-f]{12}\.tmp$/);
  ageAll(root);
  assert.equal((await fleet.server.command('backup', backup)).code, 0);
  assert.deepEqual(leftovers(), []);
  await fleet.server.stop();
  assert.equal((await runProgram('server', words('restore'), killed)).code, null);
  assert.notDeepEqual(leftovers(), []);
  assert.equal((await fleet.server.command('restore', backup)).code, 0);
  ageAll(dirname(paths.serverState));
  assert.equal((await fleet.server.command('restore', backup)).code, 0);
  assert.deepEqual(leftovers(), []);
  await fleet.server.start();
});

test('a device or a folder is no file for a backup, and the audit log says of which there is none', async () => {
  await using fleet = await startFleet();
  const nowhere = join(fleet.server.root, 'absent', 'backup');
  const failed = await fleet.server.command('backup', nowhere);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /Cannot back up to .*absent.*ENOENT/);
  for (const target of ['/dev/null', fleet.server.root]) {
    const { code, stderr } = await fleet.server.command('backup', target);
    assert.equal(code, 1);
    assert.match(stderr, /it is no plain file/);
  }
  const { entries } = await fleet.server.json<{ entries: { what: string; details: { file: string } }[] }>(
    'audit',
  );
  assert.deepEqual(
    entries.map(({ what, details }) => [what, details.file]),
    [
      ['backup', nowhere],
      ['backup failed', nowhere],
    ],
  );
  assert.ok(statSync('/dev/null').isCharacterDevice());
});

test('a backup of an earlier version is restored, and nothing of it is left beside', async () => {
  await using fleet = await startFleet();
  const { paths, root } = fleet.server;
  const backup = join(root, 'backup');
  assert.equal((await fleet.server.command('backup', backup)).code, 0);
  await fleet.server.stop();
  const earlier = join(root, 'earlier');
  const database = new DatabaseSync(earlier);
  database.exec(readFileSync(new URL('../ledger-of-version-3.sql', import.meta.url), 'utf8'));
  database.prepare('ATTACH ? AS backup').run(backup);
  database.exec(
    'CREATE TABLE backup_files (path TEXT PRIMARY KEY, mode INTEGER NOT NULL, content BLOB NOT NULL) STRICT',
  );
  database.exec('INSERT INTO backup_files SELECT * FROM backup.backup_files');
  database.close();
  const restored = await fleet.server.command('restore', earlier);
  assert.equal(restored.code, 0, restored.stderr);
  assert.deepEqual(readdirSync(dirname(paths.serverState)), ['server']);
  await fleet.server.start();
});

test('the copy of the ledger that a step of its tables kept is restored like a backup, with the keys that are there', async () => {
  await using fleet = await startFleet();
  const { paths } = fleet.server;
  await fleet.server.stop();
  const kept = `${paths.ledger}.before-999`;
  copyFileSync(paths.ledger, kept);
  new DatabaseSync(paths.ledger).exec('PRAGMA user_version = 999');
  const restored = await fleet.server.command('restore', kept);
  assert.equal(restored.code, 0, restored.stderr);
  await fleet.server.start();
});

test('a file that is no backup of a ledger is refused, and what is there stays', async () => {
  await using fleet = await startFleet();
  const { paths, root } = fleet.server;
  const backup = join(root, 'backup');
  await fleet.server.command('backup', backup);
  await fleet.server.stop();
  const before = readFileSync(paths.ledger);
  const hostile = new DatabaseSync(backup);
  hostile.exec('ALTER TABLE backup_files RENAME TO files; CREATE VIEW backup_files AS SELECT * FROM files');
  hostile.close();
  writeFileSync(join(root, 'text'), 'no database');
  for (const file of [backup, join(root, 'text'), join(root, 'absent')]) {
    const { code, stderr } = await fleet.server.command('restore', file);
    assert.equal(code, 1);
    assert.match(stderr, /^banshare-server: Cannot restore /);
  }
  assert.ok(readFileSync(paths.ledger).equals(before));
  assert.deepEqual(readdirSync(dirname(paths.serverState)), ['server']);
});

test('root changes nothing of its own below a --root that is another user’s', { skip }, async () => {
  const theirs = mkdtempSync(join(tmpdir(), 'banshare-theirs-'));
  const secret = `${theirs}-secret`;
  try {
    writeFileSync(secret, 'of root', { mode: 0o600 });
    mkdirSync(join(theirs, 'var/lib'), { recursive: true });
    symlinkSync(secret, join(theirs, 'var/lib/banshare'));
    execFileSync('chown', ['-Rh', `${STRANGER}:${STRANGER}`, theirs]);
    chmodSync(theirs, 0o755);
    for (const words of [['restore', secret], ['backup', secret], ['run']])
      assert.notEqual((await runProgram('server', ['--root', theirs, ...words])).code, 0, words.join(' '));
    for (const words of [['pause'], ['enrol']]) await runProgram('client', ['--root', theirs, ...words]);
    await runProgram('report', ['--root', theirs, 'fail2ban', 'sshd', '203.0.113.1']);
    assert.deepEqual([readFileSync(secret, 'utf8'), statSync(secret).uid], ['of root', 0]);
    assert.equal(execFileSync('find', [theirs, '-user', 'root'], { encoding: 'utf8' }), '');
  } finally {
    rmSync(theirs, { recursive: true, force: true });
    rmSync(secret, { force: true });
  }
});

test('a restore says that hosts are as they were then: who was revoked since is in again, who enrolled since is not', async () => {
  await using fleet = await startFleet();
  const evil = await fleet.peer('evil');
  const file = join(fleet.server.root, 'older');
  assert.equal((await fleet.server.command('backup', file)).code, 0);
  const late = await fleet.peer('late');
  assert.equal((await fleet.server.asks('hosts', 'revoke', 'evil')).code, 0);
  await fleet.server.stop();
  const { stdout } = await fleet.server.command('restore', file);
  assert.match(stdout, /revoke again whom you revoked since, also tokens; a host that enrolled since/);
  await fleet.server.start();
  assert.equal(await fateOf(evil, '203.0.113.1'), 'accepted');
  assert.equal(await fateOf(late, '203.0.113.2'), 'not-admitted');
});

test('a restore of the wrong backup is taken back: the ledger that was there is kept, with what a killed server wrote last', async () => {
  await using fleet = await startFleet();
  const { paths, root } = fleet.server;
  const file = join(root, 'older');
  assert.equal((await fleet.server.command('backup', file)).code, 0);
  await fleet.server.says('ban', '203.0.113.71');
  await fleet.server.kill9();
  const { code, stdout } = await fleet.server.command('restore', file);
  assert.equal(code, 0);
  const [, kept = ''] =
    /The ledger that was here is kept: banshare-server restore (\S+) takes it back/.exec(stdout) ?? [];
  assert.equal(kept, `${paths.ledger}.before-restore`);
  await fleet.server.start();
  const bansOf = async (): Promise<string[]> =>
    (await fleet.server.json<{ bans: { ip: string }[] }>('bans')).bans.map(({ ip }) => ip);
  assert.deepEqual(await bansOf(), []);
  await fleet.server.says('ban', '203.0.113.72');
  await fleet.server.stop();
  assert.equal((await fleet.server.command('restore', kept)).code, 0);
  await fleet.server.start();
  assert.deepEqual(await bansOf(), ['203.0.113.71']);
  // And that one back, too: each that was there is kept, and none in the place of another.
  await fleet.server.stop();
  assert.equal((await fleet.server.command('restore', `${kept}-2`)).code, 0);
  await fleet.server.start();
  assert.deepEqual(await bansOf(), ['203.0.113.72']);
  assert.ok([kept, `${kept}-2`, `${kept}-3`].every((path) => existsSync(path)));
});
