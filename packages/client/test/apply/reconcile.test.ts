import { sayReason } from '../../src/bans/reason.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { JailName } from '@banshare/protocol';
import { Applier } from '../../src/apply/apply.ts';
import { type Enforcer, EVERY_JAIL, type Listing, type Remaining } from '../../src/enforcers/enforcer.ts';
import { Reconciler } from '../../src/apply/reconcile.ts';
import { MOST_IN_A_GO } from '../../src/host/in-parts.ts';
import { State } from '../../src/bans/state.ts';
import { folder, ip, jail, NOW, range, rowOf, type RowFields } from '../make.ts';
import type { Change, Effect } from '../../src/bans/change.ts';

/** A firewall that a test may flush behind the client's back. */
class Firewall implements Enforcer {
  readonly kind = 'firewall';
  readonly mostAtOnce = 100;
  readonly isSerial = true;
  readonly reach: 'jail' | 'host';
  takesRanges = true;
  readonly held = new Map<string, Remaining>();
  readonly done: string[] = [];
  isAnew = true;
  isAway = false;
  repaired = '';
  proven = false;
  called: (() => void) | undefined;

  constructor(reach: 'jail' | 'host') {
    this.reach = reach;
  }

  carryOut(changes: readonly Change[]): Promise<Effect[]> {
    const effects = changes.map(({ kind, ip: address, localJail, seconds }): Effect => {
      this.done.push(`${kind} ${address} ${seconds}`);
      this.called?.();
      if (this.isAway) return { outcome: 'failed', reason: 'away', localJail };
      if (kind === 'ban') this.held.set(address, seconds === -1 ? null : seconds);
      else this.held.delete(address);
      return { outcome: 'applied', localJail };
    });
    return Promise.resolve(effects);
  }

  check(): Promise<string[]> {
    return Promise.resolve([]);
  }

  isIntact(): Promise<boolean> {
    return Promise.resolve(this.held.size > 0);
  }

  isProven(): Promise<boolean> {
    return Promise.resolve(this.proven);
  }

  isRepaired(of: JailName): Promise<boolean> {
    return Promise.resolve(of === this.repaired);
  }

  list(jails: readonly JailName[]): Promise<Listing> {
    if (this.isAway) return Promise.resolve({ ok: false, reason: 'away' });
    const listed = this.reach === 'host' ? [EVERY_JAIL] : jails;
    const held = new Map(listed.map((name) => [String(name), this.held]));
    return Promise.resolve({ ok: true, held, isAnew: () => this.isAnew });
  }
}

/** A host whose bans stand in such a firewall. */
class Host implements Disposable {
  readonly #scratch = folder();
  readonly state = new State(this.#scratch.path);
  readonly firewall: Firewall;
  readonly applier: Applier;
  readonly reconciler: Reconciler;
  isInStep = true;
  readonly told: string[] = [];
  readonly ended: string[] = [];

  constructor(reach: 'jail' | 'host', ...rows: RowFields[]) {
    const enforcer = (this.firewall = new Firewall(reach));
    const { state } = this;
    const log = { info: () => undefined, warning: () => undefined, notice: () => undefined };
    const now = (): number => NOW;
    for (const row of rows) state.put(rowOf({ status: 'applied', isOurs: true, ...row }), NOW);
    this.applier = new Applier({
      state,
      enforcer,
      concurrency: 1,
      log,
      now,
      settled: (row) => void this.told.push(`${row.status} ${sayReason(row.keptBack)}`),
    });
    this.reconciler = new Reconciler({
      state,
      enforcer,
      covers: () => true,
      applier: this.applier,
      log,
      faults: { fault: () => undefined, over: () => undefined },
      now,
      isInStep: () => this.isInStep,
      tellNow: () => undefined,
      notes: { remove: (jail, ip) => void this.ended.push(`${jail}@${ip}`) },
    });
  }

  async compare(): Promise<string[]> {
    await this.reconciler.compareNow();
    await this.applier.idle();
    return this.firewall.done.splice(0).toSorted();
  }

  get rows(): string[] {
    return this.state.all().map((row) => `${row.ip} ${row.status}${row.isOurs ? ' ours' : ''}`);
  }

  [Symbol.dispose](): void {
    // What it has begun would wait for its state without an end, and keep this process.
    void this.applier.stop();
    this.state.close();
    this.#scratch[Symbol.dispose]();
  }
}

const two = [
  { seq: 1, ip: ip('203.0.113.1'), until: NOW + 100 },
  { seq: 2, ip: ip('203.0.113.2'), until: null },
];

test('What was lost is put in place again, for as long as it still lasts', async () => {
  using host = new Host('host', ...two);
  assert.deepEqual(await host.compare(), ['ban 203.0.113.1 100', 'ban 203.0.113.2 -1']);
  assert.deepEqual(host.rows, ['203.0.113.1 applied ours', '203.0.113.2 applied ours']);
  assert.deepEqual(await host.compare(), []);
});

test('A wrong end is put right, and what nobody wants is lifted, but not before the fleet was heard', async () => {
  using host = new Host('host', ...two);
  host.isInStep = false;
  host.firewall.held.set('203.0.113.1', 5000).set('203.0.113.2', null).set('203.0.113.3', 50);
  assert.deepEqual(await host.compare(), []);
  host.isInStep = true;
  assert.deepEqual(await host.compare(), ['ban 203.0.113.1 100', 'unban 203.0.113.3 0']);
});

test('What fail2ban let go stays let go, and the server is told that it was released', async () => {
  using host = new Host('jail', ...two);
  host.firewall.isAnew = false;
  host.firewall.held.set('203.0.113.2', undefined);
  assert.deepEqual(await host.compare(), []);
  assert.deepEqual(host.rows, ['203.0.113.1 released', '203.0.113.2 applied ours']);
  assert.deepEqual(host.ended, ['sshd@203.0.113.1'], 'its note is gone');
  assert.deepEqual(host.state.untold(9), [{ seq: 1, outcome: 'released' }]);
  assert.deepEqual(await host.compare(), []);
});

test('What a restarted fail2ban lost is banned again, and what it keeps beside is nobody else’s business', async () => {
  using host = new Host('jail', ...two);
  host.firewall.held.set('203.0.113.1', undefined).set('203.0.113.77', undefined);
  assert.deepEqual(await host.compare(), ['ban 203.0.113.2 -1']);
  assert.ok(host.firewall.held.has('203.0.113.77'));
});

test('While it cannot be asked nothing is judged, and what failed is tried again once it can', async () => {
  using host = new Host('jail', ...two, { ip: ip('203.0.113.3'), status: 'failed', retryAt: NOW + 600 });
  host.firewall.isAway = true;
  assert.deepEqual(await host.compare(), []);
  assert.equal(host.state.dueAgain(NOW, 9).length, 0);
  host.firewall.isAway = false;
  assert.deepEqual(await host.compare(), ['ban 203.0.113.1 100', 'ban 203.0.113.2 -1']);
  assert.equal(host.state.dueAgain(NOW, 9).length, 1);
});

test('What is about to end, or is under way, is left alone', async () => {
  using host = new Host('host', { until: NOW + 2 });
  host.firewall.held.set('203.0.113.7', 60);
  const row = rowOf({ ip: ip('203.0.113.7'), jail: jail('web') });
  host.state.put(row, NOW);
  host.applier.queue(row);
  assert.deepEqual(await host.compare(), ['ban 203.0.113.7 3600']);
});

test('While it runs, what was lost is found, again and again, and so are rules that fail2ban had to make anew', async () => {
  using host = new Host('jail', ...two);
  const stop = host.reconciler.start(0.005);
  const call = (): Promise<void> => new Promise((resolve) => (host.firewall.called = resolve));
  await call();
  await host.applier.idle();
  host.firewall.held.clear();
  await call();
  await host.applier.idle();
  host.firewall.repaired = 'sshd';
  await call();
  await stop();
  await host.applier.idle();
  assert.deepEqual(host.rows, ['203.0.113.1 applied ours', '203.0.113.2 applied ours']);
});

test('What could not be seen in the firewall is carried out again once bans of its jail can be, and the server hears of it', async () => {
  using host = new Host('jail', { ip: ip('203.0.113.1'), status: 'unproven', reason: 'not there' });
  host.firewall.held.set('203.0.113.1', undefined);
  const stop = host.reconciler.start(0.005);
  await host.reconciler.compareNow();
  assert.deepEqual(host.rows, ['203.0.113.1 unproven ours']);
  host.firewall.proven = true;
  await new Promise<void>((resolve) => (host.firewall.called = resolve));
  await host.applier.idle();
  await stop();
  assert.deepEqual(host.rows, ['203.0.113.1 applied ours']);
  assert.deepEqual(host.told, ['pending unproven: not there']);
});

test('A range is not looked for where only addresses stand', async () => {
  using host = new Host('jail', { ip: range('203.0.113.0/24') });
  host.firewall.takesRanges = false;
  for (const isAnew of [true, false]) {
    host.firewall.isAnew = isAnew;
    assert.deepEqual(await host.compare(), []);
  }
  assert.deepEqual(host.rows, ['203.0.113.0/24 applied ours']);
});

test('Thousands of bans that are compared, put back or released are so a part at a time: a new ban need not wait for all', async () => {
  const many = 5 * MOST_IN_A_GO + 7;
  for (const isAnew of [true, false]) {
    const rows = Array.from({ length: many }, (_, n) => ({
      ip: ip(`45.77.${n >> 8}.${n & 255}`),
      seq: n + 1,
    }));
    using host = new Host('jail', ...rows);
    host.firewall.isAnew = isAnew;
    let [isDone, written, most] = [false, 0, 0];
    const put = host.state.put.bind(host.state);
    host.state.put = (...args) => {
      written += 1;
      put(...args);
    };
    const compared = host.reconciler.compareNow().finally(() => (isDone = true));
    while (!isDone) {
      most = Math.max(most, written);
      written = 0;
      await setImmediate();
    }
    await compared;
    await host.applier.idle();
    assert.deepEqual(host.state.counts(), isAnew ? { applied: many } : { released: many });
    assert.equal(host.firewall.held.size, isAnew ? many : 0);
    // The enforcer has its turns beside it, a batch in each.
    assert.ok(most <= 2 * MOST_IN_A_GO, `${most} rows were written between two turns of the loop`);
  }
});
