import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostPaths } from '@banshare/runtime';
import { writeHostKey } from '@banshare/transport';
import { runProgram, startFleet } from '../../../../test/fleet/index.ts';

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());
const WORDS = ['fail2ban', 'sshd', '203.0.113.9'];
const HOST_KEY = '.key_secret';

test('--check says that all is in order, and exits 0', async () => {
  await fleet.addReporter('fine');
  const { code, stdout, stderr } = await fleet.report('fine', ['--check']);
  assert.equal(code, 0);
  assert.match(stdout + stderr, /configuration and keys are in order/);
});

test('--check names every fault at once, and exits 78', async () => {
  await fleet.addReporter('faulty');
  const paths = fleet.pathsOf('faulty');
  writeFileSync(paths.clientConfig, 'sever = "x"\nreport-port = 99999\n[report]\ntimeout = "soon"\n');
  chmodSync(paths.keys.host + HOST_KEY, 0o644);
  const { code, stderr } = await fleet.report('faulty', ['--check']);
  assert.equal(code, 78);
  for (const fault of [/sever/, /report-port/, /timeout/, /its mode must be 0600, it is 0644/])
    assert.match(stderr, fault);
});

for (const [says, spoil, fault] of [
  ['a configuration that is no TOML', (paths) => writeFileSync(paths.clientConfig, '= ='), /client\.toml/],
  [
    'a configuration without a server',
    (paths) => writeFileSync(paths.clientConfig, ''),
    /Cannot tell where the server is/,
  ],
  [
    'a host that is not enrolled',
    (paths) => rmSync(paths.keys.host + HOST_KEY),
    /not enrolled: run banshare-client enrol/,
  ],
  [
    'a host key that others may read',
    (paths) => chmodSync(paths.keys.host + HOST_KEY, 0o640),
    /its mode must be 0600, it is 0640/,
  ],
  [
    'a host key that is none',
    (paths) => writeFileSync(paths.keys.host + HOST_KEY, 'curve\n'),
    /Cannot use the key/,
  ],
] as const satisfies [string, (paths: ReturnType<typeof fleet.pathsOf>) => void, RegExp][]) {
  test(`${says} exits 78`, async () => {
    const name = says.replaceAll(' ', '-').toLowerCase();
    await fleet.addReporter(name);
    spoil(fleet.pathsOf(name));
    const { code, stderr } = await fleet.report(name, WORDS);
    assert.equal(code, 78);
    assert.match(stderr, fault);
    assert.match(stderr, /^(banshare-report: .+\n)+$/);
  });
}

test('while client.toml has a fault, reports are kept, and go out once it is mended, but for what this host never bans', async () => {
  await fleet.addReporter('slip');
  const paths = fleet.pathsOf('slip');
  const good = readFileSync(paths.clientConfig, 'utf8');
  const waiting = (): string[] => readdirSync(paths.spool).filter((name) => name.endsWith('.json'));
  writeFileSync(paths.clientConfig, `${good}[never-ban]\naddresses = ["203.0.113.77"\n`);
  for (const ip of ['203.0.113.76', '203.0.113.77']) {
    const { code, stderr } = await fleet.report('slip', ['fail2ban', 'sshd', ip]);
    assert.equal(code, 78);
    assert.match(stderr, /client\.toml: line \d+.*\n.*is kept in the spool, and sent once that is mended/);
  }
  assert.equal((await fleet.report('slip', ['--config', '/nonexistent', ...WORDS])).code, 78);
  assert.equal(waiting().length, 2);
  assert.equal((await fleet.report('slip', ['--flush'])).code, 78);
  writeFileSync(paths.clientConfig, `${good}[never-ban]\naddresses = ["203.0.113.77"]\n`);
  const flushed = await fleet.report('slip', ['--flush']);
  assert.equal(flushed.code, 0);
  assert.match(flushed.stderr, /is given up, refused: 203\.0\.113\.77 is never banned/);
  assert.deepEqual(waiting(), []);
  const { bans } = await fleet.server.json<{ bans: { ip: string }[] }>('bans');
  assert.deepEqual(
    bans.map(({ ip }) => ip).filter((ip) => ip.startsWith('203.0.113.7')),
    ['203.0.113.76'],
  );
});

test('--stdin keeps its lines while client.toml has a fault, as a single report does, and names those that are none', async () => {
  await fleet.addReporter('lines');
  const paths = fleet.pathsOf('lines');
  const good = readFileSync(paths.clientConfig, 'utf8');
  writeFileSync(paths.clientConfig, `${good}[never-ban\n`);
  const stdin = 'fail2ban lines 203.0.113.86\nfail2ban lines\nfail2ban lines 203.0.113.87 1h\n';
  const { code, stderr } = await fleet.report('lines', ['--stdin'], { stdin });
  assert.equal(code, 78);
  assert.match(stderr, /line 2: a line is PROG JAIL IP/);
  assert.match(
    stderr,
    /client\.toml: line \d+.*\n.*2 reports are kept in the spool, and sent once that is mended/,
  );
  writeFileSync(paths.clientConfig, good);
  assert.equal((await fleet.report('lines', ['--flush'])).code, 0);
  const { bans } = await fleet.server.json<{ bans: { ip: string; jail: string }[] }>('bans');
  const ips = bans.filter(({ jail }) => jail === 'lines').map(({ ip }) => ip);
  assert.deepEqual(ips.toSorted(), ['203.0.113.86', '203.0.113.87']);
});

test('whoever may not read the key is told so by its fault, and by no word of its path', async () => {
  const root = join(await fleet.addReporter('named'), 'ENOENT-EACCES');
  const { code, stderr } = await runProgram('report', ['--root', root, ...WORDS]);
  assert.equal(code, 78);
  assert.doesNotMatch(stderr, /needs root/);
  const { keys } = fleet.pathsOf('named');
  mkdirSync(dirname(hostPaths(root).keys.host), { recursive: true });
  writeFileSync(hostPaths(root).clientConfig, readFileSync(fleet.pathsOf('named').clientConfig));
  writeFileSync(hostPaths(root).keys.host + HOST_KEY, readFileSync(keys.host + HOST_KEY), { mode: 0o644 });
  assert.doesNotMatch(
    (await runProgram('report', ['--root', root, ...WORDS])).stderr,
    /not enrolled|needs root/,
  );
});

test('a host whose enrolment waits for approval is told so', async () => {
  await fleet.addReporter('pending');
  const peer = await fleet.peer('another');
  writeHostKey(fleet.pathsOf('pending').keys.host, peer.identity);
  const { code, stderr } = await fleet.report('pending', WORDS);
  assert.equal(code, 78);
  assert.match(stderr, /not accepted by the server yet/);
});

test('--config FILE is read instead, and must be there', async () => {
  const root = await fleet.addReporter('other');
  const { clientConfig } = fleet.pathsOf('other');
  const other = join(root, 'other.toml');
  writeFileSync(other, readFileSync(clientConfig));
  writeFileSync(clientConfig, 'nonsense');
  assert.equal((await fleet.report('other', ['--config', other, ...WORDS])).code, 0);
  const { code, stderr } = await fleet.report('other', ['--config', join(root, 'absent.toml'), ...WORDS]);
  assert.equal(code, 78);
  assert.match(stderr, /absent\.toml/);
});

const isRoot = process.getuid?.() === 0;
test('without root it says that it needs root', { skip: isRoot ? false : 'needs root' }, async () => {
  const root = await fleet.addReporter('user');
  chmodSync(root, 0o755);
  chmodSync(join(root, '..'), 0o755);
  const { code, stderr } = await fleet.report('user', WORDS, {
    through: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
  });
  assert.equal(code, 78);
  assert.match(stderr, /needs root: keys and spool are root's/);
  assert.doesNotMatch(stderr, /\n\s+at /);
});
