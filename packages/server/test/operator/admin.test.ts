import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { askAdmin } from '@banshare/runtime';
import { startFleet } from '../../../../test/fleet/index.ts';

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());
await fleet.peer('h1');

async function refused(command: string, args: Record<string, unknown>): Promise<string> {
  const reply = await askAdmin(fleet.server.paths.serverSocket, { command, args }, 10_000);
  assert.ok(!reply.ok, `${command} ${JSON.stringify(args)} was done`);
  return reply.reason;
}

type Entry = { what: string; details: Record<string, unknown> };

async function entries(): Promise<Entry[]> {
  return (await fleet.server.json<{ entries: Entry[] }>('audit')).entries;
}

async function audited(): Promise<string[]> {
  return (await entries()).map(({ what }) => what);
}

test('an unknown action or argument at the admin socket is refused with what is known, and forgets no host', async () => {
  const before = await audited();
  assert.match(await refused('change-host', { action: 'aprove', name: 'h1' }), /approve or revoke or forget/);
  assert.match(await refused('change-host', { name: 'h1' }), /needs the argument "action"/);
  assert.match(await refused('forget-host', { name: 'h1' }), /known are .*change-host/);
  assert.match(await refused('ban', { ip: '203.0.113.1', fro: '10m' }), /is "for" meant/);
  assert.match(await refused('undo', { host: 'h1', since: 600 }), /"since" a text, not 600/);
  assert.match(await refused('never-ban', { action: 'clear' }), /list or add or remove/);
  const { hosts } = await fleet.server.json<{ hosts: { name: string }[] }>('hosts');
  assert.deepEqual(
    hosts.map(({ name }) => name),
    ['h1'],
  );
  assert.deepEqual(await audited(), before);
});

test('the audit log has what a deed did, and nothing of a deed that was refused', async () => {
  const before = (await entries()).length;
  for (const words of [
    ['ban', '10.0.0.1'],
    ['never-ban', 'remove', '198.51.100.0/24'],
    ['undo', '--host', 'nobody', '--since', '1h'],
    ['hosts', 'revoke', 'nobody'],
    ['retire', 'nothing'],
  ])
    assert.equal((await fleet.server.asks(...words)).code, 1, words.join(' '));
  assert.equal((await entries()).length, before);

  await fleet.server.asks('ban', '203.0.113.5');
  await fleet.server.asks('unban', '203.0.113.5');
  await fleet.server.asks('unban', '203.0.113.6');
  await fleet.server.asks('release');
  const done = (await entries()).slice(before);
  assert.partialDeepStrictEqual(done, [
    { what: 'ban', details: { ip: '203.0.113.5', seq: 1 } },
    { what: 'unban', details: { ip: '203.0.113.5', lifted: 1 } },
    { what: 'unban', details: { ip: '203.0.113.6', lifted: 0 } },
    { what: 'release', details: { held: 0, published: 0 } },
  ]);
});
