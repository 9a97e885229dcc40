import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startFleet, type Fleet } from '../fleet/index.ts';

/** More than one page of sync. */
const OTHERS = 1200;

/** A ledger in which what follows is on another page than what came before. */
async function fillPage(fleet: Fleet): Promise<void> {
  const file = join(fleet.rootOf('lists'), 'list');
  const lines = Array.from({ length: OTHERS }, (_, n) => `45.77.${100 + (n >> 8)}.${n & 255}`);
  writeFileSync(file, lines.join('\n'));
  const { code, stderr } = await fleet.server.asks('import', file);
  assert.equal(code, 0, stderr);
}

async function say(fleet: Fleet, ...words: string[]): Promise<void> {
  const { code, stderr } = await fleet.server.asks(...words);
  assert.equal(code, 0, stderr);
}

test('A host that was away applies nothing of what was lifted or protected meanwhile, pages later or before it died', async () => {
  await using fleet = await startFleet({
    hosts: ['h1'],
    clientToml: '[follow]\njails = ["sshd"]\n',
    applyToml: 'own-reports = true\n',
  });
  const host = fleet.host('h1');
  const ban = (ip: string): Promise<void> => say(fleet, 'ban', ip, '--jail', 'sshd', '--for', '1h');
  await ban('203.0.113.1');
  assert.deepEqual(await host.commands.next(), ['set', 'sshd', 'banip', '203.0.113.1']);
  await host.stop('SIGKILL');
  for (const last of [2, 3, 4]) await ban(`203.0.113.${last}`);
  await fillPage(fleet);
  for (const last of [1, 2]) await say(fleet, 'unban', `203.0.113.${last}`);
  await say(fleet, 'never-ban', 'add', '203.0.113.3');
  await host.start();
  const ran = [
    await host.commands.next(),
    await host.commands.next(),
    await host.commands.next(),
    await host.commands.next(),
  ];
  // An unban of an operator runs whatever this host knew of the ban. They run side by side, so that any may be noted first.
  assert.deepEqual(ran.map(([, jail, verb, ip]) => `${jail} ${verb} ${ip}`).toSorted(), [
    'sshd banip 203.0.113.4',
    ...[1, 2, 3].map((last) => `sshd unbanip 203.0.113.${last}`),
  ]);
});
