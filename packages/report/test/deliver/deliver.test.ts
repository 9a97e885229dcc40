import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeIdentity, writeHostKey } from '@banshare/transport';
import { parseHostName } from '@banshare/protocol';
import { assertInTime, startFleet, takePort, type Ran } from '../../../../test/fleet/index.ts';
import { inSilence, noNamespaces, onFullDisk, silentPort, sinceBegun, SWALLOWED } from '../silence.ts';

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());

const words = (last: number): string[] => ['fail2ban', 'sshd', `203.0.113.${last}`];

/** For tests that only need a miss, not the whole time that it takes. */
const hurried = (last: number): string[] => ['--timeout', '1s', ...words(last)];

await fleet.addReporter('h1');
await fleet.addReporter('h2');

/** The reporter's own limit. */
const LIMIT_MS = 2000;

function outcome({ code, stderr }: Ran): { code: number | null; stderr: string } {
  return { code, stderr };
}

/** A host of its own whose server is at that port; where nothing is at it by default. */
async function lonelyHost(name: string, more = '', port?: number): Promise<string> {
  const root = await fleet.addReporter(name);
  const paths = fleet.pathsOf(name);
  const toml = readFileSync(paths.clientConfig, 'utf8');
  const at = port ?? takePort();
  writeFileSync(paths.clientConfig, toml.replace(/^report-port = .*/m, `report-port = ${at}`) + more);
  return root;
}

function spooled(name: string): string[] {
  const { spool } = fleet.pathsOf(name);
  return existsSync(spool) ? readdirSync(spool).filter((file) => file.endsWith('.json')) : [];
}

test('an accepted report exits 0 and says nothing', async () => {
  assert.deepEqual(outcome(await fleet.report('h1', words(1))), { code: 0, stderr: '' });
});

test('a report of what is banned already exits 0 and says duplicate', async () => {
  await fleet.report('h1', words(2));
  assert.deepEqual(outcome(await fleet.report('h2', words(2))), {
    code: 0,
    stderr: 'banshare-report: duplicate\n',
  });
});

test('--unban by the last supporter lifts the ban, and exits 0', async () => {
  await fleet.report('h1', words(3));
  const { code } = await fleet.report('h1', ['--unban', ...words(3)]);
  assert.equal(code, 0);
  const { bans } = await fleet.server.json<{ bans: { ip: string }[] }>('bans');
  assert.ok(!bans.some(({ ip }) => ip === '203.0.113.3'));
});

test('what the command line tells reaches the ledger', async () => {
  const options = ['--duration', '600', '--failures', '5', '--port', 'ssh', '--protocol', 'tcp'];
  await fleet.report('h1', [...options, ...words(4)]);
  const peer = await fleet.peer('reader');
  const answer = await peer.ask({ kind: 'sync', limit: 1000 });
  assert.ok(answer.ok);
  const bans = answer.reply.fields['bans'] as { ip: string; at: number; until: number }[];
  const { at, until, ...ban } = bans.find(({ ip }) => ip === '203.0.113.4')!;
  assert.equal(until, Math.ceil(at + 600));
  assert.partialDeepStrictEqual(ban, { host: 'h1', failures: 5, port: 'ssh', protocol: 'tcp' });
});

test('a report that the server refuses exits 77 with the reason, and is not spooled', async () => {
  const { code, stderr } = await fleet.report('h1', ['operator', 'sshd', '203.0.113.5']);
  assert.equal(code, 77);
  assert.match(stderr, /refused: bans of operator are made on the server only/);
  assert.deepEqual(spooled('h1'), []);
});

test('a key that the server does not admit exits 77, and is not spooled', async () => {
  await fleet.addReporter('stranger');
  const name = parseHostName('stranger');
  assert.ok(name.ok);
  writeHostKey(fleet.pathsOf('stranger').keys.host, await makeIdentity(), name.value);
  const { code, stderr, ms } = await fleet.report('stranger', words(6));
  assert.equal(code, 77);
  assert.match(stderr, /does not admit this key; run banshare-client status/);
  assert.deepEqual(spooled('stranger'), []);
  await assertInTime(ms, LIMIT_MS);
});

test('a closed port: the report is kept, unsigned and with an id of its own, and exits 0', async () => {
  await lonelyHost('closed');
  const began = Date.now() / 1000;
  const { code, stderr, ms } = await fleet.report('closed', [
    '--duration',
    '1h',
    '--port',
    'ssh',
    ...words(7),
  ]);
  assert.equal(code, 0);
  assert.match(stderr, /in the spool, and sent as soon as the server answers: no answer from tcp:/);
  await assertInTime(ms, LIMIT_MS);
  const { spool } = fleet.pathsOf('closed');
  const [file = '', ...more] = spooled('closed');
  assert.deepEqual(more, []);
  assert.equal(statSync(join(spool, file)).mode & 0o777, 0o600);
  assert.equal(statSync(spool).mode & 0o777, 0o700);
  const { id, at, ...kept } = JSON.parse(readFileSync(join(spool, file), 'utf8')) as {
    id: string;
    at: number;
  };
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.ok(file.endsWith(`-${id}.json`));
  assert.ok(at >= began - 1 && at <= Date.now() / 1000);
  assert.deepEqual(kept, {
    kind: 'report',
    report: { prog: 'fail2ban', jail: 'sshd', ip: '203.0.113.7', durationSeconds: 3600, port: 'ssh' },
  });
});

test('after one report that found no server, the next go straight to the spool for 30 s', async () => {
  await lonelyHost('marked');
  await fleet.report('marked', hurried(8));
  const next = await fleet.report('marked', hurried(9));
  assert.match(next.stderr, /in the spool.*the server was not found a moment ago/);
  await assertInTime(next.ms, 0);
  assert.equal(spooled('marked').length, 2);
});

test('a mark older than 30 s does not count, and the first success removes it', async () => {
  await fleet.addReporter('back');
  const { spool } = fleet.pathsOf('back');
  const mark = join(spool, '.no-server');
  mkdirSync(spool, { recursive: true, mode: 0o700 });
  writeFileSync(mark, '');
  const old = Date.now() / 1000 - 31;
  utimesSync(mark, old, old);
  assert.deepEqual(outcome(await fleet.report('back', words(10))), { code: 0, stderr: '' });
  assert.equal(existsSync(mark), false);
});

test('a mark from the future, made before the clock was set back, does not count', async () => {
  await fleet.addReporter('future');
  const { spool } = fleet.pathsOf('future');
  mkdirSync(spool, { recursive: true, mode: 0o700 });
  writeFileSync(join(spool, '.no-server'), '');
  const later = Date.now() / 1000 + 3600;
  utimesSync(join(spool, '.no-server'), later, later);
  assert.deepEqual(outcome(await fleet.report('future', words(11))), { code: 0, stderr: '' });
});

test('--strict exits 75 for what went to the spool', async () => {
  await lonelyHost('strict');
  assert.equal((await fleet.report('strict', ['--strict', ...hurried(12)])).code, 75);
  assert.equal(spooled('strict').length, 1);
});

test('a full spool exits 75 and says what its limit is', async () => {
  await lonelyHost('full', '[report]\nspool-max = 1\n');
  await fleet.report('full', hurried(13));
  const { code, stderr } = await fleet.report('full', hurried(14));
  assert.equal(code, 75);
  assert.match(
    stderr,
    /cannot keep the report in the spool: 1 reports wait there already, and spool-max is 1/,
  );
});

test('a spool that cannot be written exits 75 and names it', async () => {
  await lonelyHost('broken');
  const { spool } = fleet.pathsOf('broken');
  mkdirSync(join(spool, '..'), { recursive: true });
  writeFileSync(spool, 'not a folder');
  const { code, stderr, ms } = await fleet.report('broken', hurried(15));
  assert.equal(code, 75);
  assert.match(stderr, /cannot keep the report in the spool: .*banshare/);
  await assertInTime(ms, LIMIT_MS);
});

test('a spool that cannot be read is no hindrance while the server answers', async () => {
  await fleet.addReporter('unread');
  const { spool } = fleet.pathsOf('unread');
  mkdirSync(join(spool, '..'), { recursive: true });
  writeFileSync(spool, 'not a folder');
  assert.deepEqual(outcome(await fleet.report('unread', words(16))), { code: 0, stderr: '' });
});

test('a full disk exits 75', { skip: noNamespaces }, async () => {
  await lonelyHost('disk');
  const { spool } = fleet.pathsOf('disk');
  mkdirSync(spool, { recursive: true });
  const { code, stderr } = await fleet.report('disk', hurried(17), { through: onFullDisk(spool) });
  assert.equal(code, 75);
  assert.match(stderr, /cannot keep the report in the spool: .*ENOSPC/);
});

test('a server that takes the connection and stays silent costs 2 s and no more', async () => {
  const silent = await silentPort();
  await lonelyHost('silent', '', silent.port);
  const { code, stderr, ms } = await fleet.report('silent', words(18));
  silent.close();
  assert.equal(code, 0);
  assert.match(stderr, /in the spool.*within/);
  assert.ok(ms > 1900, `${ms} ms`);
  await assertInTime(ms, LIMIT_MS);
});

test('--timeout 1s, and report.timeout in client.toml, set another limit', async () => {
  const silent = await silentPort();
  await lonelyHost('hasty', '[report]\ntimeout = "4s"\n', silent.port);
  const hasty = await fleet.report('hasty', ['--timeout', '1s', ...words(19)]);
  assert.ok(hasty.ms > 900, `${hasty.ms} ms`);
  await assertInTime(hasty.ms, 1000);
  rmSync(join(fleet.pathsOf('hasty').spool, '.no-server'));
  const patient = await fleet.report('hasty', words(19));
  silent.close();
  assert.ok(patient.ms > 3900, `${patient.ms} ms`);
  await assertInTime(patient.ms, 4000);
});

test('a filtered port costs 2 s and no more', { skip: noNamespaces }, async () => {
  const root = await fleet.addReporter('filtered', '', SWALLOWED);
  const resolvConf = join(root, 'resolv.conf');
  const { code, stderr } = await fleet.report('filtered', words(20), { through: inSilence(resolvConf) });
  const ms = sinceBegun(resolvConf);
  assert.equal(code, 0);
  assert.match(stderr, /in the spool/);
  assert.ok(ms > 1900, `${ms} ms`);
  await assertInTime(ms, LIMIT_MS);
});

test('a server whose name no resolver answers costs 2 s and no more', { skip: noNamespaces }, async () => {
  const root = await fleet.addReporter('nameless', '', 'bans.example.org');
  const resolvConf = join(root, 'resolv.conf');
  const { code, stderr } = await fleet.report('nameless', words(21), { through: inSilence(resolvConf) });
  const ms = sinceBegun(resolvConf);
  assert.equal(code, 0);
  assert.match(stderr, /in the spool.*cannot resolve bans\.example\.org/);
  assert.ok(ms > 1900, `${ms} ms`);
  await assertInTime(ms, LIMIT_MS);
  assert.equal(spooled('nameless').length, 1);
});

for (const [says, shift] of [
  ['three hours fast', '+3h'],
  ['nine days slow', '-9d'],
] as const) {
  const needs = existsSync('/usr/bin/faketime') ? false : 'faketime is not installed';
  test(
    `a host whose clock is ${says} reports all the same, by the server's clock`,
    { skip: needs },
    async () => {
      const jail = `clock${shift.slice(1)}`;
      const report = await fleet.report('h1', ['fail2ban', jail, '203.0.113.22'], {
        through: ['faketime', '-f', shift],
        env: { DONT_FAKE_MONOTONIC: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' },
      });
      assert.deepEqual(outcome(report), { code: 0, stderr: '' });
      const { bans } = await fleet.server.json<{ bans: { jail: string; at: number }[] }>('bans');
      const at = bans.find((ban) => ban.jail === jail)?.at ?? 0;
      assert.ok(Math.abs(at - Date.now() / 1000) < 60);
    },
  );
}

test('a report of a stopped server is kept, and one after its return is accepted', async () => {
  await fleet.addReporter('patient');
  await fleet.server.stop();
  assert.match((await fleet.report('patient', words(23))).stderr, /in the spool/);
  await fleet.server.start();
  rmSync(join(fleet.pathsOf('patient').spool, '.no-server'));
  assert.deepEqual(outcome(await fleet.report('patient', words(24))), { code: 0, stderr: '' });
});
