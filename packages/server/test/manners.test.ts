import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { makeIdentity } from '@banshare/transport';
import { runProgram, startFleet } from '../../../test/fleet/index.ts';

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());

test('-h is help, of server and client, and of a command with its own options only', async () => {
  for (const program of ['server', 'client'] as const) {
    const { code, stdout } = await runProgram(program, ['-h']);
    assert.equal(code, 0);
    assert.match(stdout, /status/);
  }
  const revoke = await runProgram('server', ['hosts', 'revoke', '-h']);
  assert.match(revoke.stdout, /banshare-server hosts revoke <name>/);
  assert.doesNotMatch(revoke.stdout, /--replace|--address|--for/);
  assert.match((await runProgram('server', ['hosts', 'approve', '-h'])).stdout, /--replace/);
});

for (const [program, words, near] of [
  ['server', ['statsu'], /did you mean status\?/],
  ['server', ['hosts', 'aprove', 'web1'], /did you mean approve\?/],
  ['server', ['bans', '--jial', 'sshd'], /did you mean --jail\?/],
  ['client', ['stauts'], /did you mean status\?/],
] as const) {
  test(`${program} ${words.join(' ')} names what was meant, in one line, and exits 64`, async () => {
    const { code, stdout, stderr } = await runProgram(program, [...words]);
    assert.deepEqual([code, stdout], [64, '']);
    assert.match(stderr, near);
    assert.equal(stderr.trim().split('\n').length, 1);
  });
}

for (const words of [
  ['ban'],
  ['ban', '203.0.113.9', '--for', 'soon'],
  ['enrolment', 'ajar'],
  ['hosts', 'revoke'],
  ['hosts', 'approve'],
]) {
  test(`${words.join(' ')} is wrong usage: exit 64, one line without codes`, async () => {
    const { code, stdout, stderr } = await fleet.server.command(...words);
    assert.deepEqual([code, stdout], [64, '']);
    assert.match(stderr, /^banshare-server: [^\n]+\n$/);
    assert.doesNotMatch(stderr, /\\u000a/);
  });
}

test('hosts approve without a name says who waits', async () => {
  await fleet.server.command('enrolment', 'approve');
  await fleet.peerWith(await makeIdentity()).enrol('web7');
  const { code, stderr } = await fleet.server.command('hosts', 'approve');
  assert.equal(code, 64);
  assert.match(stderr, /hosts approve NAME; web7 waits for you/);
});

test('ban and unban take several addresses, do what can be done, and exit with the worst', async () => {
  const { code, stdout, stderr } = await fleet.server.command(
    'ban',
    '203.0.113.1',
    '10.0.0.1',
    '203.0.113.2',
  );
  assert.equal(code, 1);
  assert.match(stdout, /^203\.0\.113\.1 is banned everywhere\.\n203\.0\.113\.2 is banned everywhere\.\n$/);
  assert.match(stderr, /10\.0\.0\.1/);
  const lifted = await fleet.server.command('unban', '203.0.113.1', '203.0.113.2', '--json');
  assert.equal(lifted.code, 0);
  const { results } = JSON.parse(lifted.stdout) as { results: { ip: string }[] };
  assert.deepEqual(
    results.map(({ ip }) => ip),
    ['203.0.113.1', '203.0.113.2'],
  );
});

test('a full disk is said in a line, and a closed pipe ends quietly', () => {
  const main = join(import.meta.dirname, '../src/main.ts');
  const full = openSync('/dev/full', 'w');
  const toFull = spawnSync(process.execPath, [main, '--root', fleet.server.root, 'never-ban', 'list'], {
    stdio: ['ignore', full, 'pipe'],
  });
  closeSync(full);
  assert.match(String(toFull.stderr), /^banshare-server: Cannot write the answer: ENOSPC[^\n]*\n$/);
  assert.equal(toFull.status, 74);
  const command = `'${process.execPath}' '${main}' --root '${fleet.server.root}' never-ban list | :`;
  const piped = spawnSync('sh', ['-c', command]);
  assert.equal(String(piped.stderr), '');
});
