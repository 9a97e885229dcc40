import { test } from 'node:test';
import assert from 'node:assert/strict';
import { curveKeyPair, Dealer, Router, Subscriber } from 'zeromq';
import { answerZap, encodeZ85, PublishPort, ReportPort, type CurvePair } from '@banshare/transport';
import { Admissions, publishDomain, reportDomain } from '../../src/ports/admissions.ts';

/** Everything that may knock, by what the server knows of its key. */
const KEYS = [
  'unknown',
  'pending',
  'good',
  // Of a host that goes over to another key: the one that waits to be used, and the one that was.
  'next',
  'replaced',
  'revoked',
  'join',
  'join of another',
  'join of a retired',
] as const;
type Key = (typeof KEYS)[number];
const DOORS = ['report', 'publish', 'report of a retired', 'publish of a retired'] as const;
type Door = (typeof DOORS)[number];

/** The only cells that let anybody in; with enrolment closed the join key's is shut as well. */
const OF_HOSTS = ['good at report', 'good at publish', 'next at report', 'next at publish'];
const OPEN = new Set<string>([...OF_HOSTS, 'join at report']);

/** Longer than any handshake takes here, shorter than libzmq's own patience of 5 s. */
const PATIENCE_MS = 3000;
const SLOW_MS = 1500;

/** Two generations, one of which is retired, with every kind of key. */
class Stand implements AsyncDisposable {
  readonly admissions = new Admissions();
  readonly keys = new Map<Key, CurvePair>(KEYS.map((key) => [key, curveKeyPair()]));
  readonly servers = { current: curveKeyPair(), retired: curveKeyPair() };
  readonly at = new Map<Door, string>();
  readonly #report = new ReportPort();
  readonly #publish = new PublishPort();

  async open(): Promise<this> {
    const { current, retired } = this.servers;
    for (const [generation, curve, suffix] of [
      ['current', current, ''],
      ['retired', retired, ' of a retired'],
    ] as const) {
      const listening = { curve, address: '127.0.0.1', port: 0 };
      const report = await this.#report.listen({ ...listening, domain: reportDomain(generation) });
      const publish = await this.#publish.listen({ ...listening, domain: publishDomain(generation) });
      this.at.set(`report${suffix}`, report).set(`publish${suffix}`, publish);
    }
    // As a server does in the life of these keys.
    for (const key of ['good', 'next', 'replaced', 'revoked'] as const)
      this.admissions.admitHost(this.#public(key));
    for (const key of ['replaced', 'revoked'] as const) this.admissions.expelHost(this.#public(key));
    this.admissions.admitJoining('current', this.#public('join'));
    this.admissions.admitJoining('another', this.#public('join of another'));
    this.admissions.admitJoining('retired', this.#public('join of a retired'));
    this.admissions.forgetJoining('retired');
    await this.#report.unlisten(reportDomain('retired'));
    await this.#publish.unlisten(publishDomain('retired'));
    void this.#report.receive();
    return this;
  }

  /** The cells that let somebody in. */
  async cellsThatOpen(): Promise<string[]> {
    const cells = DOORS.flatMap((door) => KEYS.map((key) => ({ door, key })));
    const open = await Promise.all(
      cells.map(async ({ door, key }) => ((await this.#knock(door, key)) ? [`${key} at ${door}`] : [])),
    );
    return open.flat().toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#report.close();
    this.#publish.close();
    // The bound ports and the handler's name are given back by libzmq's own thread.
    await new Promise((resolve) => setImmediate(resolve));
  }

  #public(key: Key): string {
    return this.keys.get(key)?.publicKey ?? '';
  }

  async #knock(door: Door, key: Key): Promise<boolean> {
    const Kind = door.startsWith('report') ? Dealer : Subscriber;
    const pair = this.keys.get(key);
    assert.ok(pair !== undefined);
    const socket = new Kind({
      linger: 0,
      curveServerKey: (door.endsWith('retired') ? this.servers.retired : this.servers.current).publicKey,
      curvePublicKey: pair.publicKey,
      curveSecretKey: pair.secretKey,
    });
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve) => {
        timer = setTimeout(() => resolve(false), PATIENCE_MS);
        socket.events.on('handshake', () => resolve(true));
        socket.events.on('handshake:error:auth', () => resolve(false));
        socket.connect(this.at.get(door) ?? '');
      });
    } finally {
      clearTimeout(timer);
      socket.close();
    }
  }
}

test('with a handler that is alive exactly the allowed cells open', async () => {
  await using stand = await new Stand().open();
  const zap = await answerZap(({ domain, key }) => stand.admissions.decide(domain, key));
  assert.deepEqual(await stand.cellsThatOpen(), [...OPEN].toSorted());
  stand.admissions.openJoining(false);
  assert.deepEqual(await stand.cellsThatOpen(), OF_HOSTS.toSorted());
  zap.close();
});

test('with a handler that is slow the same cells open, later', async () => {
  await using stand = await new Stand().open();
  const zap = await answerSlowly(SLOW_MS, (domain, key) => stand.admissions.decide(domain, key) === 'admit');
  assert.deepEqual(await stand.cellsThatOpen(), [...OPEN].toSorted());
  zap.close();
});

test('with a handler that never answers no cell opens', async () => {
  await using stand = await new Stand().open();
  const zap = await answerSlowly(undefined, () => true);
  assert.deepEqual(await stand.cellsThatOpen(), []);
  zap.close();
});

test('with a handler that throws no cell opens', async () => {
  await using stand = await new Stand().open();
  const zap = await answerZap(() => {
    throw new Error('the handler is broken');
  });
  assert.deepEqual(await stand.cellsThatOpen(), []);
  zap.close();
});

test('without a handler no cell opens', async () => {
  await using stand = await new Stand().open();
  assert.deepEqual(await stand.cellsThatOpen(), []);
});

/** A ZAP handler of the test's own that takes its time; undefined is for ever. */
async function answerSlowly(
  delayMs: number | undefined,
  admits: (domain: string, key: string) => boolean,
): Promise<Router> {
  const socket = new Router({ linger: 0 });
  await socket.bind('inproc://zeromq.zap.01');
  let sending = Promise.resolve();
  const answer = async (frames: Buffer[]): Promise<void> => {
    const start = frames.findIndex((frame) => frame.length === 0);
    const [, id = '', domain = '', , , , key = Buffer.alloc(0)] = frames.slice(start + 1);
    const code = admits(domain.toString(), encodeZ85(key)) ? '200' : '400';
    await socket.send([...frames.slice(0, start + 1), '1.0', id, code, '', '', '']);
  };
  void (async () => {
    for await (const frames of socket) {
      if (delayMs === undefined) continue;
      setTimeout(() => {
        sending = sending.then(() => answer(frames)).catch(() => undefined);
      }, delayMs);
    }
  })();
  return socket;
}
