import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Report } from '@banshare/protocol';
import { startFleet } from '../fleet/index.ts';

type Shown = { bans: { ip: string }[] };

test('a freeze publishes nothing new and loses nothing, lets unbans through, survives a restart and is shown everywhere', async () => {
  await using fleet = await startFleet({ hosts: ['watcher'] });
  await fleet.addReporter('h1');
  const { server } = fleet;
  const { commands } = fleet.host('watcher');
  const report = (ip: string) => fleet.report('h1', ['fail2ban', 'sshd', ip]);
  const banned = async (): Promise<string[]> =>
    (await server.json<Shown>('bans')).bans.map(({ ip }) => ip).toSorted();
  await report('203.0.113.1');
  assert.equal((await commands.next()).at(-1), '203.0.113.1');

  const frozen = await server.asks('freeze', '--for', '1h');
  assert.equal(frozen.code, 0, frozen.stderr);
  assert.match(frozen.stdout, /^The fleet is FROZEN .* thaw/);
  await server.kill9();
  await server.start();

  const held = await report('203.0.113.2');
  assert.equal(held.code, 0);
  assert.match(held.stderr, /held.*FROZEN/);
  for (const words of [['ban', '203.0.113.3'], ['drill'], ['held', 'publish'], ['release']]) {
    const { code, stderr } = await server.asks(...words);
    assert.equal(code, 1, words.join(' '));
    assert.match(stderr, /nothing was published.*FROZEN/, words.join(' '));
  }
  for (const command of ['status', 'hosts', 'bans', 'held']) {
    const { stdout } = await server.asks(command);
    assert.match(stdout, /FROZEN/, command);
  }
  assert.equal((await server.asks('unban', '203.0.113.1')).code, 0);
  assert.deepEqual(await commands.next(), ['set', 'sshd', 'unbanip', '203.0.113.1']);
  assert.equal((await server.asks('never-ban', 'add', '198.51.100.0/24')).code, 0);
  assert.deepEqual(await banned(), []);

  assert.match((await server.asks('thaw')).stdout, /1 ban is held.*held publish/s);
  assert.equal((await server.asks('held', 'publish')).code, 0);
  assert.deepEqual(await banned(), ['203.0.113.2']);
  assert.equal((await commands.next()).at(-1), '203.0.113.2');
  assert.equal((await server.asks('thaw')).code, 1);
});

test('a freeze for a time ends by itself; what it held waits, is listed, and can be discarded', async () => {
  await using fleet = await startFleet({ hosts: [] });
  const { server } = fleet;
  const peer = await fleet.peer('h1');
  const ask = async (ip: string): Promise<string> => {
    assert.ok(peer.name);
    const answer = await peer.ask({
      kind: 'report',
      sender: peer.name,
      report: { prog: 'fail2ban', jail: 'sshd', ip } as Report,
    });
    assert.ok(answer.ok);
    return answer.reply.verdict;
  };
  // Its connection is there before the time begins to run.
  assert.ok((await peer.ask({ kind: 'sync', limit: 1 })).ok);
  await server.asks('freeze', '--for', '3s');
  assert.equal(await ask('203.0.113.1'), 'held');
  for (let last = 2; (await ask(`203.0.113.${last}`)) === 'held';) {
    const answer = await peer.ask({ kind: 'sync', limit: 1 });
    assert.ok(answer.ok);
  }
  assert.match((await server.asks('held')).stdout, /203\.0\.113\.1 .*h1/);
  const { bans } = await server.json<{ bans: { ip: string; host: string }[] }>('held');
  assert.deepEqual(bans.map(({ ip }) => ip).toSorted(), ['203.0.113.1', '203.0.113.2']);
  assert.match((await server.asks('held', 'discard')).stdout, /2 held bans discarded/);
  assert.deepEqual(
    (await server.json<Shown>('bans')).bans.map(({ ip }) => ip),
    ['203.0.113.2'],
  );
});

test('a freeze over another one says until when that was, until when it is now, and how it lasts as long again', async () => {
  await using fleet = await startFleet({ hosts: [] });
  const { server } = fleet;
  const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;
  const overAnother = async (...words: string[]): Promise<string> =>
    (await server.says('freeze', ...words)).split('\n')[1]?.replaceAll(new RegExp(TIME, 'g'), 'THEN') ?? '';
  assert.equal(await overAnother(), '');
  assert.equal(
    await overAnother('--for', '1m'),
    'It was frozen until thaw before, and is now until THEN, which is sooner; as long as before: banshare-server freeze.',
  );
  assert.equal(await overAnother('--for', '1h'), 'It was frozen until THEN before, and is now until THEN.');
  assert.match(
    await overAnother('--for', '10m'),
    /^It was .* which is sooner; as long as before: banshare-server freeze --for 60m\.$/,
  );
  assert.equal(await overAnother(), 'It was frozen until THEN before, and is now until thaw.');
  assert.equal(await overAnother(), '');
  const { before } = await server.json<{ before: { until: number | null } }>('freeze', '--for', '1m');
  assert.equal(before.until, null);
  assert.match(await server.says('events'), /freeze until \S+: before until thaw\n/);
});
