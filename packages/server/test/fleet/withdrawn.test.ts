import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { rotationText } from '@banshare/protocol';
import { askAdmin } from '@banshare/runtime';
import { endpoint, makeIdentity, Signer } from '@banshare/transport';
import { Dealer } from 'zeromq';
import { makeId, Peer, startFleet, type Fleet } from '../../../../test/fleet/index.ts';
import { publish } from '../reports.ts';

type Ends = { gone: Promise<void>; refused: Promise<void>; dealer: Dealer };

/** Below what a host may report at once. */
const MOST = 150;

const SYNC = { kind: 'sync', limit: 1 } as const;

/** A connection that was let in, with what becomes of it. */
async function openConnection(
  t: TestContext,
  fleet: Fleet,
  peer: Peer,
  curve = peer.identity.curve,
): Promise<Ends> {
  const dealer = new Dealer({
    linger: 0,
    receiveTimeout: 10_000,
    curveServerKey: fleet.keys.server.publicKey,
    curvePublicKey: curve.publicKey,
    curveSecretKey: curve.secretKey,
  });
  t.after(() => dealer.close());
  const heard = (event: 'disconnect' | 'handshake:error:auth'): Promise<void> =>
    new Promise((resolve) => dealer.events.on(event, () => resolve()));
  const ends = { gone: heard('disconnect'), refused: heard('handshake:error:auth'), dealer };
  dealer.connect(endpoint('127.0.0.1', fleet.server.ports.report));
  await say(dealer, peer);
  await dealer.receive();
  return ends;
}

async function say(dealer: Dealer, peer: Peer): Promise<void> {
  const { subject, body, signature } = peer.sealed(SYNC);
  await dealer.send(['', subject, body, signature]);
}

async function assertShut({ gone, refused }: Ends): Promise<void> {
  await gone;
  await refused;
}

test('A key that is revoked loses the connections it had at the report port, and nothing that others ask is lost', async (t) => {
  await using fleet = await startFleet();
  const [good, evil, stays] = [await fleet.peer('good'), await fleet.peer('evil'), await fleet.peer('stays')];
  const [ofEvil, ofStays] = [await openConnection(t, fleet, evil), await openConnection(t, fleet, stays)];
  let isOver = false;
  const load = (async (): Promise<number> => {
    let count = 0;
    for (; !isOver && count < MOST; count += 1)
      await publish(good, `203.0.113.${(count % 250) + 1}`, `jail${count}`);
    return count;
  })();
  assert.equal((await fleet.server.asks('hosts', 'revoke', 'evil')).code, 0);
  await assertShut(ofEvil);
  // A connection of a key that counts comes back by itself.
  await ofStays.gone;
  await say(ofStays.dealer, stays);
  assert.equal(String((await ofStays.dealer.receive())[1]), 'OK');
  isOver = true;
  const count = await load;
  const { bans } = await fleet.server.json<{ bans: unknown[] }>('bans', '--host', 'good', '--all');
  assert.equal(bans.length, count);
});

test('Hosts that are revoked within a second cost one cut more at the most', async (t) => {
  await using fleet = await startFleet();
  const [stays, ...evil] = [
    await fleet.peer('stays'),
    await fleet.peer('e1'),
    await fleet.peer('e2'),
    await fleet.peer('e3'),
  ];
  const connections = [];
  for (const peer of evil) connections.push(await openConnection(t, fleet, peer));
  const { dealer } = await openConnection(t, fleet, stays);
  let cuts = 0;
  dealer.events.on('disconnect', () => (cuts += 1));
  // Over the socket: three programs would take seconds to start on a busy machine.
  const revoked = await Promise.all(
    ['e1', 'e2', 'e3'].map((name) => {
      const request = { command: 'change-host', args: { action: 'revoke', name } };
      return askAdmin(fleet.server.paths.serverSocket, request, 20_000);
    }),
  );
  for (const reply of revoked) assert.ok(reply.ok, JSON.stringify(reply));
  for (const connection of connections) await assertShut(connection);
  assert.ok(cuts <= 2, `${cuts} cuts`);
});

test('A key that was rotated away, and the join key once enrolment is closed, lose the connections they had', async (t) => {
  await using fleet = await startFleet();
  const peer = await fleet.peer('rotates');
  const before = await openConnection(t, fleet, peer);
  const identity = await makeIdentity();
  const envelope = { id: makeId(), key: peer.identity.publicHex, to: fleet.keys.server.publicKey };
  const proof = new Signer(identity.seedHex).sign(rotationText(envelope, identity.publicHex)).toString('hex');
  const rotate = { kind: 'rotate', next: identity.publicHex, proof } as const;
  const rotated = await peer.ask(rotate, { id: envelope.id });
  assert.equal(rotated.ok && rotated.reply.status, 'OK');
  const after = new Peer(fleet.meeting, identity);
  const heard = await after.ask(SYNC);
  assert.equal(heard.ok && heard.reply.status, 'OK');
  await assertShut(before);
  after.close();

  const joining = await openConnection(t, fleet, peer, fleet.keys.join);
  assert.equal((await fleet.server.asks('enrolment', 'closed')).code, 0);
  await assertShut(joining);
});
