import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { assertInTime, startFleet, takePort, type Ran } from '../../../../test/fleet/index.ts';

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());
await fleet.addReporter('h1');

type Ban = { ip: string; jail: string; at: number; until: number | null };

function stream(text: string | Uint8Array, ...options: string[]): Promise<Ran> {
  return fleet.report('h1', [...options, '--stdin'], { stdin: text });
}

async function bansOf(jail: string): Promise<Ban[]> {
  const { bans } = await fleet.server.json<{ bans: Ban[] }>('bans');
  return bans.filter((ban) => ban.jail === jail);
}

test('--stdin reports each line, with its own duration or the one of the command line', async () => {
  const lines = [
    'fail2ban two 203.0.113.1',
    '',
    'fail2ban two 203.0.113.2 -1',
    'fail2ban two\t203.0.113.3  5m',
  ];
  const { code, stderr } = await stream(`${lines.join('\n')}\r\n`, '--duration', '60');
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const spans = (await bansOf('two')).map(({ at, until }) => Math.floor((until ?? 0) - at));
  // For ever is as long as the server's max-duration.
  assert.deepEqual(spans, [60, 30 * 86_400, 300]);
});

test('--stdin takes a last line without an end, and nothing at all', async () => {
  assert.equal((await stream('fail2ban end 203.0.113.1')).code, 0);
  assert.equal((await bansOf('end')).length, 1);
  const { code, stderr } = await stream('');
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

test('--stdin names each bad line, goes on, and exits with the highest code', async () => {
  const { code, stderr } = await stream(
    [
      'fail2ban bad 203.0.113.1',
      'fail2ban bad',
      'fail2ban bad localhost',
      'fail2ban bad 203.0.113.3 1d more',
      'fail2ban bad 10.0.0.1',
      'fail2ban bad $(id)',
      'fail2ban bad 203.0.113.4',
    ].join('\n'),
  );
  assert.equal(code, 77);
  const said = stderr.trimEnd().split('\n');
  assert.deepEqual(
    said.map((line) => /^banshare-report: line (\d+): /.exec(line)?.[1]),
    ['2', '3', '4', '5', '6'],
  );
  assert.match(said[0] ?? '', /this one has 2 words/);
  assert.match(said[1] ?? '', /"localhost" is not one IPv4 or IPv6 address/);
  assert.match(said[3] ?? '', /refused: 10\.0\.0\.1 lies in/);
  assert.deepEqual(
    (await bansOf('bad')).map(({ ip }) => ip),
    ['203.0.113.1', '203.0.113.4'],
  );
});

test('--stdin reports a ban whose duration cannot be read, says so, and takes one that is too long as for ever', async () => {
  const { code, stderr } = await stream(
    'fail2ban detail 203.0.113.2 soon\nfail2ban detail 203.0.113.3 1e+30\n',
  );
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^banshare-report: line 1: its duration is left out of the report, which goes on: "soon" is not a duration\n$/,
  );
  assert.equal((await bansOf('detail')).length, 2);
});

test('--stdin exits 65 when nothing was worse than a bad line', async () => {
  assert.equal((await stream('fail2ban worse 203.0.113.1\nfail2ban worse 1\n')).code, 65);
});

test('--stdin takes NUL, a line of 1 MB and bytes that are no UTF-8 for bad lines, and goes on', async () => {
  const { code, stderr } = await stream(
    Buffer.concat([
      Buffer.from('fail2ban odd 203.0.113.1\0\n'),
      Buffer.from(`fail2ban odd ${'9'.repeat(1_000_000)}\n`),
      Buffer.from([0xff, 0xfe, 0x20, 0xc3, 0x20, 0x80, 0x0a]),
      Buffer.from('\u001b[2J\u202e odd 203.0.113.1\n'),
      Buffer.from('fail2ban odd 203.0.113.2\n'),
      Buffer.from('x'.repeat(70_000)),
    ]),
  );
  assert.equal(code, 65);
  const said = stderr.trimEnd().split('\n');
  assert.equal(said.length, 5);
  for (const line of said) assert.match(line, /^[\x20-\x7e…]{1,400}$/);
  assert.match(said[1] ?? '', /^banshare-report: line 2: a line is longer than 512 bytes$/);
  assert.match(said[4] ?? '', /^banshare-report: line 6: a line is longer/);
  assert.deepEqual(
    (await bansOf('odd')).map(({ ip }) => ip),
    ['203.0.113.2'],
  );
});

test('--stdin drops what banshare applied here itself', async () => {
  const note = join(fleet.pathsOf('h1').notes, 'echo@203.0.113.1');
  mkdirSync(dirname(note), { recursive: true });
  writeFileSync(note, '');
  const { code, stderr } = await stream('fail2ban echo 203.0.113.1\nfail2ban echo 203.0.113.2\n');
  assert.equal(code, 0);
  assert.match(stderr, /^banshare-report: line 1: dropped: banshare itself applied this ban/);
  assert.deepEqual(
    (await bansOf('echo')).map(({ ip }) => ip),
    ['203.0.113.2'],
  );
});

test('--stdin sends 1000 lines over one connection', async () => {
  const lines = Array.from({ length: 1000 }, (_, at) => `fail2ban many 198.51.100.${at % 250}`);
  const jails = lines.map((line, at) => line.replace('many', `many${Math.floor(at / 250)}`));
  const { code, ms } = await stream(`${jails.join('\n')}\n`);
  assert.equal(code, 0);
  const { bans } = await fleet.server.json<{ bans: Ban[] }>('bans');
  assert.equal(bans.filter(({ jail }) => jail.startsWith('many')).length, 1000);
  // A process or a connection for each would take half a minute.
  assert.ok(ms < 15_000, `${ms} ms`);
});

test('--stdin without a server keeps every line, and waits for it only once', async () => {
  const toml = `report-port = ${takePort()}\n`;
  await fleet.addReporter('alone');
  const paths = fleet.pathsOf('alone');
  writeFileSync(
    paths.clientConfig,
    `server = "127.0.0.1"\n${toml}publish-port = 9\nserver-public-key = ${JSON.stringify(fleet.keys.server.publicKey)}\n`,
  );
  const lines = Array.from({ length: 20 }, (_, at) => `fail2ban sshd 203.0.113.${at}`).join('\n');
  const { code, stderr, ms } = await fleet.report('alone', ['--stdin', '--timeout', '1s'], { stdin: lines });
  assert.equal(code, 0);
  assert.equal(stderr.match(/in the spool/g)?.length, 20);
  await assertInTime(ms, 1000);
});

test('--stdin keeps the order of what is said of one ban, and tells of its lines in theirs', async () => {
  const lines = Array.from({ length: 90 }, (_, at) =>
    at % 3 === 2 ? `bad ${at}` : `fail2ban order 203.0.113.${at % 3} ${at + 100}`,
  );
  const { code, stderr } = await stream(lines.join('\n'));
  assert.equal(code, 65);
  const numbers = [...stderr.matchAll(/line (\d+): a line is/g)].map(([, number]) => Number(number));
  assert.deepEqual(
    numbers,
    Array.from({ length: 30 }, (_, at) => at * 3 + 3),
  );
  // Each later line would end less than the dedupe window after the first: it moves nothing.
  const spans = (await bansOf('order')).map(({ at, until }) => Math.floor((until ?? 0) - at));
  assert.deepEqual(new Set(spans), new Set([100, 101]));
});

test('--stdin asks no more once the server says that this host reports too much, and keeps the rest', async () => {
  await using other = await startFleet({ serverToml: '[limits]\nhost-per-minute = 60\nhost-burst = 5\n' });
  await other.addReporter('h1');
  const lines = Array.from({ length: 200 }, (_, at) => `fail2ban sshd 203.0.113.${at}`).join('\n');
  const { code, stderr } = await other.report('h1', ['--stdin'], { stdin: lines });
  assert.equal(code, 0, stderr);
  const { bans } = await other.server.json<{ bans: Ban[] }>('bans');
  const kept = readdirSync(other.pathsOf('h1').spool).filter((name) => name.endsWith('.json')).length;
  assert.equal(bans.length + kept, 200);
  assert.ok(bans.length >= 5 && bans.length < 20, `${bans.length}`);
});
