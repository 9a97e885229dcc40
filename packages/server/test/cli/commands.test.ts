import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ackOf, runProgram, startFleet } from '../../../../test/fleet/index.ts';
import { publish } from '../reports.ts';

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());
const peer = await fleet.peer('h1');

test('status --json has the shape that scripts read', async () => {
  const status = await fleet.server.json<Record<string, unknown>>('status');
  const { epoch, head, activeBans, hosts, converged } = status;
  assert.match(String(epoch), /^[0-9a-f]{16}$/);
  assert.deepEqual([head, activeBans, hosts, converged], [0, 0, 1, 0]);
});

test('bans --json has the shape that scripts read, in the order of their publication', async () => {
  await publish(peer, '203.0.113.1', 'sshd', 600);
  await publish(peer, '2001:db8::1', 'nginx', 600);
  const { bans } = await fleet.server.json<{ bans: { at: number; until: number }[] }>('bans');
  const common = { prog: 'fail2ban', host: 'h1' };
  assert.equal(bans.length, 2);
  assert.partialDeepStrictEqual(bans, [
    { ...common, ip: '203.0.113.1', jail: 'sshd', seq: 1 },
    { ...common, ip: '2001:db8::1', jail: 'nginx', seq: 2 },
  ]);
  for (const { at, until } of bans) assert.equal(until, Math.ceil(at + 600));
});

test('status and bans are tables for people without --json', async () => {
  const status = await fleet.server.command('status');
  assert.match(status.stdout, /Active bans: 2/);
  const { stdout } = await fleet.server.command('bans');
  assert.match(stdout, /^ADDRESS +JAIL +PROG/);
  assert.match(stdout, /^203\.0\.113\.1 +sshd +fail2ban +h1 /m);
});

test('status says that a host which never said how far it is needs a person, and exits 1', async () => {
  const { code, stdout } = await fleet.server.command('status');
  assert.match(stdout, /h1/);
  assert.equal(code, 1);
});

test('status exits 0 when every host has everything', async () => {
  const position = await peer.ask({ kind: 'sync', limit: 1 });
  assert.ok(position.ok);
  const { epoch, head, tail } = position.reply.fields as { epoch: string; head: number; tail: string };
  const ack = await peer.ask(ackOf({ epoch, applied: head, tail }));
  assert.ok(ack.ok && ack.reply.status === 'OK');
  const { code, stdout } = await fleet.server.command('status');
  assert.equal(code, 0, stdout);
  const status = await fleet.server.json<{ converged: number }>('status');
  assert.equal(status.converged, 1);
});

test('a command without a daemon says so and exits 69', async () => {
  await using stopped = await startFleet();
  await stopped.server.stop();
  for (const command of ['status', 'bans']) {
    const { code, stderr } = await stopped.server.command(command);
    assert.equal(code, 69);
    assert.match(
      stderr,
      /No daemon answers at .*admin\.sock: it is not running.*; systemctl status banshare-server says why, and banshare-server --check looks for faults\n$/,
    );
  }
});

for (const words of [
  ['frobnicate'],
  ['--bogus'],
  ['status', '--bogus'],
  ['run', 'more'],
  ['status', 'extra'],
]) {
  test(`wrong usage ${words.join(' ')} exits 64`, async () => {
    const { code, stderr, stdout } = await fleet.server.command(...words);
    assert.deepEqual({ code, stdout }, { code: 64, stdout: '' });
    assert.match(stderr, /^banshare-server: .*see banshare-server (?:[a-z]+ )?--help/);
  });
}

test('--help and --version exit 0', async () => {
  const help = await runProgram('server', ['--help']);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /status/);
  const version = await runProgram('server', ['--version']);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\S*\n$/);
});

test('--check says that all is in order, with and without run, and which tables the ledger has that a server is just writing', async () => {
  for (const words of [['--check'], ['run', '--check']]) {
    const { code, stdout } = await fleet.server.command(...words);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^configuration and keys are in order\nthe ledger has tables of version \d+, as this program\n$/,
    );
  }
  const json = JSON.parse((await fleet.server.command('--check', '--json')).stdout) as {
    faults: string[];
    ledger: { version: number; known: number };
  };
  assert.deepEqual(json, { faults: [], ledger: { version: json.ledger.known, known: json.ledger.known } });
});

test('--check says what to do where the ledger is of a newer program, as the daemon does, and changes nothing', async () => {
  await using later = await startFleet();
  await later.server.stop();
  const { ledger } = later.server.paths;
  const database = new DatabaseSync(ledger);
  database.exec('PRAGMA user_version = 999');
  database.close();
  const before = readFileSync(ledger);
  assert.match((await later.server.command('--check')).stderr, /; or restore a backup of before\n$/);
  writeFileSync(`${ledger}.before-999`, '');
  assert.match(
    (await later.server.command('--check')).stderr,
    /; or banshare-server restore .*ledger\.db\.before-999, which is the ledger as it was before/,
  );
  const { stdout } = await later.server.command('--check', '--json');
  const json = JSON.parse(stdout) as { faults: string[]; ledger: { version: number } };
  assert.deepEqual([json.faults.length, json.ledger.version], [1, 999]);
  assert.ok(readFileSync(ledger).equals(before));
  for (const [words, ends] of [
    [['--check'], 78],
    [[], 1],
  ] as const) {
    const { code, stderr } = await later.server.command(...words);
    assert.equal(code, ends);
    assert.match(
      stderr,
      /has version 999, this program knows up to \d+; install the newer banshare-server again/,
    );
  }
});

test('--check names every fault at once and exits 78, and the daemon does the same', async () => {
  await using faulty = await startFleet();
  await faulty.server.stop();
  const { serverConfig, generations } = faulty.server.paths;
  writeFileSync(serverConfig, '[lisen]\nport = 1\n[dedupe]\nwindow = "soon"\n[log]\nlevel = "loud"\n');
  const generation = join(generations, '20261121T000000Z-abcdef');
  chmodSync(join(generation, 'server.key_secret'), 0o644);
  rmSync(join(generation, 'join.key'));
  for (const words of [['--check'], ['run', '--check'], []]) {
    const { code, stderr } = await faulty.server.command(...words);
    assert.equal(code, 78);
    for (const fault of [/lisen/, /window/, /level/, /its mode must be 0600, it is 0644/, /join\.key/])
      assert.match(stderr, fault);
    assert.match(stderr, /^(banshare-server: .+\n)+$/);
  }
});

test('--check says that an escalation gets shorter, and where, and exits 0', async () => {
  const other = join(fleet.server.root, 'other.toml');
  const told = async (steps: string): Promise<string> => {
    writeFileSync(other, `[bans]\nescalation = [${steps}]\n`);
    const { code, stderr } = await fleet.server.command('--check', '--config', other);
    assert.equal(code, 0, stderr);
    return stderr;
  };
  for (const well of ['', '"1h"', '"10m", "1h", "1h", "30d", "-1"', '"-1", "-1"'])
    assert.equal(await told(well), '');
  assert.match(
    await told('"1d", "1d", "1h", "10m"'),
    /^banshare-server: \[bans\] escalation gets shorter, from "1d" to "1h": .* ban 3 of an address ends sooner than ban 2\. [^\n]+\n$/,
  );
  assert.match(await told('"1h", "-1", "52w"'), / from "-1" to "52w": /);
});

test('--check says in the words of status that a never-ban list of every address bans nothing, and exits 0', async () => {
  const other = join(fleet.server.root, 'other.toml');
  const told = async (addresses: string): Promise<string> => {
    writeFileSync(other, `[never-ban]\naddresses = [${addresses}]\n`);
    const { code, stdout, stderr } = await fleet.server.command('--check', '--config', other);
    assert.deepEqual([code, stdout.split('\n')[0]], [0, 'configuration and keys are in order']);
    return stderr;
  };
  assert.equal(await told('"0.0.0.0/1", "::1"'), '');
  const said = await told('"192.0.2.0/24", "0.0.0.0/0", "::/0"');
  assert.match(said, /^banshare-server: No address in 0\.0\.0\.0\/0 and ::\/0 is banned, since [^\n]*\n$/);
  for (const range of ['0.0.0.0/0', '::/0']) await fleet.server.says('never-ban', 'add', range, '--force');
  const { todo } = await fleet.server.json<{ todo: { code: string; text: string }[] }>('status');
  for (const range of ['0.0.0.0/0', '::/0']) await fleet.server.says('never-ban', 'remove', range);
  const status = todo.find(({ code }) => code === 'never-ban-all')?.text;
  assert.equal(said, `banshare-server: ${status}\n`);
});

test('--config FILE is read instead, and must be there', async () => {
  const absent = join(fleet.server.root, 'absent.toml');
  const { code, stderr } = await fleet.server.command('--check', '--config', absent);
  assert.equal(code, 78);
  assert.match(stderr, /absent\.toml/);
});

test('a second server of the same root says that another uses the ledger, and ends', async () => {
  const { code, stderr } = await fleet.server.command('run');
  assert.notEqual(code, 0);
  assert.match(stderr, /another banshare-server uses it/);
  await publish(peer, '203.0.113.99');
});
