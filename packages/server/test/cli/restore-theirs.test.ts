import assert from 'node:assert/strict';
import { chownSync, copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { startFleet } from '../../../../test/fleet/index.ts';
import { skip, startAsOther, STRANGER } from './as-other.ts';

/** What root would run at night. */
const COMMAND = '\n[backup]\ncommand = "/usr/bin/id"\n';

test(
  'restore takes no server.toml from a file that the server’s user may have made: what that says root runs',
  { skip },
  async () => {
    await using fleet = await startFleet();
    await startAsOther(fleet);
    const { paths, root } = fleet.server;
    const backup = join(root, 'backup');
    await fleet.server.says('ban', '203.0.113.1');
    assert.equal((await fleet.server.command('backup', backup)).code, 0);
    await fleet.server.stop();
    const before = readFileSync(paths.serverConfig, 'utf8');
    const planted = new DatabaseSync(backup);
    for (const [path, text] of [
      ['server.toml', before + COMMAND],
      ['server.d/zz.toml', COMMAND],
    ] as const)
      planted
        .prepare('INSERT OR REPLACE INTO backup_files VALUES (?, ?, ?)')
        .run(path, 0o644, Buffer.from(text));
    planted.close();
    const [inTheirs, inRoots] = [`${paths.ledger}.before-restore`, join(root, 'moved')];
    for (const file of [inTheirs, inRoots]) {
      copyFileSync(backup, file);
      chownSync(file, STRANGER, STRANGER);
      const { code, stdout, stderr } = await fleet.server.command('restore', file);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /Not taken, .*: (server\.toml, server\.d|server\.d\/zz\.toml, server)/);
      assert.equal(readFileSync(paths.serverConfig, 'utf8'), before);
      assert.ok(!existsSync(join(paths.serverAdditions, 'zz.toml')));
    }
    // The ledger came back all the same, and so do the files of what is root's.
    await fleet.server.start();
    assert.match(await fleet.server.says('bans'), /203\.0\.113\.1/);
    await fleet.server.stop();
    chownSync(inRoots, 0, 0);
    const { stdout } = await fleet.server.command('restore', inRoots);
    assert.doesNotMatch(stdout, /Not taken/);
    assert.equal(readFileSync(paths.serverConfig, 'utf8'), before + COMMAND);
  },
);
