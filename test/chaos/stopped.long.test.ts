import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePublication, type HostName, type Report } from '@banshare/protocol';
import type { Subscription } from '@banshare/transport';
import { startFleet, within, type Peer } from '../fleet/index.ts';
import { addressOf, isLong } from './chance.ts';
import { assertConverged, until, untilInStep } from './state-of.ts';

const SUBSCRIBERS = 199;
const EVENTS = isLong ? 1000 : 60;
/** The goal is 1.5; beside other work on a shared machine only more is a sure sign. */
const MOST_SLOWER = 4;
const MOST_SLOWER_MS = 50;

/** Many subscribers of one process; notes when each event reaches each. */
class Audience {
  readonly #subscriptions: Subscription[];
  readonly #arrivals = new Map<string, number[]>();
  #heard = 0;
  #wake: () => void = () => undefined;

  constructor(peer: Peer, count: number) {
    this.#subscriptions = Array.from({ length: count }, () => peer.subscribe());
    for (const subscription of this.#subscriptions) void this.#listen(subscription);
  }

  /** Resolves when every subscriber has heard a heartbeat, and so is subscribed. */
  async ready(): Promise<void> {
    await until('all are subscribed', 30_000, () => this.#heard >= this.#subscriptions.length);
  }

  /** Milliseconds from `began` until each subscriber had the event of an address. */
  async delays(ip: string, began: number): Promise<number[]> {
    const all = async (): Promise<number[]> => {
      for (;;) {
        const arrivals = this.#arrivals.get(ip) ?? [];
        if (arrivals.length === this.#subscriptions.length) return arrivals.map((at) => at - began);
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    };
    return within(all(), 20_000, () => `${ip} at every subscriber`);
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.close();
  }

  async #listen(subscription: Subscription): Promise<void> {
    let isHeard = false;
    for (let message; (message = await subscription.receive()) !== undefined;) {
      const publication = parsePublication(message.subject, message.body);
      if (!publication.ok) continue;
      if (publication.value.kind === 'heartbeat') {
        if (!isHeard) this.#heard += 1;
        isHeard = true;
        continue;
      }
      const now = performance.now();
      for (const event of publication.value.events) {
        if (event.kind !== 'ban') continue;
        const arrivals = this.#arrivals.get(event.ip) ?? [];
        arrivals.push(now);
        this.#arrivals.set(event.ip, arrivals);
      }
      this.#wake();
    }
  }
}

test('One subscriber of 200 that is stopped delays none of the others, and has everything once it goes on', async (t) => {
  await using fleet = await startFleet({ hosts: ['stopped'] });
  const host = fleet.host('stopped');
  const peer = await fleet.peer('audience');
  const audience = new Audience(peer, SUBSCRIBERS);
  try {
    await audience.ready();
    let sent = 0;
    const measure = async (): Promise<number> => {
      const delays: number[] = [];
      for (let n = 0; n < EVENTS; n += 1) {
        const ip = addressOf(sent);
        sent += 1;
        const began = performance.now();
        const answer = await peer.ask(reportOf(peer, ip));
        assert.ok(answer.ok && answer.reply.status === 'OK');
        delays.push(...(await audience.delays(ip, began)));
      }
      return median(delays);
    };
    await measure();
    const before = await measure();
    host.kill('SIGSTOP');
    const during = await measure();
    const last = performance.now();
    host.kill('SIGCONT');
    await untilInStep(fleet, host, 60_000);
    const back = performance.now() - last;
    const after = await measure();
    const ratio = during / Math.max(before, after);
    t.diagnostic(
      `median delay at ${SUBSCRIBERS} subscribers: ${before.toFixed(1)} ms, with one stopped ${during.toFixed(1)} ms, afterwards ${after.toFixed(1)} ms (${ratio.toFixed(2)} times); in step ${(back / 1000).toFixed(1)} s after SIGCONT`,
    );
    assert.ok(during < Math.max(before, after) * MOST_SLOWER + MOST_SLOWER_MS, `${ratio} times as slow`);
    assert.equal((await assertConverged(fleet)).length, sent);
  } finally {
    audience.close();
  }
});

function reportOf(peer: Peer, ip: string): Parameters<Peer['ask']>[0] {
  const report = { prog: 'fail2ban', jail: 'sshd', ip } as Report;
  return { kind: 'report', sender: peer.name as HostName, report };
}

function median(samples: number[]): number {
  samples.sort((one, other) => one - other);
  return samples[Math.floor(samples.length / 2)] ?? Number.NaN;
}
