import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertInTime, startFleet, untilAnswered, type FleetHost, type FleetServer } from '../fleet/index.ts';

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
  await assertInTime(ms, MOVED_WITHIN_MS);
  assert.deepEqual((await h1.commands.next()).slice(2), ['banip', '203.0.113.2']);
  const after = await statusOf(h1);
  assert.deepEqual([after.phase, after.server, after.otherServers], ['in-step', next.address, [own.address]]);
  assert.ok(after.serverSince > before.serverSince);
  type Hosts = { hosts: { server: string | null }[]; servers: { server: string; hosts: number }[] };
  // The host says where it is with its next word.
  const told = async (): Promise<Hosts | undefined> => {
    const all = await next.json<Hosts>('hosts');
    return all.hosts[0]?.server === next.address ? all : undefined;
  };
  const { servers } = await untilAnswered(told, 20_000, () => 'a host that says that it is here');
  assert.equal(servers.length, 1);
  assert.match((await next.command('hosts')).stdout, / SERVER\nh1 .* 127\.0\.0\.\d\n/);

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
  // It is heard there a moment before it has everything.
  const isInStep = async (): Promise<true | undefined> => {
    const { phase, server } = await statusOf(h1);
    return (phase === 'in-step' && server === next.address) || undefined;
  };
  await untilAnswered(isInStep, 20_000, () => 'h1 to have everything');
  assert.deepEqual(doneBy(h1), ['banip 203.0.113.1', 'banip 203.0.113.2']);
});

test('at a server of the same epoch with another history a host keeps what that lacks, and host and server both say so', async () => {
  await using fleet = await startFleet({ servers: ['127.0.0.1', '127.0.0.2'] });
  await fleet.addReporter('h1');
  const h1 = fleet.layHost('h1');
  await fleet.server.says('ban', '203.0.113.1');
  const twin = await fleet.addTwin();
  await h1.start();
  await h1.commands.next();
  const { server } = await statusOf(h1);
  const [own, next] = server === twin.address ? [twin, fleet.server] : [fleet.server, twin];
  // From here on the two have different histories, and the next one has more.
  await own.says('ban', '203.0.113.2');
  assert.deepEqual((await h1.commands.next()).slice(2), ['banip', '203.0.113.2']);
  await next.says('ban', '203.0.113.3', '203.0.113.4');
  await own.kill9();
  await h1.line(MOVED);
  const then = new Set([(await h1.commands.next())[3], (await h1.commands.next())[3]]);
  assert.deepEqual(then, new Set(['203.0.113.3', '203.0.113.4']));
  await assertBothSay(h1, next, 1);
  // Back at the first, which has less by now, and more later: nothing is lifted on the way.
  await own.start();
  await next.kill9();
  await h1.line(MOVED);
  await h1.line(/ends at event 2 and this host has 3 of the same epoch/);
  await own.says('ban', '203.0.113.5', '203.0.113.6');
  await h1.commands.next();
  await h1.commands.next();
  await assertBothSay(h1, own, 2);
  assert.deepEqual(
    doneBy(h1).toSorted(),
    [1, 2, 3, 4, 5, 6].map((last) => `banip 203.0.113.${last}`),
  );
});

/** Waits until the host has told so many bans that this server lacks. */
async function assertBothSay(host: FleetHost, server: FleetServer, lacking: number): Promise<void> {
  const told = async (): Promise<true | undefined> => {
    const { hosts } = await server.json<{ hosts: { lacking: number }[] }>('hosts');
    return hosts[0]?.lacking === lacking ? true : undefined;
  };
  await untilAnswered(told, 20_000, () => `a server that knows of ${lacking}`);
  const onHost = await host.command('status', '--json');
  assert.deepEqual([onHost.code, (JSON.parse(onHost.stdout) as { lacking: number }).lacking], [1, lacking]);
  const atServer = await server.command('status');
  assert.equal(atServer.code, 1);
  assert.match(atServer.stdout, /h1 holds \d bans? that this ledger lacks/);
}
