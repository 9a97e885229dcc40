import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { curveKeyPair } from 'zeromq';
import { Subscription, type CurvePair } from '@banshare/transport';
import { within } from '../../../../test/fleet/index.ts';
import { Distributor } from '../../src/publish/distribute.ts';

const server = curveKeyPair();
const folder = mkdtempSync(join(tmpdir(), 'banshare-doors-'));
const held = createServer();
before(() => once(held.listen(join(folder, 'held')), 'listening'));
after(() => {
  held.close();
  rmSync(folder, { recursive: true });
});

/** A distributor whose child listens, and whose parent does not know it yet. */
class Opening implements AsyncDisposable {
  readonly distributor: Distributor;
  readonly opened: Promise<readonly string[]>;
  readonly #child: Promise<Socket>;

  constructor(keys: () => string[], domains = ['publish/g']) {
    this.#child = once(held, 'connection').then(([socket]) => socket as Socket);
    this.distributor = new Distributor({
      program: {
        path: join(import.meta.dirname, '../fixtures/held-fan-out.ts'),
        args: [join(folder, 'held')],
      },
      endpoints: domains.map((domain) => ({ domain, curve: server, address: '127.0.0.1', port: 0 })),
      keys,
      head: () => ({ epoch: 'e', seq: 0, tail: '0' }),
      now: () => Date.now() / 1000,
      notices: { lost: () => undefined, opened: () => undefined },
    });
    this.opened = this.distributor.open();
    this.opened.catch(() => undefined);
  }

  /** The endpoints at which the child listens already. */
  async listening(): Promise<string[]> {
    const child = await within(Promise.race([this.#child, this.opened]), 20_000, () => 'the child to listen');
    assert.ok(child instanceof Socket, 'the child listens before its parent knows it');
    const [line] = (await once(createInterface(child), 'line')) as [string];
    return JSON.parse(line) as string[];
  }

  /** The child's word goes on its way to the server. */
  async letGo(): Promise<void> {
    (await this.#child).end();
    await this.opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    void this.#child.then((child) => child.destroy());
    await this.distributor.close();
  }
}

/** How the publish port meets a host that comes now. */
async function met(endpoint: string, curve: CurvePair): Promise<'heard' | 'refused'> {
  const subscription = new Subscription({ endpoint, serverKey: server.publicKey, curve }, 100);
  const answers = [
    subscription.receive().then(() => 'heard' as const),
    subscription.refused.then(() => 'refused' as const),
  ];
  try {
    return await within(Promise.race(answers), 10_000, () => 'a heartbeat or a refusal');
  } finally {
    subscription.close();
  }
}

test('a host that was let in while the child starts is let in by it from its first moment', async () => {
  const keys: string[] = [];
  await using opening = new Opening(() => keys);
  const host = curveKeyPair();
  keys.push(host.publicKey);
  const admitted = opening.distributor.admit(host.publicKey);
  // The child listens, and its server does not know it yet.
  const [endpoint = ''] = await opening.listening();
  await within(admitted, 10_000, () => 'the answer that it is in');
  assert.equal(await met(endpoint, host), 'heard');
});

test('a host that was shut out while the child starts is refused by it from its first moment', async () => {
  const [revoked, other] = [curveKeyPair(), curveKeyPair()];
  let keys = [revoked.publicKey];
  await using opening = new Opening(() => keys);
  keys = [other.publicKey];
  opening.distributor.expel(revoked.publicKey);
  // The child hears its server's words in their order.
  const admitted = opening.distributor.admit(other.publicKey);
  const [endpoint = ''] = await opening.listening();
  await admitted;
  assert.equal(await met(endpoint, revoked), 'refused');
  await opening.letGo();
  assert.equal(await met(endpoint, revoked), 'refused');
});
