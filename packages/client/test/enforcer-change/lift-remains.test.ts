import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiftRemains } from '../../src/enforcer-change/lift-remains.ts';
import type { Enforcer } from '../../src/enforcers/enforcer.ts';
import { NOW } from '../make.ts';
import { Machine } from './changing-host.ts';

/** An earlier enforcer that lifts nothing, and takes its time for that until it is let go. */
function stubborn(): {
  enforcer: Enforcer;
  asked: Promise<void>;
  letGo: () => void;
  readonly times: number;
} {
  const [asked, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let times = 0;
  const enforcer: Enforcer = {
    kind: 'command',
    mostAtOnce: 10,
    isSerial: false,
    reach: 'jail',
    takesRanges: true,
    check: async () => [],
    carryOut: async (changes) => {
      times += 1;
      asked.resolve();
      await gone.promise;
      return changes.map(({ localJail }) => ({
        outcome: 'failed',
        reason: 'busy',
        localJail,
        isBegun: false,
      }));
    },
  };
  return {
    enforcer,
    asked: asked.promise,
    letGo: () => gone.resolve(),
    get times() {
      return times;
    },
  };
}

test('what is stopped while an earlier enforcer lifts asks it for nothing more, whatever is put in place or lifted until the state is closed', async () => {
  using machine = new Machine();
  await machine.start(machine.command('old'));
  await machine.ban('203.0.113.1');
  machine.behave('old', 'fail');
  await machine.start(machine.command('new'));
  const { state, applier } = machine;
  const earlier = stubborn();
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const left = new LiftRemains({
    state,
    enforcerOf: () => earlier.enforcer,
    isGone: () => false,
    idle: () => applier.idle(),
    queue: (row) => applier.queue(row),
    log: { notice: say, warning: say },
    now: () => NOW,
  });
  const stop = left.start();
  await earlier.asked;
  const stopped = stop();
  earlier.letGo();
  await stopped;
  const [row] = state.all();
  assert.ok(row !== undefined && said.length === 1, 'what stands there still is said');
  left.settled(row);
  machine.stop();
  await left.look();
  assert.deepEqual([earlier.times, said.slice(1)], [1, []]);
});
