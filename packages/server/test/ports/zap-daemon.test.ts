import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { endpoint, makeCurvePair, makeIdentity, type CurvePair } from '@banshare/transport';
import { Dealer, Subscriber } from 'zeromq';
import { Peer, startFleet, type Fleet } from '../../../../test/fleet/index.ts';
import { publish } from '../reports.ts';

// The cells of zap-matrix.test.ts at the real server: its handlers live in two processes, one for each port.

const DOORS = ['report', 'publish'] as const;
/** A door that answers does so long before this, on any machine. */
const PATIENCE_MS = 20_000;
/** Who is silent is waited for; shorter than libzmq's own patience with a handshake, 5 s. */
const SILENT_MS = 3000;

type Waiting = { patienceMs?: number; allConnected?: () => void };

type Keys = ReadonlyMap<string, CurvePair>;

/** A server with hosts in every state, and the keys that may knock. */
async function fleetWithKeys(fleet: Fleet): Promise<{ keys: Keys; good: Peer }> {
  const [good, revoked] = [await fleet.peer('good'), await fleet.peer('revoked')];
  assert.equal((await fleet.server.command('hosts', 'revoke', 'revoked')).code, 0);
  const pending = new Peer(fleet.meeting, await makeIdentity());
  const answer = await pending.enrol('pending');
  assert.ok(answer.ok && answer.reply.verdict === 'pending');
  pending.close();
  const keys = new Map([
    ['unknown', await makeCurvePair()],
    ['pending', pending.identity.curve],
    ['good', good.identity.curve],
    ['revoked', revoked.identity.curve],
    ['join', fleet.keys.join],
    ['server', fleet.keys.server],
  ]);
  return { keys, good };
}

/** The cells that let somebody in; `allConnected` is called when every key has a connection, whether it is let in or not. */
async function cellsThatOpen(
  fleet: Fleet,
  keys: Keys,
  { patienceMs = PATIENCE_MS, allConnected }: Waiting = {},
): Promise<string[]> {
  const cells = DOORS.flatMap((door) => [...keys].map(([key, curve]) => ({ door, key, curve })));
  let left = cells.length;
  const connected = (): void => {
    if ((left -= 1) === 0) allConnected?.();
  };
  const open = await Promise.all(
    cells.map(async ({ door, key, curve }) =>
      (await opens(fleet, door, curve, { patienceMs, connected })) ? [`${key} at ${door}`] : [],
    ),
  );
  return open.flat().toSorted();
}

async function opens(
  fleet: Fleet,
  door: (typeof DOORS)[number],
  curve: CurvePair,
  { patienceMs, connected }: { patienceMs: number; connected: () => void },
): Promise<boolean> {
  const Kind = door === 'report' ? Dealer : Subscriber;
  const socket = new Kind({
    linger: 0,
    curveServerKey: fleet.keys.server.publicKey,
    curvePublicKey: curve.publicKey,
    curveSecretKey: curve.secretKey,
  });
  let timer: NodeJS.Timeout | undefined;
  let isConnected = false;
  try {
    return await new Promise((resolve) => {
      timer = setTimeout(() => resolve(false), patienceMs);
      socket.events.on('connect', () => {
        if (!isConnected) connected();
        isConnected = true;
      });
      socket.events.on('handshake', () => resolve(true));
      socket.events.on('handshake:error:auth', () => resolve(false));
      socket.connect(endpoint('127.0.0.1', fleet.server.ports[door]));
    });
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

/** The server's processes: the main one, and the one that publishes. */
function processesOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children];
}

function signal(pids: readonly number[], name: 'SIGSTOP' | 'SIGCONT'): void {
  for (const pid of pids) process.kill(pid, name);
}

const OPEN = ['good at publish', 'good at report', 'join at report'];

test("at a running server exactly the allowed cells open: while its handlers answer, answer late, and don't answer", async (t) => {
  await using fleet = await startFleet();
  const { keys, good } = await fleetWithKeys(fleet);
  assert.deepEqual(await cellsThatOpen(fleet, keys), OPEN);

  const pids = processesOf(fleet.server.pid);
  assert.equal(pids.length, 2);
  signal(pids, 'SIGSTOP');
  // Now and then libzmq's monitor does not tell of a connection: then the handlers are back after a while all the same,
  // since a server that stands still cannot be ended either.
  const goOn = setTimeout(() => signal(pids, 'SIGCONT'), SILENT_MS);
  const late = await cellsThatOpen(fleet, keys, { allConnected: () => signal(pids, 'SIGCONT') });
  clearTimeout(goOn);
  assert.deepEqual(late, OPEN);

  signal(pids, 'SIGSTOP');
  try {
    assert.deepEqual(await cellsThatOpen(fleet, keys, { patienceMs: SILENT_MS }), []);
  } finally {
    signal(pids, 'SIGCONT');
  }
  const began = performance.now();
  good.close();
  await publish(good, '203.0.113.9');
  const ms = Math.round(performance.now() - began);
  t.diagnostic(`a report has its OK ${ms} ms after the handlers are back`);
  // Sooner than libzmq gives a handshake up and begins another.
  assert.ok(ms < 5000);
  assert.deepEqual(await cellsThatOpen(fleet, keys), OPEN);
  await fleet.server.command('enrolment', 'closed');
  assert.deepEqual(await cellsThatOpen(fleet, keys), OPEN.slice(0, 2));
});
