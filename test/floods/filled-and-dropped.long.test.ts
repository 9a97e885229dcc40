import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Fleet, Peer } from '../fleet/index.ts';
import { report, startSettled } from '../fleet/peers/flooding.ts';

const PROGRAM = join(import.meta.dirname, '../fleet/peers/fill-and-drop-main.ts');
const TIMES = 20;
const CONNECTIONS = 30;
/** When libzmq's own heartbeats would have begun, had the server any, and over how long those that are dropped are spread. */
const FROM_MS = 8500;
const SPREAD_MS = 1900;

test(`connections that a host or the join key fills and drops a moment before a heartbeat would come, ${TIMES} times, end no process`, async (t) => {
  await using fleet = await startSettled(undefined, '[limits]\nhost-per-minute = 600');
  const [good, evil] = [await fleet.peer('good'), await fleet.peer('evil')];
  await report(good);
  const { server } = fleet;
  const { pid } = server;
  const ended = server.ended.then(() => assert.fail(`the server ended: ${server.said.join('\n')}`));
  const all = Promise.all(Array.from({ length: TIMES }, (_, n) => fillAndDrop(fleet, evil, n)));
  await Promise.race([all, ended]);
  t.diagnostic(
    `${TIMES} times ${CONNECTIONS} connections; a report after ${Math.round(await report(good))} ms`,
  );
  assert.equal(server.pid, pid);
  assert.doesNotMatch(server.said.join('\n'), /Assertion|Flooded/);
  ended.catch(() => undefined);
});

/** By the host's own key and by the join key in turns. */
async function fillAndDrop({ server, keys }: Fleet, { identity }: Peer, n: number): Promise<void> {
  const { seedHex, publicHex, curve } = identity;
  const about = {
    connections: CONNECTIONS,
    port: server.ports.report,
    server: keys.server.publicKey,
    curve: n % 2 === 0 ? curve : keys.join,
    seedHex,
    publicHex,
  };
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(about)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  const isDead = server.ended.then(() => undefined);
  try {
    // Not before it has its connections, and then at its own moment.
    await Promise.race([once(child.stdout, 'data'), isDead]);
    await Promise.race([pause(FROM_MS + (n * SPREAD_MS) / TIMES), isDead]);
  } finally {
    child.kill('SIGKILL');
  }
  await gone;
}
