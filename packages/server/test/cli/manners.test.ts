import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { makeIdentity } from '@banshare/transport';
import { showBans, showHosts, type ShownBan } from '../../src/cli/show/show.ts';
import type { HostStatus } from '../../src/operator/status.ts';
import { NOW } from '../ledger-of-test.ts';
import { mainOf, runProgram, startFleet } from '../../../../test/fleet/index.ts';

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());

test('-h is help, of server and client, and of a command with its own options only', async () => {
  for (const program of ['server', 'client'] as const) {
    const { code, stdout } = await runProgram(program, ['-h']);
    assert.equal(code, 0);
    assert.match(stdout, /status/);
  }
  const revoke = await runProgram('server', ['hosts', 'revoke', '-h']);
  assert.match(revoke.stdout, /banshare-server hosts revoke \[name\]/);
  assert.doesNotMatch(revoke.stdout, /--replace|--address|--for/);
  assert.match((await runProgram('server', ['hosts', 'approve', '-h'])).stdout, /--replace/);
});

for (const [program, words, near] of [
  ['server', ['statsu'], /did you mean status\?/],
  ['server', ['hosts', 'aprove', 'web1'], /did you mean approve\?/],
  ['server', ['bans', '--jial', 'sshd'], /did you mean --jail\?/],
  ['server', ['never-ban', 'ad', '192.0.2.1'], /did you mean add\?; see banshare-server never-ban --help/],
  ['server', ['revoke', 'web1'], /did you mean hosts revoke\?/],
  ['server', ['freeze', '30m'], /did you mean --for 30m\?/],
  ['server', ['ban', '203.0.113.9', '-for', '1h'], /-for takes two dashes: --for/],
  ['server', ['held', 'publsh'], /did you mean publish\?/],
  ['server', ['unban'], /something is missing: unban <ip\.\.>; see banshare-server unban --help/],
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
  ['ban', '203.0.113.9', '--for', '1h', '--for', '2h'],
  ['bans', '--jail', 'sshd', '--jail', 'recidive'],
  ['hosts', 'mute', 'h1', '--for', '1h', '--for', '2h'],
  ['never-ban', 'add', '203.0.113.0/24', '--note', 'a', '--note', 'b'],
] as const) {
  test(`${words.join(' ')} says which option is there twice, in the words that were typed, and exits 64`, async () => {
    const { code, stdout, stderr } = await fleet.server.asks(...words);
    assert.deepEqual([code, stdout], [64, '']);
    assert.match(
      stderr,
      /^banshare-server: --(for|jail|note) is there more than once, .*; see banshare-server /,
    );
  });
}

for (const words of [
  ['ban'],
  ['ban', '203.0.113.9', '--for', 'soon'],
  // It was over after a second, and told as banned everywhere.
  ['ban', '203.0.113.9', '--for', '0'],
  ['ban', '203.0.113.400'],
  ['unban', 'web1'],
  ['bans', '010.0.0.1'],
  ['explain', '2001:db8::g'],
  ['never-ban', 'add', '203.0.113.0/33'],
  ['never-ban', 'remove', 'web1'],
  ['hosts', 'mute', 'h1', '--for', 'long'],
  ['freeze', '--for', 'long'],
  ['bans', '-v'],
  ['enrolment', 'ajar'],
  ['hosts', 'revoke'],
  ['hosts', 'approve'],
]) {
  test(`${words.join(' ')} is wrong usage: exit 64, one line without codes`, async () => {
    const { code, stdout, stderr } = await fleet.server.asks(...words);
    assert.deepEqual([code, stdout], [64, '']);
    assert.match(stderr, /^banshare-server: [^\n]+\n$/);
    assert.doesNotMatch(stderr, /\\u000a/);
  });
}

for (const [words, says] of [
  [['top', '--limit', '1001'], /--limit takes from 1 to 1000 rows here, not 1001;/],
  [['top', '--limit', '0'], /"0" is no number of rows/],
  [['bans', '--limit', '9999999999'], /"9999999999" is no number of rows/],
  [['token', 'add', '--uses', '10001'], /a token is for 1 to 10000 hosts/],
  [['token', 'add', '--for', '31d'], /1 second to 30 days/],
  [['hosts', 'mute', 'h1', '--for', '91d'], /1 second to 90 days/],
  [['enrolment', 'open', '--for', '0'], /1 second to 90 days/],
  [['never-ban', 'add', '198.51.100.7', '--for', '0'], /for no time is nothing/],
  [['undo', '--import', '99999'], /no import of that number/],
  [
    ['ledger', 'move', 'postgres://127.0.0.1:99999/x'],
    /the URL has "127\.0\.0\.1:99999", and a port is from 1 to 65535/,
  ],
] as const) {
  test(`${words.join(' ')} is out of range, said in the words that were typed, and exits 64`, async () => {
    const { code, stdout, stderr } = await fleet.server.asks(...words);
    assert.deepEqual([code, stdout], [64, ''], stderr);
    assert.match(stderr, says);
    assert.match(stderr, /^banshare-server: [^\n]+\n$/);
  });
}

for (const words of [
  ['hosts', 'mute', 'h1', '--for'],
  ['token', 'add', '--for'],
  ['token', 'add', '--uses'],
  ['bans', '--jail'],
  ['unban', '203.0.113.9', '--jail'],
  ['ban', '203.0.113.9', '--reason'],
  ['undo', '--all', '--since'],
  ['status', '--root'],
]) {
  test(`${words.join(' ')} lacks a value, and does nothing as if the option were not there`, async () => {
    const { code, stdout, stderr } = await fleet.server.asks(...words, '--json');
    assert.deepEqual([code, stdout], [64, '']);
    assert.match(
      stderr,
      new RegExp(`^banshare-server: ${words.at(-1)} needs a value behind it; see [^\\n]+\\n$`),
    );
  });
}

test('an option that takes no value is none with one, and undo --dry-run=yes undoes nothing', async () => {
  await fleet.server.says('ban', '203.0.113.51');
  for (const words of [
    ['undo', '--all', '--since', '1h', '--dry-run=yes'],
    ['undo', '--all', '--since', '1h', '--dryRun=1'],
    ['token', 'add', '--approve=yes'],
  ]) {
    const { code, stdout, stderr } = await fleet.server.asks(...words);
    assert.deepEqual([code, stdout], [64, '']);
    assert.match(stderr, /^banshare-server: --[a-z-]+ takes no value: [^\n]+\n$/);
  }
  assert.equal((await fleet.server.json<{ bans: unknown[] }>('bans', '203.0.113.51')).bans.length, 1);
  assert.match(
    await fleet.server.says('undo', '--all', '--since', '1h', '--dry-run=true'),
    /would be lifted/,
  );
  await fleet.server.says('unban', '203.0.113.51');
  assert.equal((await runProgram('client', ['status', '--json=yes'])).code, 64);
});

test('a word that is no address is wrong usage also where no server runs, and nothing is done with those beside it', async () => {
  const { code, stderr } = await runProgram('server', ['--root', '/nowhere', 'unban', '203.0.113.444']);
  assert.equal(code, 64);
  assert.match(stderr, /"203\.0\.113\.444" is neither an address nor a range/);
  const several = await fleet.server.asks('ban', '203.0.113.41', '203.0.113.444');
  assert.deepEqual([several.code, several.stdout], [64, '']);
  const { bans } = await fleet.server.json<{ bans: unknown[] }>('bans', '203.0.113.41');
  assert.deepEqual(bans, []);
  const approve = await runProgram('server', ['--root', '/nowhere', 'hosts', 'approve']);
  assert.match(approve.stderr, /no server runs/);
});

test('help lists what is known by its order as that, and never as an option', async () => {
  for (const words of [
    ['ban'],
    ['bans'],
    ['unban'],
    ['import'],
    ['backup'],
    ['held'],
    ['hosts', 'approve'],
    ['never-ban', 'add'],
  ]) {
    const { stdout } = await fleet.server.asks(...words, '-h');
    assert.match(stdout, /^Positionals:/m, words.join(' '));
    assert.doesNotMatch(stdout, /--(ip|file|name|range|action)\b/, words.join(' '));
  }
});

test('hosts approve without a name says who waits', async () => {
  await fleet.server.asks('enrolment', 'approve');
  await fleet.peerWith(await makeIdentity()).enrol('web7');
  const { code, stderr } = await fleet.server.asks('hosts', 'approve');
  assert.equal(code, 64);
  assert.match(stderr, /hosts approve NAME; web7 waits for you/);
});

test('ban and unban take several addresses, do what can be done, and exit with the worst', async () => {
  const { code, stdout, stderr } = await fleet.server.asks('ban', '203.0.113.1', '10.0.0.1', '203.0.113.2');
  assert.equal(code, 1);
  assert.match(stdout, /^203\.0\.113\.1 is banned everywhere\.\n203\.0\.113\.2 is banned everywhere\.\n$/);
  assert.match(stderr, /10\.0\.0\.1/);
  const lifted = await fleet.server.asks('unban', '203.0.113.1', '203.0.113.2', '--json');
  assert.equal(lifted.code, 0);
  const { results } = JSON.parse(lifted.stdout) as { results: { ip: string }[] };
  assert.deepEqual(
    results.map(({ ip }) => ip),
    ['203.0.113.1', '203.0.113.2'],
  );
});

test('a full disk is said in a line, and a closed pipe ends quietly', () => {
  const main = mainOf('server');
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

const aBan = (n: number): ShownBan => ({
  ip: `203.0.113.${n % 250}`,
  prog: 'operator',
  jail: 'banshare',
  host: 'operator',
  seq: n,
  at: NOW - 60,
  until: null,
});

test('bans prints the newest 100 and says how many more there are, --limit and --all-rows print others, with a reason', () => {
  const all = Array.from({ length: 130 }, (_, index) => aBan(index + 1));
  const lines = showBans(all.slice(30), NOW, 30).split('\n');
  assert.equal(lines.length, 1 + 100 + 1);
  assert.match(lines.at(-1) ?? '', /^And 30 older: --limit N or --all-rows shows them\.$/);
  assert.equal(showBans(all, NOW).split('\n').length, 1 + 130);
  assert.match(showBans([{ ...aBan(1), reason: 'a customer called' }], NOW), /REASON\n.* a customer called$/);
});

test('bans and explain show the reason of a ban, explain says what is not confirmed yet, and JSON has ISO times', async () => {
  await fleet.server.asks('enrolment', 'open');
  await fleet.peer('h1');
  const ip = '203.0.113.31';
  await fleet.server.asks('ban', ip, '--reason', 'asked by its owner');
  const explained = (await fleet.server.asks('explain', ip)).stdout;
  assert.match(explained, /#\d+ ban operator\/banshare by operator, until \S+: asked by its owner/);
  assert.match(explained, /h1: not confirmed yet/);
  assert.match((await fleet.server.asks('bans', ip, '--limit', '1')).stdout, /asked by its owner/);
  const { bans } = await fleet.server.json<{ bans: Record<string, unknown>[] }>('bans', ip);
  assert.equal(bans[0]?.['reason'], 'asked by its owner');
  assert.equal(bans[0]?.['atIso'], new Date(Number(bans[0]?.['at']) * 1000).toISOString());
  const wrong = await fleet.server.asks('bans', '--limit', 'many');
  assert.deepEqual([wrong.code, wrong.stdout], [64, '']);
  assert.match(wrong.stderr, /is no number of rows: --limit takes one, such as 500/);
});

const hostNumber = (n: number, node: string | null = '24.21.0'): HostStatus =>
  ({
    name: `web${n}`,
    state: 'active',
    lag: 0,
    lastSeen: NOW,
    version: '1.2.3',
    node,
    generation: '20261121T000000Z-a1b2c3',
    waitingAddresses: ['203.0.113.1'],
    receipt: null,
    mutedUntil: null,
    isRotating: false,
    namesake: null,
    ranges: true,
    dropped: null,
  }) as unknown as HostStatus;

test('hosts says once what many hosts repeat', () => {
  const many = showHosts(
    Array.from({ length: 300 }, (_, index) => hostNumber(index + 1)),
    NOW,
  );
  assert.equal(many.match(/1\.2\.3/g)?.length, 1);
  assert.equal(many.match(/20261121T000000Z/g)?.length, 1);
  assert.match(many, /^NODE of all: 24\.21\.0$/m);
  assert.equal(many.split('\n').length, 1 + 300 + 3 + 1);
  assert.match(many, /300 hosts tell addresses, which protects nothing yet: .*web10 and 290 more$/);
});

test('hosts shows the Node of each host, and that it is unknown where an earlier version tells none', () => {
  for (const others of [0, 20]) {
    const rest = Array.from({ length: others }, (_, index) => hostNumber(index + 10));
    const shown = showHosts([hostNumber(1), hostNumber(2, '24.1.0'), hostNumber(3, null), ...rest], NOW);
    assert.match(shown, /^HOST .* NODE /m);
    assert.match(shown, /^web1 .* 24\.21\.0\b/m);
    assert.match(shown, /^web2 .* 24\.1\.0\b/m);
    assert.match(shown, /^web3 .* unknown\b/m);
  }
});
