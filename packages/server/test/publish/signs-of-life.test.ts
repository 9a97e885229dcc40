import assert from 'node:assert/strict';
import { test } from 'node:test';
import { curveKeyPair } from 'zeromq';
import { parsePublication, type Heartbeat } from '@banshare/protocol';
import { Subscription } from '@banshare/transport';
import { mainOf, startFleet, within } from '../../../../test/fleet/index.ts';
import { Distributor } from '../../src/publish/distribute.ts';

const FAN_OUT = { path: mainOf('server'), args: ['--fan-out-child'] };
/** The child beats once a second for three seconds after the last word of its parent; one more may have been on its way. */
const MOST_BEATS = 4;
/** Two beats that did not come are no chance. */
const SILENT_MS = 2500;

/** Reads on until a heartbeat is as wanted. */
async function heartbeat(
  subscription: Subscription,
  isWanted: (beat: Heartbeat) => boolean,
): Promise<Heartbeat> {
  const reading = (async (): Promise<Heartbeat> => {
    for (;;) {
      const message = await subscription.receive();
      const read = parsePublication(message?.subject ?? '', message?.body ?? '');
      assert.ok(read.ok);
      if (read.value.kind === 'heartbeat' && isWanted(read.value.heartbeat)) return read.value.heartbeat;
    }
  })();
  return within(reading, 20_000, () => 'a heartbeat');
}

test('a stale server says so in each heartbeat from that moment on, also by a child that was started anew, until it is not', async () => {
  const [curve, host] = [curveKeyPair(), curveKeyPair()];
  const distributor = new Distributor({
    program: FAN_OUT,
    endpoints: [{ domain: 'publish/g', curve, address: '127.0.0.1', port: 0 }],
    keys: () => [host.publicKey],
    head: () => ({ epoch: 'e', seq: 0, tail: '0'.repeat(16) }),
    now: () => 1_795_257_600,
    notices: { lost: () => undefined, opened: () => undefined },
  });
  const [endpoint = ''] = await distributor.open();
  const subscription = new Subscription({ endpoint, serverKey: curve.publicKey, curve: host }, 100);
  try {
    assert.equal((await heartbeat(subscription, () => true)).stale, undefined);
    distributor.stale(true);
    await heartbeat(subscription, ({ stale }) => stale === true);
    process.kill(distributor.pid ?? 0, 'SIGKILL');
    // A child of before has no time to say it once more: the next word is the new one's.
    assert.equal((await heartbeat(subscription, () => true)).stale, true);
    distributor.stale(false);
    await heartbeat(subscription, ({ stale }) => stale === undefined);
  } finally {
    subscription.close();
    await distributor.close();
  }
});

test('a server that hangs beats no more after three seconds, and beats again once it goes on', async () => {
  await using fleet = await startFleet();
  const subscription = (await fleet.peer('h1')).subscribe();
  await heartbeat(subscription, () => true);
  process.kill(fleet.server.pid, 'SIGSTOP');
  let beats = 0;
  let next = subscription.receive();
  const isHeard = (): Promise<boolean> =>
    within(next, SILENT_MS, () => 'a heartbeat').then(
      () => true,
      () => false,
    );
  while (await isHeard()) {
    beats += 1;
    assert.ok(beats <= MOST_BEATS, `it beat ${beats} times`);
    next = subscription.receive();
  }
  process.kill(fleet.server.pid, 'SIGCONT');
  assert.equal((await within(next, 10_000, () => 'a heartbeat'))?.subject, 'heartbeat');
  subscription.close();
});
