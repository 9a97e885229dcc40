import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFleet } from '../../../../test/fleet/index.ts';

const fleet = await startFleet({ hosts: ['h2'] });
after(() => fleet[Symbol.asyncDispose]());
await fleet.addReporter('h1');
const { notes } = fleet.pathsOf('h1');
mkdirSync(notes, { recursive: true });

/** Leaves a note as the client does before it runs a command, so many seconds ago. */
function note(name: string, secondsAgo: number): void {
  const path = join(notes, name);
  writeFileSync(path, '');
  const at = Date.now() / 1000 - secondsAgo;
  utimesSync(path, at, at);
}

test('a report of what the client noted less than 10 minutes ago is dropped, and exits 0', async () => {
  note('sshd@203.0.113.1', 540);
  const { code, stderr } = await fleet.report('h1', ['fail2ban', 'sshd', '203.0.113.1']);
  assert.equal(code, 0);
  assert.equal(stderr, 'banshare-report: dropped: banshare itself applied this ban here a moment ago\n');
});

test('an address in another form is the same echo', async () => {
  note('sshd@2001:db8::1', 0);
  const { stderr } = await fleet.report('h1', ['fail2ban', 'sshd', '2001:DB8:0:0::1']);
  assert.match(stderr, /dropped/);
});

for (const [says, ...words] of [
  ['in another jail', 'fail2ban', 'nginx', '203.0.113.1'],
  ['of another address', 'fail2ban', 'sshd', '203.0.113.10'],
] as const) {
  test(`a report ${says} is no echo`, async () => {
    const { code, stderr } = await fleet.report('h1', words);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });
}

test('a note older than 10 minutes explains nothing any more', async () => {
  note('sshd@203.0.113.2', 610);
  const { stderr } = await fleet.report('h1', ['fail2ban', 'sshd', '203.0.113.2']);
  assert.equal(stderr, '');
});

test('--unban is never taken for an echo', async () => {
  const { stderr } = await fleet.report('h1', ['--unban', 'fail2ban', 'sshd', '203.0.113.1']);
  assert.doesNotMatch(stderr, /dropped/);
});

test('what a host finds itself is reported as soon as the shared ban of the same address is lifted there', async () => {
  const h2 = fleet.host('h2');
  const words = ['fail2ban', 'sshd', '203.0.113.77'];
  assert.equal((await fleet.report('h1', words)).code, 0);
  await h2.line(/Ban .*203\.0\.113\.77/);
  assert.match((await fleet.report('h2', words)).stderr, /dropped/);
  await fleet.server.command('unban', '203.0.113.77');
  await h2.line(/Unban .*203\.0\.113\.77/);
  assert.deepEqual((await fleet.report('h2', words)).stderr, '');
  const { bans } = await fleet.server.json<{ bans: { ip: string; host: string }[] }>('bans');
  assert.equal(bans.find(({ ip }) => ip === '203.0.113.77')?.host, 'h2');
});
