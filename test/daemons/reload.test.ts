import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Reloaded } from '@banshare/runtime';
import { startFleet } from '../fleet/index.ts';

const fleet = await startFleet({ hosts: ['h1'], serverToml: '[limits]\nactive = 50\n' });
after(() => fleet[Symbol.asyncDispose]());
const { server } = fleet;
const host = fleet.host('h1');
const serverDrop = (name: string): string => join(server.root, 'etc/banshare/server.d', name);
const hostDrop = (name: string): string => join(host.root, 'etc/banshare/client.d', name);
mkdirSync(join(server.root, 'etc/banshare/server.d'));
mkdirSync(join(host.root, 'etc/banshare/client.d'));

async function reload(): Promise<Reloaded> {
  return server.json<Reloaded>('reload');
}

/** Waits until the host's command was run with these last words. */
async function ran(words: string): Promise<void> {
  while (!(await host.commands.next()).join(' ').endsWith(words)) continue;
}

test('banshare-server reload takes over server.d, of which later files count more, and names what needs a restart', async () => {
  writeFileSync(serverDrop('20-later.toml'), '[limits]\nactive = 3\n');
  writeFileSync(
    serverDrop('10-first.toml'),
    'limits.active = 4\ndedupe.window = "1m"\nenrolment.gone-after = "8d"\n',
  );
  writeFileSync(serverDrop('.30-hidden.toml'), 'nonsense');
  const { files, changed, needsRestart } = await reload();
  assert.deepEqual(
    files.map((file) => file.replace(/.*\//, '')),
    ['server.toml', '10-first.toml', '20-later.toml'],
  );
  assert.deepEqual(changed, [
    { key: 'dedupe.window', was: '300 s', is: '60 s' },
    { key: 'limits.active', was: '50', is: '3' },
  ]);
  assert.deepEqual(needsRestart, ['enrolment.gone-after']);
  const { todo } = await server.json<{ todo: { code: string; text: string }[] }>('status');
  const entry = todo.find(({ code }) => code === 'needs-restart');
  assert.match(entry?.text ?? '', /enrolment\.gone-after; systemctl restart banshare-server/);
  const said = await server.says('reload');
  assert.match(
    said,
    /Nothing changes by it\.\nChanged as well, and taken over only by a restart: enrolment\.gone-after\./,
  );
});

test('a limit that a reload makes smaller holds the next ban, and lifts none', async () => {
  for (const ip of ['198.51.100.1', '198.51.100.2', '198.51.100.3']) await server.says('ban', ip);
  const held = await fleet.report('h1', ['sshd', 'sshd', '198.51.100.4']);
  assert.match(held.stdout + held.stderr, /held/i);
  assert.match(await server.says('bans'), /3 /);
  rmSync(serverDrop('20-later.toml'));
  writeFileSync(serverDrop('20-later.toml'), 'limits.active = 100\n');
  await reload();
  await server.says('held', 'publish');
});

test('a file with a fault changes nothing, and the fault says where it is', async () => {
  const before = readFileSync(server.paths.serverConfig, 'utf8');
  writeFileSync(serverDrop('30-broken.toml'), '# a comment\n[limits]\nactive = 0\n');
  appendFileSync(server.paths.serverConfig, '\n[dedupe]\nwindow = "9m"\n');
  const value = await server.command('reload');
  assert.equal(value.code, 78);
  assert.match(
    value.stderr,
    /Nothing is changed.*"limits\.active" in \S+30-broken\.toml, line 3: it must be a whole number/,
  );
  writeFileSync(serverDrop('30-broken.toml'), '[limits\n');
  const syntax = await server.command('reload');
  assert.match(syntax.stderr, /Cannot read \S+30-broken\.toml: line 1, column/);
  const check = await server.command('--check');
  assert.match(check.stderr, /30-broken\.toml: line 1/);
  rmSync(serverDrop('30-broken.toml'));
  writeFileSync(server.paths.serverConfig, before);
  assert.deepEqual((await reload()).changed, []);
});

test('SIGHUP reloads too, says so in the log, and a broken file ends no daemon', async () => {
  writeFileSync(serverDrop('40-more.toml'), '[never-ban]\naddresses = ["203.0.113.0/25"]\n');
  process.kill(server.pid, 'SIGHUP');
  await server.line(/Reloaded .*never-ban\.addresses \(0 entries, now 1 entry\)/);
  const refused = await server.command('ban', '203.0.113.7');
  assert.match(refused.stderr, /203\.0\.113\.0\/25 of \[never-ban\]/);
  writeFileSync(serverDrop('40-more.toml'), '[never-ban]\naddreses = []\n');
  process.kill(server.pid, 'SIGHUP');
  await server.line(/Cannot reload .*did you mean \\"never-ban\.addresses/);
  assert.match((await server.command('ban', '203.0.113.7')).stderr, /never-ban/);
  rmSync(serverDrop('40-more.toml'));
  await reload();
});

test('a host protects what client.d lists from a reload on, lifts it, and applies it again once it is listed no more', async () => {
  await server.says('ban', '192.0.2.33');
  await ran('banip 192.0.2.33');
  writeFileSync(hostDrop('own.toml'), '[never-ban]\naddresses = ["192.0.2.0/24"]\n[log]\nlevel = "debug"\n');
  const listed = await host.command('reload');
  assert.equal(listed.code, 0, listed.stderr);
  assert.match(
    listed.stdout,
    /never-ban\.addresses \(0 entries, now 1 entry\), log\.level \("info", now "debug"\)/,
  );
  await ran('unbanip 192.0.2.33');
  rmSync(hostDrop('own.toml'));
  host.kill('SIGHUP');
  await host.line(/Applies a ban, since the address is protected no more/);
});

test('a smaller max-active gives way as it does at a start, and what the enforcer is needs a restart', async () => {
  writeFileSync(hostDrop('own.toml'), 'apply.max-active = 2\napply.timeout = "5s"\n');
  const { stdout } = await host.command('reload');
  assert.match(stdout, /apply\.max-active \(not set, now 2\)/);
  assert.match(stdout, /only by a restart: apply\.timeout/);
  await ran('unbanip 198.51.100.1');
  assert.match((await host.command('status')).stdout, /apply\.timeout; systemctl restart banshare-client/);
  writeFileSync(hostDrop('own.toml'), 'apply.max-active = "many"\n');
  const broken = await host.command('reload');
  assert.equal(broken.code, 78);
  assert.match(broken.stderr, /own\.toml, line 1/);
  const report = await fleet.report('h1', ['--check']);
  assert.match(report.stderr, /own\.toml, line 1/);
  rmSync(hostDrop('own.toml'));
});

test('a backup carries server.d, and a restore lays it', async () => {
  const file = join(server.root, 'copy');
  await server.says('backup', file);
  await server.stop();
  rmSync(join(server.root, 'etc/banshare/server.d'), { recursive: true });
  const restored = await server.command('restore', file);
  assert.equal(restored.code, 0, restored.stderr);
  assert.equal(readFileSync(serverDrop('10-first.toml'), 'utf8').includes('gone-after = "8d"'), true);
  assert.ok(!existsSync(serverDrop('.30-hidden.toml')));
});
