import { test } from 'node:test';
import assert from 'node:assert/strict';
import { assertInTime, startFleet } from '../../../../test/fleet/index.ts';

type Drill = { ip: string; hosts: { host: string; seconds: number | null }[] };
type Explained = { events: { kind: string; outcomes: { host: string; outcome: string }[] }[] };

test('a drill times every host of the fleet and lifts its ban; who is shut out is neither waited for nor explained', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  await fleet.peer('out');
  assert.equal((await fleet.server.asks('hosts', 'revoke', 'out')).code, 0);
  const { code, stdout, stderr } = await fleet.server.asks('drill', '--json');
  assert.equal(code, 0, stderr);
  const { ip, hosts } = JSON.parse(stdout) as Drill;
  const names = hosts.map(({ host }) => host).toSorted();
  assert.deepEqual(names, ['h1', 'h2']);
  assert.ok(hosts.every(({ seconds }) => seconds !== null && seconds >= 0 && seconds < 10));
  // The last one is kept, also where nobody drills by the clock.
  const { drill } = await fleet.server.json<{ drill: { hosts: number; missed: unknown[]; every: null } }>(
    'status',
  );
  assert.deepEqual([drill.hosts, drill.missed, drill.every], [2, [], null]);
  assert.match(
    (await fleet.server.asks('status')).stdout,
    /^Drill of \S+: all 2 hosts within [\d.]+ m?s\.$/m,
  );
  const { commands } = fleet.host('h1');
  assert.deepEqual((await commands.next()).slice(2), ['banip', ip]);
  assert.deepEqual((await commands.next()).slice(2), ['unbanip', ip]);
  const { events } = await fleet.server.json<Explained>('explain', ip);
  assert.deepEqual(
    events.map(({ kind, outcomes }) => [kind, ...outcomes.map(({ host }) => host).toSorted()]),
    [
      ['ban', 'h1', 'h2'],
      ['unban', 'h1', 'h2'],
    ],
  );
});

test('never-ban add lifts what is banned there on every host in under a second, and it holds', async (t) => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  await fleet.addReporter('r1');
  for (const last of [1, 2, 3]) await fleet.report('r1', ['fail2ban', 'sshd', `198.51.100.${last}`]);
  const hosts = [fleet.host('h1'), fleet.host('h2')];
  for (const { commands } of hosts) for (let n = 0; n < 3; n += 1) await commands.next();
  const added = fleet.server.asks('never-ban', 'add', '198.51.100.0/29');
  let first = Infinity;
  for (const { commands } of hosts) {
    const lifted: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const [, , verb, ip = ''] = await commands.next();
      first = Math.min(first, performance.now());
      assert.equal(verb, 'unbanip');
      lifted.push(ip);
    }
    assert.deepEqual(lifted.toSorted(), ['198.51.100.1', '198.51.100.2', '198.51.100.3']);
  }
  const ms = Math.round(performance.now() - first);
  t.diagnostic(`the last of 6 was lifted ${ms} ms after the first`);
  await assertInTime(ms, 1000);
  assert.equal((await added).code, 0);
  assert.equal((await fleet.report('r1', ['fail2ban', 'sshd', '198.51.100.4'])).code, 77);
});
