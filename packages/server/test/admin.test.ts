import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { askAdmin } from '@banshare/runtime';
import { startFleet } from '../../../test/fleet/index.ts';

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());
await fleet.peer('h1');

async function refused(command: string, args: Record<string, unknown>): Promise<string> {
  const reply = await askAdmin(fleet.server.paths.serverSocket, { command, args }, 10_000);
  assert.ok(!reply.ok, `${command} ${JSON.stringify(args)} was done`);
  return reply.reason;
}

async function audited(): Promise<string[]> {
  const { entries } = await fleet.server.json<{ entries: { what: string }[] }>('audit');
  return entries.map(({ what }) => what);
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
