import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { Folder } from '../fleet/index.ts';
import { Chance, isLong } from './chance.ts';
import { fold, ModelClient } from './model/client.ts';
import { ModelServer, submissionOf, type Death } from './model/server.ts';

const RUNS = isLong ? 5000 : 150;
const CLIENTS = 3;
const ADDRESSES = 6;
/** The model closes no power: what the disk has is what was written, and memory is quickest for that. */
const DISK = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** One step of a run; everything that may happen in any order. */
type Step =
  | { do: 'report' | 'unban'; host: number; last: number; seconds: number; death: Death }
  | { do: 'lift'; last: number }
  | { do: 'beat' | 'restart' | 'snapshot' | 'rollback' | 'calm' }
  | { do: 'pass'; seconds: number }
  | { do: 'receive' | 'answer'; client: number; isLost: boolean }
  | { do: 'end' | 'cut'; client: number }
  | { do: 'crash'; client: number; hadEffect: boolean };

const client = fc.nat(CLIENTS - 1);
const last = fc.integer({ min: 1, max: ADDRESSES });
const rarely = fc.integer({ min: 0, max: 4 }).map((n) => n === 0);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('report' as const, 'report' as const, 'unban' as const),
      host: fc.integer({ min: 1, max: 2 }),
      last,
      seconds: fc.constantFrom(86_400, 172_800, -1),
      death: fc.oneof(
        { weight: 5, arbitrary: fc.constant<Death>('never') },
        { weight: 1, arbitrary: fc.constantFrom<Death>('before-commit', 'after-commit', 'before-publish') },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lift' as const), last }) },
  { weight: 3, arbitrary: fc.constant<Step>({ do: 'beat' }) },
  { weight: 2, arbitrary: fc.constantFrom<Step>({ do: 'restart' }, { do: 'snapshot' }, { do: 'rollback' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'calm' }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('pass' as const), seconds: fc.constantFrom(1, 200, 400) }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('receive' as const), client, isLost: rarely }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const), client, isLost: rarely }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), client }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), client }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), client, hadEffect: fc.boolean() }) },
);

/** A fleet in one process, and what has to hold of it after each step. */
class World implements Disposable {
  readonly #folder = new Folder(DISK);
  readonly server = new ModelServer(this.#folder.path);
  readonly #clients = Array.from(
    { length: CLIENTS },
    (_, n) => new ModelClient(join(this.#folder.path, `client${n}`), this.server),
  );
  #rollBack: (() => void) | undefined;
  /** By client what it held when the server's machine went back, as JAIL IP. */
  readonly #held = new Map<number, Set<string>>();
  #reports = 0;
  readonly #liftedOnce = new Set<string>();

  async take(next: Step): Promise<void> {
    const { server } = this;
    switch (next.do) {
      case 'report':
      case 'unban':
        this.#reports += 1;
        if (next.do === 'unban') this.#liftedOnce.add(`sshd 203.0.113.${next.last}`);
        return server.submit(submissionOf(next.do, this.#reports, next, server.now), next.death);
      case 'lift':
        this.#liftedOnce.add(`sshd 203.0.113.${next.last}`);
        return server.lift(`203.0.113.${next.last}`);
      case 'beat':
        return server.heartbeat();
      case 'restart':
        return server.restart();
      case 'snapshot':
        this.#rollBack = server.snapshot();
        return undefined;
      case 'rollback':
        if (this.#rollBack !== undefined) for (const n of this.#clients.keys()) this.#note(n);
        return this.#rollBack?.();
      case 'calm':
        return this.converge();
      case 'pass':
        server.now += next.seconds;
        return undefined;
      default:
        return this.#happen(this.#clients[next.client] as ModelClient, next);
    }
  }

  #note(n: number): void {
    const standing = this.#clients[n]?.rows.filter(({ status }) => status !== 'lifting') ?? [];
    const held = this.#held.get(n) ?? new Set();
    this.#held.set(n, held);
    for (const { ip, jail } of standing) held.add(`${jail} ${ip}`);
  }

  /** Of what a client held when the server went back nothing is lost but what the new history or an operator lifted. */
  async #checkHeld(n: number, rows: ModelClient['rows']): Promise<void> {
    const events = await this.server.ledger.since(0, 10_000);
    const lifted = new Set(
      events.filter(({ kind }) => kind === 'unban').map(({ ip, jail }) => `${jail} ${ip}`),
    );
    const here = new Set(rows.map(({ ip, jail }) => `${jail} ${ip}`));
    const lost = [...(this.#held.get(n) ?? [])].filter((held) => !here.has(held) && !lifted.has(held));
    // What was lifted in the history before is in none that there is.
    assert.deepEqual(
      lost.filter((held) => !this.#liftedOnce.has(held)),
      [],
      `lost by client ${n}`,
    );
  }

  async #happen(to: ModelClient, next: Step & { client: number }): Promise<void> {
    if (next.do === 'receive') await to.receive(next.isLost);
    else if (next.do === 'answer') await to.answer(next.isLost);
    else if (next.do === 'end') await to.endCommand();
    else if (next.do === 'crash') await to.crash(next.hadEffect);
    else to.cut();
  }

  /** What was answered OK is in the ledger, and what a client took is what the ledger says up to its position. */
  async check(): Promise<void> {
    const { ledger, acknowledged } = this.server;
    const events = await ledger.since(0, 10_000);
    for (const { ban, seq } of acknowledged) assert.equal(events[seq - 1]?.ip, ban.ip, `the event ${seq}`);
    for (const [n, { position, rows }] of this.#clients.entries()) {
      if (position === undefined) continue;
      const here = await ledger.at(position.seq);
      // Of a history that a rollback has ended nothing is known any more.
      if (here?.tail !== position.tail) continue;
      const wanted = fold(events.slice(0, position.seq));
      // What no history of this epoch has any more stays here until its end.
      const taken = rows.filter(({ status, seq }) => status !== 'lifting' && seq !== 0);
      assert.deepEqual(
        taken.map(({ ip, jail, seq }) => `${jail} ${ip} ${seq}`).sort(),
        [...wanted].map(([held, seq]) => `${held} ${seq}`).sort(),
        `client ${n} at ${position.seq}`,
      );
    }
  }

  /** No more faults: everybody gets to the ledger's active bans, in state and firewall. */
  async converge(): Promise<void> {
    for (let round = 0; round < 4; round += 1) {
      const furthest = Math.max(0, ...this.#clients.map(({ position }) => position?.seq ?? 0));
      // Clients of another history go on only once the server's head has passed theirs.
      if (furthest > this.server.ledger.head().seq) await this.server.passBeyond(furthest);
      this.server.heartbeat();
      for (const each of this.#clients) await each.calm();
    }
    await this.check();
    const head = this.server.ledger.head();
    const wanted = [...fold(await this.server.ledger.since(0, 10_000)).keys()].sort();
    for (const [n, each] of this.#clients.entries()) {
      assert.deepEqual(each.position, head, `client ${n}`);
      const lacking = each.rows.filter(({ seq }) => seq === 0).map(({ ip, jail }) => `${jail} ${ip}`);
      assert.deepEqual(
        [...each.firewall].sort(),
        [...wanted, ...lacking].sort(),
        `the firewall of client ${n}`,
      );
      await this.#checkHeld(n, each.rows);
      assert.ok(each.rows.every(({ status }) => status === 'applied'));
    }
  }

  [Symbol.dispose](): void {
    for (const each of this.#clients) each.close();
    this.server.close();
    this.#folder[Symbol.dispose]();
  }
}

test('Whatever is lost and whoever dies: acknowledged is in the ledger, applied is a prefix of it, and all converge', async (t) => {
  const { seed } = new Chance(t);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120, size: 'max' }), async (steps) => {
      using world = new World();
      for (const next of steps) {
        await world.take(next);
        await world.check();
      }
      await world.converge();
    }),
    { seed, numRuns: RUNS },
  );
});
