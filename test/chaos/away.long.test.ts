import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostName, Report } from '@banshare/protocol';
import type { Dealer } from 'zeromq';
import { startFleet, type Fleet, type Peer } from '../fleet/index.ts';
import { addressOf, Chance, isLong } from './chance.ts';
import { assertConverged, statusOfServer, until, untilInStep } from './state-of.ts';

const BANS = isLong ? 150_000 : 50_000;
/** What 50,000 may take. */
const MOST_SECONDS = (30 * BANS) / 50_000;
/** One in so many still holds when the client comes back. */
const LASTING = 100;
/** Connections at once, and reports under way on each: of 64 answers that one connection has not taken, libzmq may count 32 twice. */
const CONNECTIONS = 8;
const UNDER_WAY = 32;

test('A client away while tens of thousands of bans happen, most over on its return, is right within 30 s', async (t) => {
  const chance = new Chance(t);
  const serverToml = '[log]\nlevel = "warning"\n';
  await using fleet = await startFleet({ serverToml, hosts: ['h1'] });
  const host = fleet.host('h1');
  const peer = await fleet.peer('flood');
  await report(peer, [addressOf(BANS)], () => 86_400);
  await assertConverged(fleet);
  await host.stop(chance.pick(['SIGTERM', 'SIGKILL']));
  const began = performance.now();
  const addresses = Array.from({ length: BANS }, (_, n) => addressOf(n));
  await report(peer, addresses, (n) => (n % LASTING === 0 ? 86_400 : 1));
  const made = performance.now() - began;
  await until('the short bans are over', 30_000, () =>
    activeBans(fleet).then((n) => n <= BANS / LASTING + 1),
  );
  const back = performance.now();
  await host.start();
  await untilInStep(fleet, host, 2000 * MOST_SECONDS);
  const seconds = (performance.now() - back) / 1000;
  t.diagnostic(
    `${BANS} bans made in ${(made / 1000).toFixed(1)} s; ${BANS / LASTING} still held; right ${seconds.toFixed(1)} s after its start`,
  );
  await assertConverged(fleet);
  assert.ok(seconds < MOST_SECONDS, `it took ${seconds.toFixed(1)} s`);
});

async function activeBans(fleet: Fleet): Promise<number> {
  return (await statusOfServer(fleet.server))?.activeBans ?? Infinity;
}

/** Reports all of them, the n-th for so many seconds; what arrives together the server commits together. */
async function report(
  peer: Peer,
  addresses: readonly string[],
  seconds: (n: number) => number,
): Promise<void> {
  const left = addresses.entries();
  await Promise.all(Array.from({ length: CONNECTIONS }, () => reportSome(peer, left, seconds)));
}

async function reportSome(
  peer: Peer,
  addresses: Iterable<[number, string]>,
  seconds: (n: number) => number,
): Promise<void> {
  const socket = peer.dealer();
  try {
    let underWay = 0;
    for (const [n, ip] of addresses) {
      const report = { prog: 'fail2ban', jail: 'sshd', ip, durationSeconds: seconds(n) } as Report;
      const request = { kind: 'report', sender: peer.name as HostName, report } as const;
      const { subject, body, signature } = peer.sealed(request);
      await socket.send(['', subject, body, signature]);
      underWay += 1;
      if (underWay === UNDER_WAY) underWay -= await answers(socket, UNDER_WAY / 2);
    }
    await answers(socket, underWay);
  } finally {
    socket.close();
  }
}

async function answers(socket: Dealer, count: number): Promise<number> {
  for (let n = 0; n < count; n += 1) {
    const [, status, body] = await socket.receive();
    assert.equal(String(status), 'OK', String(body));
  }
  return count;
}
