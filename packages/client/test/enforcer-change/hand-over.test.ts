import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import {
  handOver,
  noteEnforcers,
  notedEnforcers,
  type HandOverParts,
} from '../../src/enforcer-change/hand-over.ts';
import { MOST_IN_A_GO } from '../../src/host/in-parts.ts';
import { State } from '../../src/bans/state.ts';
import type { NotedEnforcer } from '../../src/host-enforcer/noted-enforcers.ts';
import { choiceOf, folder, ip, NOW, rowOf } from '../make.ts';

const MANY = 5 * MOST_IN_A_GO + 7;

/** An enforcer that lifts by a command of that name. */
const by = (name: string): NotedEnforcer => ({
  kind: 'command',
  jails: ['*'],
  progs: ['*'],
  isPsadFirst: false,
  command: `/bin/${name} ban SRCIP`,
  unbanCommand: `/bin/${name} SRCIP`,
  missingJail: 'banshare',
  logFile: '',
});

/** A host whose bans one enforcer put in place. */
class Host implements Disposable {
  readonly #scratch = folder();
  readonly state = new State(this.#scratch.path);

  constructor(count: number) {
    const { state } = this;
    state.inTransaction(() => {
      for (let n = 0; n < count; n += 1)
        state.put(
          rowOf({ ip: ip(`45.77.${n >> 8}.${n & 255}`), seq: n + 1, status: 'applied', isOurs: true }),
          NOW,
        );
    });
    noteEnforcers(state, { now: [by('old')], before: {} });
  }

  change(to: NotedEnforcer, isWanted = (): boolean => true): Promise<boolean> {
    return handOver(this.parts(to), isWanted);
  }

  parts(to: NotedEnforcer): HandOverParts {
    const { state } = this;
    const localJailOf: HandOverParts['localJailOf'] = ({ jail }) => jail;
    return { state, enforcers: [to], choice: choiceOf(), localJailOf, boot: 'b', now: () => NOW };
  }

  /** How many bans stand at each of the enforcers of before. */
  left(): Record<string, number> {
    const holders = Object.keys(notedEnforcers(this.state)?.before ?? {});
    return Object.fromEntries(holders.map((holder) => [holder, this.state.remains.at(holder).length]));
  }

  [Symbol.dispose](): void {
    this.state.close();
    this.#scratch[Symbol.dispose]();
  }
}

test('While bans are passed on to other enforcers timers and commands have their turn after each part', async () => {
  using host = new Host(MANY);
  let isDone = false;
  const changed = host.change(by('new')).finally(() => (isDone = true));
  let [before, most] = [host.state.remains.count, 0];
  while (!isDone) {
    most = Math.max(most, host.state.remains.count - before);
    before = host.state.remains.count;
    await setImmediate();
  }
  assert.equal(await changed, true);
  assert.ok(most <= MOST_IN_A_GO, `${most} bans between two turns of the loop`);
  assert.deepEqual(Object.values(host.left()), [MANY]);
});

test('A change that a kill cut off goes on where it was, also where client.toml asks for a third enforcer by then, and no ban is forgotten', async () => {
  using host = new Host(MANY);
  let parts = 0;
  await host.change(by('new'), () => (parts += 1) <= 3);
  assert.ok(host.state.remains.count > 0 && host.state.remains.count < MANY, `${host.state.remains.count}`);
  assert.equal(await host.change(by('third')), true);
  assert.deepEqual(notedEnforcers(host.state)?.now, [by('third')]);
  assert.equal(notedEnforcers(host.state)?.changing, undefined);
  // The second never had any of them.
  const left = Object.entries(host.left()).filter(([, count]) => count > 0);
  assert.equal(left.length, 1);
  assert.match(left[0]?.[0] ?? '', /old/);
  assert.equal(left[0]?.[1], MANY);
});

test('The same enforcers again change nothing', async () => {
  using host = new Host(3);
  assert.equal(await host.change(by('old')), false);
  assert.deepEqual(host.state.counts(), { applied: 3 });
  assert.equal(host.state.remains.count, 0);
});
