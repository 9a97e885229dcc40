import { sayReason } from '../../src/bans/reason.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Applier } from '../../src/apply/apply.ts';
import type { BanRow } from '../../src/bans/ban-row.ts';
import type { Enforcer } from '../../src/enforcers/enforcer.ts';
import { State } from '../../src/bans/state.ts';
import { HeldEnforcer } from '../enforcer-of-test.ts';
import { folder, ip, jail, NOW, range, rowOf } from '../make.ts';

/** An applier over a real state; `said` is what it logged. */
class Desk implements Disposable {
  readonly #scratch = folder();
  readonly state = new State(this.#scratch.path);
  readonly said: string[] = [];
  readonly applier: Applier;
  #pattern: RegExp | undefined;
  #heard: () => void = () => undefined;

  constructor(enforcer: Enforcer, concurrency = 4, settled: () => void = () => undefined) {
    const say = (text: string, fields: object = {}): void => {
      const line = `${text} ${JSON.stringify(fields)}`;
      this.said.push(line);
      if (this.#pattern?.test(line) === true) this.#heard();
    };
    this.applier = new Applier({
      state: this.state,
      enforcer,
      concurrency,
      log: { info: say, warning: say },
      now: () => NOW,
      settled,
    });
  }

  /** Resolves once it logs such a line. */
  awaited(pattern: RegExp): Promise<void> {
    this.#pattern = pattern;
    return new Promise((resolve) => (this.#heard = resolve));
  }

  queue(...rows: BanRow[]): void {
    for (const row of rows) {
      this.state.put(row, NOW);
      this.applier.queue(row);
    }
  }

  [Symbol.dispose](): void {
    // What it has begun would wait for its state without an end, and keep this process.
    void this.applier.stop();
    this.state.close();
    this.#scratch[Symbol.dispose]();
  }
}

const addresses = Array.from({ length: 20 }, (_, index) => ip(`203.0.113.${index + 1}`));

test('Bans of one address run one after the other, in their order', async () => {
  const enforcer = new HeldEnforcer();
  using desk = new Desk(enforcer);
  desk.queue(
    rowOf({ seq: 1, jail: jail('a'), localJail: jail('a') }),
    rowOf({ seq: 2, jail: jail('b'), localJail: jail('b') }),
    rowOf({ seq: 3, jail: jail('c'), localJail: jail('c') }),
  );
  for (const name of ['a', 'b', 'c']) {
    const { change, done } = await enforcer.next();
    assert.equal(change.localJail, name);
    assert.equal(enforcer.running, 1);
    done();
  }
  await desk.applier.idle();
  assert.deepEqual(desk.state.counts(), { applied: 3 });
});

test('At most the configured number runs at once, and another begins when one ends', async () => {
  const enforcer = new HeldEnforcer();
  using desk = new Desk(enforcer, 3);
  desk.queue(...addresses.map((each, index) => rowOf({ ip: each, seq: index + 1 })));
  for (const _ of addresses) (await enforcer.next()).done();
  await desk.applier.idle();
  assert.equal(enforcer.mostRunning, 3);
  assert.deepEqual(desk.state.counts(), { applied: addresses.length });
});

test('A command that fails or an enforcer that throws never stops the next', async () => {
  const enforcer: Enforcer = {
    kind: 'broken',
    mostAtOnce: 1,
    isSerial: false,
    reach: 'jail',
    takesRanges: false,
    check: () => Promise.resolve([]),
    carryOut: async ([change]) => {
      const { ip: of, localJail } = change!;
      if (of === addresses[0]) throw new Error('broken');
      if (of === addresses[1]) return [{ outcome: 'failed', reason: 'exit 1', localJail }];
      return [{ outcome: 'applied', localJail }];
    },
  };
  using desk = new Desk(enforcer, 1);
  desk.queue(...addresses.slice(0, 4).map((each, index) => rowOf({ ip: each, seq: index + 1 })));
  await desk.applier.idle();
  assert.deepEqual(
    desk.state.all().map(({ status, reason }) => `${status} ${sayReason(reason)}`),
    ['failed broken', 'failed exit 1', 'applied ', 'applied '],
  );
  assert.match(desk.said[0] ?? '', /^Cannot ban .*"reason":"broken"/);
  assert.match(desk.said[1] ?? '', /^Cannot ban .*"reason":"exit 1"/);
  assert.match(desk.said[2] ?? '', /^Ban .*"from":"h1","outcome":"applied"/);
});

test('A batch whose outcome the state does not take, as on a full disk, is noted once it does: the ban is banshare’s own to lift', async () => {
  const enforcer = new HeldEnforcer();
  using desk = new Desk(enforcer);
  desk.queue(rowOf());
  const ban = await enforcer.next();
  const whole = desk.state.inTransaction.bind(desk.state);
  let isFull = true;
  desk.state.inTransaction = (change) => {
    whole(() => {
      change();
      if (isFull) throw Object.assign(new Error('database or disk is full'), { errcode: 13 });
    });
  };
  const said = desk.awaited(/^Cannot write the state of bans; it is tried until it can be .*disk is full/);
  ban.done();
  await said;
  assert.equal(desk.state.get(rowOf())?.status, 'pending');
  assert.equal(desk.applier.isBusy(rowOf().ip), true);
  isFull = false;
  await desk.applier.idle();
  const row = desk.state.get(rowOf());
  assert.deepEqual([row?.status, row?.isOurs], ['applied', true]);
  assert.equal(enforcer.begun.length, 1, 'it was not asked twice');
});

test('What the state does not take before a stop is left to the next start', async () => {
  const enforcer = new HeldEnforcer();
  using desk = new Desk(enforcer);
  desk.queue(rowOf());
  const ban = await enforcer.next();
  desk.state.inTransaction = () => {
    throw Object.assign(new Error('disk I/O error'), { errcode: 10 });
  };
  const stopped = desk.applier.stop();
  ban.done();
  await stopped;
  assert.equal(desk.state.get(rowOf())?.status, 'pending');
});

test('A batch that no trying would have the state take is named, and holds up no ban behind it', async () => {
  const enforcer = new HeldEnforcer();
  using desk = new Desk(enforcer, 1);
  const whole = desk.state.inTransaction.bind(desk.state);
  desk.queue(rowOf());
  const first = await enforcer.next();
  desk.state.inTransaction = (change) => {
    desk.state.inTransaction = whole;
    whole(() => {
      change();
      throw Object.assign(new Error('UNIQUE constraint failed'), { errcode: 2067 });
    });
  };
  const said = desk.awaited(/^Cannot write the state of bans; they wait for the next start .*UNIQUE/);
  first.done();
  await said;
  desk.queue(rowOf({ seq: 2, ip: ip('203.0.113.77') }));
  (await enforcer.next()).done();
  await desk.applier.idle();
  assert.equal(desk.state.get(rowOf({ ip: ip('203.0.113.77') }))?.status, 'applied');
  assert.equal(desk.state.get(rowOf())?.status, 'pending');
});

test('A slow command of one address does not hold up another', async () => {
  const enforcer = new HeldEnforcer();
  using desk = new Desk(enforcer, 2);
  desk.queue(
    rowOf({ seq: 1 }),
    rowOf({ seq: 2, jail: jail('b') }),
    rowOf({ seq: 3, ip: ip('203.0.113.77') }),
  );
  const slow = await enforcer.next();
  const quick = await enforcer.next();
  assert.equal(quick.change.ip, '203.0.113.77');
  quick.done();
  slow.done();
  (await enforcer.next()).done();
  await desk.applier.idle();
});

test('What is settled: applied is ours, already is not, and a ban of ours that is found in place stays ours', async () => {
  const enforcer = new HeldEnforcer();
  using desk = new Desk(enforcer, 1);
  const [one, two, three] = addresses as [never, never, never];
  desk.queue(rowOf({ ip: one }), rowOf({ ip: two }), rowOf({ ip: three, isOurs: true }));
  (await enforcer.next()).done({ outcome: 'applied', localJail: jail('banshare') });
  (await enforcer.next()).done({ outcome: 'already' });
  (await enforcer.next()).done({ outcome: 'already' });
  await desk.applier.idle();
  const got = (each: typeof one): string => {
    const row = desk.state.get(rowOf({ ip: each }));
    return `${row?.status} ${row?.localJail} ${row?.isOurs}`;
  };
  assert.deepEqual([one, two, three].map(got), [
    'applied banshare true',
    'already sshd false',
    'applied sshd true',
  ]);
});

test('stop() waits for the command that runs and begins none of those that wait', async () => {
  const enforcer = new HeldEnforcer();
  using desk = new Desk(enforcer, 1);
  desk.queue(...addresses.map((each, index) => rowOf({ ip: each, seq: index + 1 })));
  const running = await enforcer.next();
  const stopped = desk.applier.stop();
  running.done();
  await stopped;
  assert.equal(enforcer.begun.length, 1);
  assert.deepEqual(desk.state.counts(), { applied: 1, pending: addresses.length - 1 });
});

test('A ban that left the state before its turn runs nothing', async () => {
  const enforcer = new HeldEnforcer();
  using desk = new Desk(enforcer, 1);
  desk.queue(rowOf({ ip: ip('203.0.113.1') }), rowOf());
  const first = await enforcer.next();
  desk.state.remove(rowOf());
  first.done();
  await desk.applier.idle();
  assert.equal(enforcer.begun.length, 1);
});

test('What gathers while a batch runs is the next batch, and a single ban at rest begins at once', async () => {
  const enforcer = new HeldEnforcer(8);
  using desk = new Desk(enforcer, 1);
  desk.queue(rowOf({ ip: ip('203.0.113.99') }));
  const first = await enforcer.next();
  desk.queue(...addresses.map((each, index) => rowOf({ ip: each, seq: index + 2 })));
  first.done();
  for (const _ of addresses) (await enforcer.next()).done();
  await desk.applier.idle();
  assert.deepEqual(enforcer.batches, [1, 8, 8, 4]);
  assert.deepEqual(desk.state.counts(), { applied: addresses.length + 1 });
});

test('Thousands of ends do not stall a ban, and bans do not keep what is over for ever', async () => {
  const enforcer = new HeldEnforcer(10);
  using desk = new Desk(enforcer, 1);
  const ends = Array.from({ length: 2000 }, (_, index) => ip(`198.51.${index >> 8}.${index & 255}`));
  desk.queue(...ends.map((each) => rowOf({ ip: each, status: 'lifting', isOurs: true })));
  const running = await Promise.all(Array.from({ length: 10 }, () => enforcer.next()));
  desk.queue(rowOf());
  running.forEach(({ done }) => done());
  const next = await enforcer.next();
  assert.equal(next.change.kind, 'ban');
  next.done();
  for (let rest = ends.length - 10; rest > 0; rest -= 1) (await enforcer.next()).done();
  await desk.applier.idle();
  assert.deepEqual(desk.state.counts(), { applied: 1 });
});

test('A failure after which the ban may be in place leaves it ours to lift', async () => {
  const enforcer = new HeldEnforcer();
  using desk = new Desk(enforcer);
  desk.queue(rowOf());
  (await enforcer.next()).done({ outcome: 'failed', reason: 'no answer', isBegun: true });
  await desk.applier.idle();
  assert.deepEqual(
    desk.state.all().map(({ status, isOurs }) => ({ status, isOurs })),
    [{ status: 'failed', isOurs: true }],
  );
});

test('What no enforcer here can ever do is not tried again, and said once for each enforcer', async () => {
  const enforcer = new HeldEnforcer();
  using desk = new Desk(enforcer, 1);
  const ranges = ['203.0.113.0/24', '198.51.100.0/24', '2001:db8:9::/64'].map(range);
  desk.queue(...ranges.map((each, index) => rowOf({ ip: each, seq: index + 1 })));
  const refuse = { outcome: 'failed', reason: 'range', unfit: ['command'] } as const;
  (await enforcer.next()).done(refuse);
  (await enforcer.next()).done(refuse);
  (await enforcer.next()).done({ outcome: 'applied', unfit: ['log'] });
  await desk.applier.idle();
  assert.deepEqual(
    desk.state
      .all()
      .map(({ status, reason, retryAt, isOurs }) => ({ status, reason: sayReason(reason), retryAt, isOurs })),
    [
      { status: 'failed', reason: 'range', retryAt: null, isOurs: false },
      { status: 'failed', reason: 'range', retryAt: null, isOurs: false },
      { status: 'applied', reason: 'range: not by log', retryAt: null, isOurs: true },
    ],
  );
  assert.deepEqual(
    desk.said.filter((line) => line.includes('cannot')),
    [
      "This host's enforcer command cannot ban ranges; use nftables or ipset {}",
      "This host's enforcer log cannot ban ranges; use nftables or ipset {}",
    ],
  );
  assert.match(desk.said.at(-1) ?? '', /^Ban .*"outcome":"applied","reason":"range: not by log"/);
});

test('What becomes of a batch and what the server is to hear of it are one commit', async () => {
  const enforcer = new HeldEnforcer(20);
  const tell = (): never => {
    throw new Error('the disk is full');
  };
  using desk = new Desk(enforcer, 4, tell);
  const said = desk.awaited(/^Cannot write the state of bans/);
  desk.queue(...addresses.map((address, index) => rowOf({ seq: index + 1, ip: address })));
  enforcer.endAll();
  await said;
  await desk.applier.stop();
  assert.deepEqual(desk.state.counts(), { pending: addresses.length });
});

test('A backlog that is let go leaves timers and commands their turn between two batches, also where an enforcer is done at once', async () => {
  const enforcer = new HeldEnforcer(5);
  enforcer.endAll();
  using desk = new Desk(enforcer, 1);
  desk.applier.holdBans();
  desk.queue(...addresses.map((address, index) => rowOf({ seq: index + 1, ip: address })));
  desk.applier.letBansGo();
  await setImmediate();
  assert.notDeepEqual(desk.state.counts(), { applied: addresses.length });
  await desk.applier.idle();
  assert.deepEqual(desk.state.counts(), { applied: addresses.length });
});
