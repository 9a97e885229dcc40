import { test } from 'node:test';
import assert from 'node:assert/strict';
import { runProgram, startFleet } from '../../../test/fleet/index.ts';

test('--help explains every exit code on stdout and exits 0', async () => {
  const { code, stdout, stderr } = await runProgram('report', ['--help']);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  for (const exit of [0, 64, 65, 75, 77, 78]) assert.match(stdout, new RegExp(`^ +${exit} `, 'm'));
});

test('--version prints one word and exits 0', async () => {
  const { code, stdout } = await runProgram('report', ['--version']);
  assert.equal(code, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\S*\n$/);
});

for (const words of [
  [],
  ['fail2ban', 'sshd'],
  ['--bogus', 'a', 'b', 'c'],
  ['--timeout', 'soon', 'a', 'b', 'c'],
]) {
  test(`wrong usage ${JSON.stringify(words)} exits 64 and shows the usage`, async () => {
    const { code, stdout, stderr } = await runProgram('report', words);
    assert.deepEqual({ code, stdout }, { code: 64, stdout: '' });
    assert.match(stderr, /^banshare-report: .+\nusage: banshare-report \[options\] PROG JAIL IP/);
  });
}

test('hostile words exit 65, and nothing of them is run anywhere', async () => {
  await using fleet = await startFleet({ hosts: ['h2'] });
  await fleet.addReporter('h1');
  const addresses = [
    '203.0.113.9;id',
    '203.0.113.9\nid',
    '$(touch /tmp/x)',
    '"203.0.113.9"',
    "'",
    '9'.repeat(100_000),
    '',
    '0.0.0.0/0',
    '010.0.0.1',
    '1',
    'localhost',
    '-h',
  ];
  for (const ip of addresses) {
    const { code, stderr } = await fleet.report('h1', ['fail2ban', 'sshd', ip]);
    assert.equal(code, 65, `${ip.slice(0, 20)}: ${stderr}`);
    assert.match(stderr, /^banshare-report: [\x20-\x7e…]{1,400}\n$/);
  }
  assert.equal((await fleet.report('h1', ['fail2ban', 'sshd', '::ffff:10.0.0.1'])).code, 77);
  // The one good report comes last: what came before it would have run before it.
  assert.equal((await fleet.report('h1', ['fail2ban', 'sshd', '203.0.113.9'])).code, 0);
  assert.deepEqual(await fleet.host('h2').commands.next(), ['set', 'sshd', 'banip', '203.0.113.9']);
  assert.equal(fleet.host('h2').commands.all.length, 1);
});

test('a report is shared whatever its details look like, and one line says what is left out', async () => {
  await using fleet = await startFleet();
  await fleet.addReporter('h1');
  const details = [
    ['--duration=600', '--failures=5', '--port=http, https', '--protocol=tcp'],
    ['--duration=600', '--failures=5', '--port={80,443}', '--protocol=tcp, udp'],
    ['--duration=inf', '--failures=many', `--port=${'8080,'.repeat(70)}`, '--protocol=TCP'],
    ['--duration=soon', '--failures=', '--port=<port>', '--protocol='],
  ];
  for (const [at, options] of details.entries()) {
    const { code, stderr } = await fleet.report('h1', [...options, 'fail2ban', 'sshd', `203.0.113.${at}`]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^banshare-report: left out of the report, which goes on: --.+\n$/);
  }
  const century = await fleet.report('h1', ['--duration=3155760000', 'fail2ban', 'sshd', '203.0.113.9']);
  assert.deepEqual({ code: century.code, stderr: century.stderr }, { code: 0, stderr: '' });
  const { bans } = await fleet.server.json<{ bans: { ip: string; at: number; until: number }[] }>('bans');
  const spans = bans.map(({ ip, at, until }) => [ip, Math.floor(until - at)]);
  // For ever is as long as the server's max-duration, and what was not said as its default.
  const [month, day] = [30 * 86_400, 86_400];
  assert.deepEqual(Object.fromEntries(spans), {
    '203.0.113.0': 600,
    '203.0.113.1': 600,
    '203.0.113.2': month,
    '203.0.113.3': day,
    '203.0.113.9': month,
  });
});

test('a report counts although nobody reads what it says', async () => {
  await using fleet = await startFleet();
  await fleet.addReporter('h1');
  const words = ['--debug', '--stdin'];
  const lines = ['x', 'fail2ban sshd 203.0.113.1', 'y', 'fail2ban sshd 203.0.113.2'].join('\n');
  const closed = ['sh', '-c', 'exec 3>&2; { "$@" 2>&1 >/dev/null; } | true', 'sh'];
  await fleet.report('h1', words, { stdin: lines, through: closed });
  const { bans } = await fleet.server.json<{ bans: object[] }>('bans');
  assert.equal(bans.length, 2);
});

test('--debug says how long it took', async () => {
  const { stderr } = await runProgram('report', ['-d', 'fail2ban', 'sshd', '10.0.0.1']);
  assert.match(stderr, /exit 77 after \d+ ms/);
});
