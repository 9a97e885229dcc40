import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import type { HostName } from '@banshare/protocol';
import { formatToken, parseToken } from '@banshare/runtime';
import { writeHostKey } from '@banshare/transport';
import {
  runProgram,
  startFleet,
  untilAnswered,
  type FleetHost,
  type Peer,
  type Ran,
} from '../fleet/index.ts';

// Hosts that join by a token: README.md, "Three ways to join". What it opens, for whom and until when.
type Told = { id: string; state: string; used: number; hosts: string[] };
type Hosts = { hosts: { name: string; state: string; token: string | null }[] };
type Audited = { entries: { what: string; details: Record<string, unknown> }[] };

const fleet = await startFleet({ serverToml: '[enrolment]\nmode = "approve"' });
after(() => fleet[Symbol.asyncDispose]());

/** A host as a package lays it: it knows its server, and has neither key nor join secret. */
function bareHost(name: string): FleetHost {
  const host = fleet.layHost(name);
  for (const file of readdirSync(host.paths.keys.dir)) rmSync(join(host.paths.keys.dir, file));
  return host;
}

async function token(...words: string[]): Promise<{ id: string; text: string }> {
  const { code, stdout, stderr } = await fleet.server.asks('token', 'add', ...words);
  assert.equal(code, 0, stderr);
  const [, id = ''] = /the token ([0-9a-f]{12}) lets/.exec(stderr) ?? [];
  return { id, text: stdout };
}

async function told(id: string): Promise<Told | undefined> {
  const { tokens } = await fleet.server.json<{ tokens: Told[] }>('token', 'list');
  return tokens.find((each) => each.id === id);
}

function joins(host: FleetHost, stdin: string, ...words: string[]): Promise<Ran> {
  return runProgram('client', ['join', ...words, '--root', host.root], { stdin });
}

async function hostOf(wanted: string): Promise<Hosts['hosts'][number] | undefined> {
  const { hosts } = await fleet.server.json<Hosts>('hosts');
  return hosts.find(({ name }) => name === wanted);
}

/** Every file below a folder that has a text in it. */
function filesWith(folder: string, text: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => contentOf(path).includes(text));
}

/** What daemons write beside a file and then give its name is there for a moment only. */
function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.of();
    throw error;
  }
}

async function fate(peer: Peer, wanted: string, text: string): Promise<string> {
  const answer = await peer.join(wanted, text);
  peer.close();
  return answer.ok
    ? `${answer.reply.code ?? answer.reply.verdict}: ${answer.reply.reason ?? ''}`
    : answer.fault;
}

test('A host joins by a token on standard input, is approved by it, and neither side keeps its secret', async () => {
  const host = bareHost('web-1');
  host.launch();
  await host.line(/Cannot enrol yet/);
  const { id, text } = await token('--uses', '20', '--for', '1h', '--name', 'web-*', '--approve');
  const { code, stdout } = await joins(host, text, '-');
  assert.deepEqual([code, stdout], [0, 'Enrolled as web-1.\n']);
  await host.line(/^banshare-client ready name=web-1 /);
  const { state, used, hosts } = (await told(id)) ?? {};
  assert.deepEqual([state, used, hosts], ['alive', 1, ['web-1']]);
  assert.deepEqual((await hostOf('web-1'))?.token, id);
  assert.match(await fleet.server.says('hosts'), new RegExp(`^web-1 .* ${id}`, 'm'));
  const { entries } = await fleet.server.json<Audited>('audit');
  const own = entries.find(({ what, details }) => what === 'enrolled' && details['name'] === 'web-1');
  assert.deepEqual(
    [own?.details['token'], own?.details['from'], own?.details['state']],
    [id, '127.0.0.1', 'active'],
  );
  const again = await joins(host, text, '-', '--json');
  assert.equal((JSON.parse(again.stdout) as { outcome: string }).outcome, 'enrolled already');
  assert.equal((await told(id))?.used, 1);
  const read = parseToken(text);
  assert.ok(read.ok);
  for (const secret of [read.value.secret.secretKey, text.trim()])
    for (const root of [host.root, fleet.server.root]) assert.deepEqual(filesWith(root, secret), []);
});

test('A token without --approve only asks: the host waits, and comes in by itself once it is approved', async () => {
  const host = bareHost('asks-1');
  const { id, text } = await token();
  const file = join(host.root, 'token');
  writeFileSync(file, `# for asks-1\n${text}`, { mode: 0o600 });
  const { code, stdout } = await joins(host, '', '--file', file);
  assert.equal(code, 0);
  assert.match(stdout, /Asked to join\. asks-1 waits for an operator: banshare-server hosts approve asks-1/);
  assert.match(stdout, /banshare-client does not run here: systemctl enable --now banshare-client/);
  assert.equal(existsSync(host.paths.keys.token), false);
  assert.equal((await told(id))?.state, 'used up');
  host.launch();
  assert.match(await host.line(/Cannot enrol yet/), /hosts approve asks-1/);
  await fleet.server.says('hosts', 'approve', 'asks-1');
  await host.line(/^banshare-client ready name=asks-1 /);
});

test('A file that a shell makes for a token is read by its owner alone, and a host joins by that very file', async () => {
  const host = bareHost('shell-1');
  const file = join(host.root, 'token');
  const redirected = ['sh', '-c', `umask 022; exec "$@" >'${file}'`, 'sh'];
  const words = ['token', 'add', '--approve', '--root', fleet.server.root];
  const { code, stderr } = await runProgram('server', words, { through: redirected });
  assert.equal(code, 0, stderr);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal((await joins(host, '', '--file', file)).stdout.split('.')[0], 'Enrolled as shell-1');
});

test('A token is never an argument, and its file is a plain one that only its owner reads', async () => {
  const host = bareHost('careful-1');
  const { id, text } = await token();
  for (const words of [[text.trim()], ['--file', text.trim()], ['-', text.trim()]]) {
    const { code, stderr } = await joins(host, '', ...words);
    assert.equal(code, 64);
    assert.match(stderr, /a token is never an argument: ps shows/);
    assert.ok(!stderr.includes(text.trim()));
  }
  for (const words of [[], ['here'], ['-', '--file', 'x']])
    assert.equal((await joins(host, text, ...words)).code, 64);
  const [file, link] = [join(host.root, 'token'), join(host.root, 'link')];
  writeFileSync(file, text);
  chmodSync(file, 0o640);
  assert.match((await joins(host, '', '--file', file)).stderr, /others may read .*chmod 0600/);
  chmodSync(file, 0o600);
  symlinkSync(file, link);
  assert.equal((await joins(host, '', '--file', link)).code, 65);
  assert.match((await joins(host, text.slice(0, -5), '-')).stderr, /cut or changed/);
  assert.match((await joins(host, '', '-')).stderr, /no token in it/);
  assert.equal((await told(id))?.used, 0);
});

test('Of many hosts at once exactly as many join as a token has uses, and none after that', async () => {
  const { id, text } = await token('--uses', '3', '--approve');
  const peers = await Promise.all(Array.from({ length: 8 }, () => fleet.newcomer()));
  const fates = await Promise.all(peers.map((peer, index) => fate(peer, `swarm-${index}`, text)));
  assert.equal(fates.filter((each) => each === 'accepted: ').length, 3, fates.join('\n'));
  for (const each of fates)
    assert.match(
      each,
      /^accepted: $|^token: the token .* is used up: 3 hosts have joined by it$|^not-admitted$/,
    );
  assert.equal((await told(id))?.state, 'used up');
  // For some seconds whoever took the last use may ask for his answer again, and nobody else gets in.
  assert.match(await fate(await fleet.newcomer(), 'late-1', text), /^token: .* is used up|^not-admitted$/);
});

test('A token that was revoked or has ended lets nobody in, and says why to who asks; open connections are cut', async () => {
  const { id, text } = await token('--uses', '5');
  const peer = await fleet.newcomer();
  assert.equal((await peer.join('held-1', text)).ok, true);
  assert.equal(await fleet.server.says('token', 'revoke', id), `Revoked: ${id}.\n`);
  const read = parseToken(text);
  assert.ok(read.ok);
  // The connection is older than that: it is cut, and a new one is refused.
  const isOut = async (): Promise<true | undefined> => {
    const request = { kind: 'enrol', name: peer.name!, addresses: [] } as const;
    const answer = await peer.ask(request, {}, read.value.secret);
    return !answer.ok && answer.fault === 'not-admitted' ? true : undefined;
  };
  await untilAnswered(isOut, 20_000, () => 'the end of an older connection');
  const host = bareHost('out-1');
  const refused = await joins(host, text, '-');
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    new RegExp(`lets nobody in by the token ${id}: it has ended, is used up, was revoked`),
  );
  assert.match(refused.stderr, /hosts admit -/);
  assert.equal(existsSync(host.paths.keys.token), false);
  assert.equal((await fleet.server.asks('token', 'revoke', 'feedfeedfeed')).code, 1);
  const short = await token('--for', '1s');
  const hasEnded = async (): Promise<true | undefined> =>
    (await told(short.id))?.state === 'ended' ? true : undefined;
  await untilAnswered(hasEnded, 20_000, () => 'the end of a token of one second');
  assert.equal(await fate(await fleet.newcomer(), 'late-2', short.text), 'not-admitted');
  assert.match((await joins(host, short.text, '-')).stderr, /ended at 20/);
});

test('A token is for the names and addresses that it says, and a host of the fleet cannot use it from elsewhere', async () => {
  const named = await token('--name', 'db-?', '--uses', '9', '--approve');
  assert.match(
    await fate(await fleet.newcomer(), 'web-9', named.text),
    /^token: .* called like db-\?, not web-9/,
  );
  assert.equal(await fate(await fleet.newcomer(), 'DB-1', named.text), 'accepted: ');
  const here = await token('--from', '127.0.0.0/8', '--approve');
  assert.equal(await fate(await fleet.newcomer(), 'near-1', here.text), 'accepted: ');
  const elsewhere = await token('--from', '198.51.100.0/24', '--approve');
  assert.equal(await fate(await fleet.newcomer(), 'far-1', elsewhere.text), 'not-admitted');
  // Over the connection of a host that is in: the proof is right, and nobody came by the token from there.
  const [inside, outside] = [await fleet.newcomer(), await fleet.newcomer()];
  assert.equal((await inside.join('inside-1', (await token('--approve')).text)).ok, true);
  const answer = await outside.join('far-2', elsewhere.text, inside.identity.curve);
  assert.ok(answer.ok);
  assert.deepEqual(
    [answer.reply.code, /may be used from 198\.51\.100\.0\/24 only/.test(answer.reply.reason ?? '')],
    ['token', true],
  );
});

test('A token that leaked is undone at once: hosts revoke --token shuts out it and every host that came by it', async () => {
  const { id, text } = await token('--uses', '9', '--approve');
  const stays = await fleet.newcomer();
  assert.equal(await fate(stays, 'leak-1', text), 'accepted: ');
  assert.equal(await fate(await fleet.newcomer(), 'leak-2', text), 'accepted: ');
  assert.match(
    await fleet.server.says('hosts', 'revoke', '--token', id),
    /revoked too: the 2 hosts that came by it: leak-1, leak-2\..*undo --host leak-1/,
  );
  assert.deepEqual(
    [(await hostOf('leak-1'))?.state, (await hostOf('leak-2'))?.state],
    ['revoked', 'revoked'],
  );
  assert.equal((await told(id))?.state, 'revoked');
  assert.equal(
    await fate(stays, 'leak-1', (await token('--approve')).text),
    'revoked: the key of leak-1 was revoked',
  );
  assert.equal((await fleet.server.asks('hosts', 'revoke', '--token', 'feedfeedfeed')).code, 1);
  assert.equal((await fleet.server.asks('hosts', 'revoke')).code, 64);
});

test('A host that waits is let in by a token only as what it asked to be called, and counts as come by that token', async () => {
  const [asks, named] = [
    await token('--uses', '9'),
    await token('--name', 'app-*', '--uses', '9', '--approve'),
  ];
  const [liar, honest] = [await fleet.newcomer(), await fleet.newcomer()];
  for (const [peer, wanted] of [
    [liar, 'vault-1'],
    [honest, 'app-1'],
  ] as const)
    assert.ok((await peer.join(wanted, asks.text)).ok);
  assert.match(await fate(liar, 'app-2', named.text), /^pending: vault-1 waits/);
  assert.equal((await hostOf('vault-1'))?.state, 'pending');
  assert.equal(await fate(honest, 'app-1', named.text), 'accepted: ');
  assert.deepEqual((await told(named.id))?.hosts, ['app-1']);
  await fleet.server.says('hosts', 'revoke', '--token', named.id);
  assert.equal((await hostOf('app-1'))?.state, 'revoked');
});

test('A token says where the servers are: a host that knew none, or others, goes by it, also while it runs', async () => {
  const host = bareHost('bare-1');
  const lines = readFileSync(host.paths.clientConfig, 'utf8').split('\n');
  host.writeToml(lines.filter((line) => !/^(server|report-port|publish-port)/.test(line)).join('\n'));
  assert.match((await host.command('--check')).stderr, /give banshare-client join - a token/);
  const { text } = await token('--approve');
  // It was of another fleet, whose server is gone.
  const read = parseToken(text);
  assert.ok(read.ok);
  const { secret: _, ...known } = read.value;
  const other = { ...known, servers: ['127.0.0.9'], insteadOf: null };
  writeFileSync(host.paths.joined, JSON.stringify(other));
  host.launch();
  await host.line(/Cannot enrol yet/);
  const { code, stdout } = await joins(host, text, '-');
  assert.deepEqual([code, stdout], [0, 'Enrolled as bare-1.\n']);
  await host.line(/^banshare-client ready name=bare-1 /);
  assert.equal(statSync(host.paths.joined).mode & 0o777, 0o644);
  assert.doesNotMatch(readFileSync(host.paths.joined, 'utf8'), /secret/i);
  assert.equal((await fleet.report('bare-1', ['fail2ban', 'sshd', '203.0.113.77'])).code, 0);
});

test('A host that is in a fleet stays there where the token of another is of no use', async () => {
  const host = bareHost('faithful-1');
  const lines = readFileSync(host.paths.clientConfig, 'utf8').split('\n');
  host.writeToml(lines.filter((line) => !/^(server|report-port|publish-port)/.test(line)).join('\n'));
  const key = await fleet.newcomer();
  writeHostKey(host.paths.keys.host, key.identity, 'faithful-1' as HostName);
  const { id, text } = await token('--name', 'other-*');
  const read = parseToken(text);
  assert.ok(read.ok);
  const { secret, ...known } = read.value;
  const first = JSON.stringify({ ...known, servers: ['127.0.0.9'], insteadOf: null });
  const note = JSON.stringify({ ...known, servers: ['127.0.0.9'] });
  writeFileSync(host.paths.joined, first);
  mkdirSync(dirname(host.paths.fleetNote), { recursive: true });
  writeFileSync(host.paths.fleetNote, note, { mode: 0o600 });
  const refused = await joins(host, text, '-');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, new RegExp(`the token ${id} is for .*stays in the fleet where it is`));
  host.writeToml(`server-public-key = "${secret.publicKey}"\n`);
  assert.match((await joins(host, text, '-')).stderr, /client\.toml names another server/);
  // Nor where nobody answers by it: the host would be in no fleet.
  host.writeToml('');
  const nowhere = formatToken({ ...read.value, servers: ['127.0.0.8'] });
  const away = await joins(host, nowhere, '-');
  assert.equal(away.code, 75);
  assert.match(away.stderr, /stays in the fleet where it is, and the token is not kept/);
  assert.equal(existsSync(host.paths.keys.token), false);
  assert.deepEqual(
    [host.paths.joined, host.paths.fleetNote].map((path) => readFileSync(path, 'utf8')),
    [first, note],
  );
});

test('Terms that no token may have are refused, and so are more tokens than anybody needs', async () => {
  for (const words of [
    ['--uses', '0'],
    ['--uses', '10001'],
    ['--uses', 'x'],
    ['--for', '31d'],
    ['--for', '-1'],
    ['--from', 'nowhere'],
    ['--name', 'a b'],
  ])
    assert.equal((await fleet.server.asks('token', 'add', ...words)).code, 64, words.join(' '));
  assert.equal((await fleet.server.asks('token', 'revoke')).code, 64);
  assert.equal((await fleet.server.asks('token', 'revoke', '--all')).code, 0);
  const { tokens } = await fleet.server.json<{ tokens: Told[] }>('token', 'list');
  assert.ok(tokens.length > 8 && tokens.every(({ state }) => state !== 'alive'));
});

test('Where no server is there yet the host keeps the token, joins by itself once one is, and deletes it then', async () => {
  const host = bareHost('patient-1');
  const { text } = await token('--approve');
  await fleet.server.stop();
  const { code, stderr } = await joins(host, text, '-');
  assert.equal(code, 75);
  assert.match(stderr, /Not joined yet: .* goes on asking until the token ends/);
  assert.equal(statSync(host.paths.keys.token).mode & 0o777, 0o600);
  host.launch();
  await host.line(/Cannot enrol yet/);
  // A host that is in and cannot ask keeps one too, and needs it no more once it hears its server.
  const known = fleet.layHost('known-1');
  const key = await fleet.newcomer();
  writeHostKey(known.paths.keys.host, key.identity, 'known-1' as HostName);
  assert.equal((await joins(known, text, '-')).code, 75);
  await fleet.server.start();
  await host.line(/^banshare-client ready name=patient-1 /);
  assert.equal(existsSync(host.paths.keys.token), false);
  const line = `known-1 ${key.identity.publicHex}\n`;
  await runProgram('server', ['hosts', 'admit', '-', '--root', fleet.server.root], { stdin: line });
  await known.start();
  const isGone = async (): Promise<true | undefined> =>
    existsSync(known.paths.keys.token) ? undefined : true;
  await untilAnswered(isGone, 20_000, () => 'the end of a token that nobody needs');
});
