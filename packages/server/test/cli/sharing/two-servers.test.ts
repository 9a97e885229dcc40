import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { hostPaths } from '@banshare/runtime';
import {
  Folder,
  Program,
  runProgram,
  startFleet,
  takePort,
  untilAnswered,
  type Ran,
} from '../../../../../test/fleet/index.ts';
import { Postgres, postgresSkip } from '../../../../../test/fleet/database/postgres.ts';
import { runAsking } from '../../../../../test/fleet/warm-commands.ts';
import { layServerRoot, writeServerToml } from '../../../../../test/fleet/roots.ts';
import { readFiles } from '../../../src/ledger/books/backup-file.ts';
import { publish } from '../../reports.ts';

const skip = postgresSkip();
const folder = new Folder();
after(() => folder[Symbol.dispose]());

type Bans = { bans: { ip: string }[] };
type Told = { epoch: string; head: number };

/** Asks a server's command until it says so. */
function untilSaid(
  root: string,
  words: readonly string[],
  isSo: (stdout: string) => boolean,
): Promise<string> {
  const ask = async (): Promise<string | undefined> => {
    const { stdout } = await runAsking([...words, '--root', root]);
    return isSo(stdout) ? stdout : undefined;
  };
  return untilAnswered(ask, 20_000, () => `banshare-server ${words.join(' ')}`);
}

const has = (ip: string) => (stdout: string) =>
  stdout !== '' && (JSON.parse(stdout) as Bans).bans.some((ban) => ban.ip === ip);

test(
  'a running server moves its ledger into a log in the same epoch, a second one joins by an invitation, and each has what the other takes, until one leaves',
  { skip },
  async () => {
    await using postgres = await Postgres.start();
    await using fleet = await startFleet({});
    const { server } = fleet;
    const peer = await fleet.peer('h1');
    await publish(peer, '203.0.113.1');
    const before = await server.json<Told>('status');
    const alone = await server.command('ledger', 'invite', join(folder.path, 'none'));
    assert.match(alone.stderr, /shares no log/);

    const refused = await server.command('ledger', 'move', postgres.url);
    assert.match(
      refused.stderr,
      /no synchronous standby.*--durability of ledger move.*goes on with the ledger of its own/,
    );
    const withoutFile = [postgres.url, '--durability', 'none', '--password-file', join(folder.path, 'none')];
    assert.match(
      (await server.command('ledger', 'move', ...withoutFile)).stderr,
      /Cannot use --password-file: Cannot read .*none: ENOENT/,
    );
    await publish(peer, '203.0.113.2');
    assert.match(await server.says('ledger', 'move', postgres.url, '--durability', 'none'), /in the log now/);
    await server.line(/^banshare-server ready /);
    assert.deepEqual(
      server.said.filter((line) => / (?:warning|error): /.test(line)),
      [],
    );
    const moved = JSON.parse(
      await untilSaid(server.root, ['status', '--json'], (stdout) => stdout !== ''),
    ) as Told;
    assert.equal(moved.epoch, before.epoch);
    assert.equal(moved.head, before.head + 1);

    const twice = await server.command('ledger', 'move', postgres.url, '--durability', 'none');
    assert.match(twice.stderr, /is in a log already.*ledger invite FILE.*ledger leave/);

    const invitation = join(folder.path, 'invitation');
    await server.says('ledger', 'invite', invitation);
    assert.equal(statSync(invitation).mode & 0o777, 0o600);
    const root = join(folder.path, 'second');
    mkdirSync(root);
    layServerRoot(root, fleet.keys);
    writeServerToml(root, { report: takePort(), publish: takePort() }, '');
    const join2 = (): Promise<Ran> => runProgram('server', ['ledger', 'join', invitation, '--root', root]);
    assert.match((await join2()).stdout, /Joined/);
    assert.match(readFileSync(hostPaths(root).serverConfig, 'utf8'), /\[ledger\]\nlog = "postgres:/);
    const second = new Program('server', ['--root', root]);
    try {
      await second.line(/^banshare-server ready /);
      assert.match((await join2()).stderr, /beside a running server/);
      await untilSaid(root, ['bans', '--json'], has('203.0.113.2'));
      await publish(peer, '203.0.113.3');
      await untilSaid(root, ['bans', '--json'], has('203.0.113.3'));
      const banned = await runAsking(['ban', '203.0.113.4', '--root', root]);
      assert.equal(banned.code, 0, banned.stderr);
      await untilSaid(server.root, ['bans', '--json'], has('203.0.113.4'));
      const [one, other] = [
        await server.json<Told>('status'),
        JSON.parse(await untilSaid(root, ['status', '--json'], Boolean)) as Told,
      ];
      assert.deepEqual([other.epoch, other.head], [one.epoch, one.head]);
    } finally {
      await second.stop();
    }

    const backup = join(folder.path, 'backup');
    await server.says('backup', backup);
    const secret = readFiles(backup).find(({ path }) => path.endsWith('ledger.secret'));
    assert.deepEqual([secret?.mode, secret?.content], [0o600, readFileSync(server.paths.ledgerSecret)]);
    const left = await runProgram('server', ['ledger', 'leave', '--root', root]);
    assert.equal(left.code, 0, left.stderr);
    assert.doesNotMatch(readFileSync(hostPaths(root).serverConfig, 'utf8'), /postgres:/);
    const own = new Program('server', ['--root', root]);
    try {
      await own.line(/^banshare-server ready /);
      const { epoch } = JSON.parse(await untilSaid(root, ['status', '--json'], Boolean)) as Told;
      assert.notEqual(epoch, before.epoch);
      assert.ok(has('203.0.113.4')(await untilSaid(root, ['bans', '--json'], Boolean)));
      const move = ['ledger', 'move', postgres.url, '--durability', 'none', '--root', root];
      const used = await runProgram('server', move);
      assert.match(used.stderr, /that log is in use.*ledger join FILE.*DROP TABLE log, snapshots, parts/);
      // As that says, once the other server is stopped.
      await server.stop();
      postgres.sql('DROP TABLE log, snapshots, parts', 'banshare');
      const again = await runProgram('server', move);
      assert.equal(again.code, 0, again.stderr);
    } finally {
      await own.stop();
    }
    assert.ok(existsSync(hostPaths(root).ledgerSecret));
  },
);
