import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFleet } from '../../../../test/fleet/index.ts';

test('What client.toml of this host lists is refused before it is reported, with its rule, and taken back all the same', async () => {
  await using fleet = await startFleet();
  await fleet.addReporter(
    'h1',
    'addresses = ["198.51.100.7"]\n[never-ban]\naddresses = ["203.0.113.0/28", "2001:db8::/64"]\n',
  );
  for (const [ip, rule] of [
    ['198.51.100.7', 'an address of this host'],
    ['203.0.113.9', '203.0.113.0/28 of [never-ban] in client.toml'],
    ['64:ff9b::203.0.113.9', '203.0.113.0/28 of [never-ban] in client.toml'],
    ['2001:db8::9', '2001:db8::/64 of [never-ban] in client.toml'],
  ] as const) {
    const sent = await fleet.report('h1', ['fail2ban', 'sshd', ip]);
    assert.equal(sent.code, 77, sent.stderr);
    assert.ok(sent.stderr.includes(`is never banned: ${rule}`), sent.stderr);
  }
  const many = await fleet.report('h1', ['--stdin'], {
    stdin: 'fail2ban sshd 203.0.113.9\nfail2ban sshd 203.0.113.99\n',
  });
  assert.equal(many.code, 77);
  assert.match(many.stderr, /line 1: refused: 203\.0\.113\.9 is never banned/);
  const { stdout } = await fleet.server.command('bans', '--json');
  const { bans } = JSON.parse(stdout) as { bans: { ip: string }[] };
  assert.deepEqual(
    bans.map(({ ip }) => ip),
    ['203.0.113.99'],
  );
  const unban = await fleet.report('h1', ['--unban', 'fail2ban', 'sshd', '203.0.113.9']);
  assert.equal(unban.code, 0, unban.stderr);
});
