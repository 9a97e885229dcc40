import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFleet, type FleetHost, type FleetServer } from './fleet/index.ts';

/** A host moves 5 s after the last word of its server, and has the first one of the next within a second after that. */
const MOVED_WITHIN_MS = 7000;
const MOVED = /Follows another server than before/;

type Status = { phase: string; server: string; serverSince: number; otherServers: string[] };

async function statusOf(host: FleetHost): Promise<Status> {
  return JSON.parse((await host.command('status', '--json')).stdout) as Status;
}

/** Every address that the host's command was run for, with what it was to do. */
function doneBy(host: FleetHost): string[] {
  return host.commands.all.map(([, , how = '', ip = '']) => `${how} ${ip}`);
}

test('a host whose server is killed is at the next within 7 s, misses and repeats nothing, stays there, and lifts nothing at one that lags', async () => {
  await using fleet = await startFleet({ servers: ['127.0.0.1', '127.0.0.2'] });
  await fleet.addReporter('h1');
  const h1 = fleet.layHost('h1');
  await fleet.server.says('ban', '203.0.113.1');
  const twin = await fleet.addTwin();
  await h1.start();
  assert.deepEqual((await h1.commands.next()).slice(2), ['banip', '203.0.113.1']);

  const before = await statusOf(h1);
  const at = (address: string): FleetServer => (address === twin.address ? twin : fleet.server);
  const [own, next] = [at(before.server), at(before.otherServers[0] ?? '')];
  assert.match(
    (await h1.command('status')).stdout,
    /^It uses the server 127\.0\.0\.\d since \S+Z; 127\.0\.0\.\d would follow\.$/m,
  );

  const killed = performance.now();
  await own.kill9();
  await next.says('ban', '203.0.113.2');
  await h1.line(MOVED);
  const ms = performance.now() - killed;
  assert.ok(ms < MOVED_WITHIN_MS, `it took ${ms} ms`);
  assert.deepEqual((await h1.commands.next()).slice(2), ['banip', '203.0.113.2']);
  const after = await statusOf(h1);
  assert.deepEqual([after.phase, after.server, after.otherServers], ['in-step', next.address, [own.address]]);
  assert.ok(after.serverSince > before.serverSince);

  // Back again, it lacks what was banned meanwhile; nobody goes to it by himself.
  await own.start();
  assert.equal((await statusOf(h1)).server, next.address);
  await next.kill9();
  await h1.line(/ends at event 1 and this host has 2 of the same epoch/);
  assert.deepEqual([(await statusOf(h1)).phase, (await statusOf(h1)).server], ['lagging', own.address]);
  // One that has all is better than one that lags.
  await next.start();
  await h1.line(MOVED);
  await h1.line(MOVED);
  const last = await statusOf(h1);
  assert.deepEqual([last.phase, last.server], ['in-step', next.address]);
  assert.deepEqual(doneBy(h1), ['banip 203.0.113.1', 'banip 203.0.113.2']);
});
