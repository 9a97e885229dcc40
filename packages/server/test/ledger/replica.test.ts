import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseHostName, type Event } from '@banshare/protocol';
import { HostBook } from '../../src/fleet/hosts.ts';
import { Freeze } from '../../src/judging/freeze.ts';
import { judge } from '../../src/judging/judge.ts';
import { sweep } from '../../src/ledger/deeds.ts';
import { SCHEMA } from '../../src/ledger/schema.ts';
import { Settings } from '../../src/ledger/books/settings.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { News } from '../../src/ledger/news.ts';
import { turnSeconds } from '../../src/ledger/replica.ts';
import type { Changes } from '../../src/ledger/changes.ts';
import type { Host } from '../../src/words/hosts/host.ts';
import type { Decide } from '../../src/words/submission.ts';
import { ackOf } from '../../../../test/fleet/index.ts';
import { readPart } from '../../src/ledger/timeline.ts';
import { LogOfTest } from './log-of-test.ts';
import { addressOf, copyOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';

const POLICY = { windowSeconds: 300, defaultDurationSeconds: 3600, maxDurationSeconds: -1 };
const deciding: Decide = (submission, known) =>
  submission.kind === 'report'
    ? judge(submission.report, POLICY, known.ban, submission.received, known.past)
    : { verdict: 'duplicate' };

/** A server of a fleet that has several, as far as its ledger goes. */
class Replica {
  readonly path: string;
  ledger: Ledger;
  book: HostBook;
  published: Event[] = [];

  constructor(path: string, log: LogOfTest) {
    this.path = path;
    this.ledger = new Ledger(path, () => 'epoch', log.server());
    this.book = new HostBook(this.ledger);
    this.ledger.onCommitted((events) => this.published.push(...events));
  }
}

/** Two replicas of one ledger that has a host, and what the test reports by. */
class Pair implements Disposable {
  readonly log: LogOfTest;
  readonly shelf: LedgerOfTest;
  readonly host: Host;
  readonly #folder: string;
  readonly a: Replica;
  readonly b: Replica;

  private constructor(log: LogOfTest, shelf: LedgerOfTest, host: Host, folder: string, a: Replica) {
    [this.log, this.shelf, this.host, this.#folder, this.a] = [log, shelf, host, folder, a];
    // The first has begun the log, and the second starts from its snapshot.
    const path = join(folder, 'b.db');
    copyOf(a.ledger, path);
    this.b = new Replica(path, log);
  }

  static async begin(): Promise<Pair> {
    const [log, shelf] = [new LogOfTest(), new LedgerOfTest()];
    const host = shelf.host('h1');
    const folder = mkdtempSync(join(tmpdir(), 'banshare-shared-'));
    const path = join(folder, 'a.db');
    copyOf(shelf.ledger, path);
    const a = new Replica(path, log);
    await a.ledger.write(() => new Settings(a.ledger).put('shared-since', '1'));
    return new Pair(log, shelf, host, folder, a);
  }

  report(last: number) {
    return [this.shelf.report(this.host, `203.0.113.${last}`)];
  }

  /** Until both have applied and published everything. */
  async settled(): Promise<void> {
    for (const { ledger } of [this.a, this.b])
      while (ledger.replica()?.applied !== this.log.entries.length) await turn();
    for (const { ledger } of [this.a, this.b]) await ledger.idle();
  }

  [Symbol.dispose](): void {
    for (const { ledger } of [this.a, this.b]) ledger.close();
    this.shelf[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true });
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a ban that is committed at one server is published by both, with the same seq and tail', async () => {
  using pair = await Pair.begin();
  const { a, b } = pair;
  const [recorded] = await a.ledger.record(pair.report(1), deciding);
  assert.equal(recorded?.verdict, 'accepted');
  await pair.settled();
  assert.deepEqual(b.published, a.published);
  assert.deepEqual([b.ledger.head(), b.published.length], [a.ledger.head(), 1]);
  const [again] = await b.ledger.record(pair.report(1), deciding);
  assert.equal(again?.verdict, 'duplicate');
});

test('two servers that write at once judge one after the other: none is lost, none is twice, and their tails are the same', async () => {
  using pair = await Pair.begin();
  const { a, b } = pair;
  const all = await Promise.all(
    Array.from({ length: 60 }, async (_, n) => {
      for (let turns = 0; turns < n; turns += 1) await turn();
      // Every address is reported at both.
      return Promise.all([a, b].map(({ ledger }) => ledger.record(pair.report(n), deciding)));
    }),
  );
  await pair.settled();
  const verdicts = all.map((both) =>
    both.map(([one]) => String(one?.verdict)).toSorted((x, y) => x.localeCompare(y)),
  );
  assert.deepEqual(new Set(verdicts.map(String)), new Set(['accepted,duplicate']));
  assert.deepEqual(
    a.published.map(({ seq }) => seq),
    Array.from({ length: 60 }, (_, index) => index + 1),
  );
  assert.deepEqual(b.published, a.published);
  assert.deepEqual(a.ledger.head(), b.ledger.head());
});

test('nothing is read before it is in the log: while an entry is appended its server knows as much as the other', async () => {
  using pair = await Pair.begin();
  const { ledger } = pair.a;
  const done = ledger.record(pair.report(1), deciding);
  await Promise.resolve();
  assert.deepEqual([ledger.head().seq, await ledger.countActive(NOW)], [0, 0]);
  await done;
  assert.deepEqual([ledger.head().seq, await ledger.countActive(NOW)], [1, 1]);
});

test('as long as the log has not answered nobody reads what was judged, in no table and in no copy, and then all do', async () => {
  using pair = await Pair.begin();
  const { ledger } = pair.a;
  const answered = Promise.withResolvers<void>();
  pair.log.answers = answered.promise;
  const before = pair.log.entries.length;
  let judged = 0;
  const done = ledger.record(pair.report(1), (submission, known) => {
    judged += 1;
    return deciding(submission, known);
  });
  while (pair.log.entries.length === before) await turn();
  const read = async (): Promise<unknown[]> => [
    ledger.head().seq,
    await ledger.countActive(NOW),
    (await ledger.since(0, 10)).length,
    (await ledger.history(addressOf('203.0.113.1'))).reports.length,
    (ledger.sql('SELECT count(*) AS n FROM reports').get() as { n: number }).n,
  ];
  assert.deepEqual(await read(), [0, 0, 0, 0, 0]);
  const path = `${pair.a.path}.copy`;
  const copied = ledger.copyTo(path);
  answered.resolve();
  await done;
  assert.deepEqual([await read(), judged], [[1, 1, 1, 1, 1], 1]);
  // It is of a moment at which nothing was open.
  assert.equal((await copied).n, before + 1);
});

test('a server that is killed when the log has its entry and it has not committed it has all of it once it starts again', async () => {
  using pair = await Pair.begin();
  const { a, b } = pair;
  const before = pair.log.entries.length;
  pair.log.answers = new Promise(() => undefined);
  void a.ledger.record(pair.report(1), deciding).catch(() => undefined);
  while (pair.log.entries.length === before) await turn();
  a.ledger.close();
  pair.log.answers = undefined;
  a.ledger = new Ledger(a.path, () => 'epoch', pair.log.server());
  assert.equal(a.ledger.head().seq, 0);
  await a.ledger.catchUp();
  await pair.settled();
  assert.deepEqual([a.ledger.head().seq, a.ledger.head()], [1, b.ledger.head()]);
  const [again] = await a.ledger.record(pair.report(1), deciding);
  assert.equal(again?.verdict, 'duplicate');
});

test('no other process opens the file of a replica that a server has open', async () => {
  using pair = await Pair.begin();
  const open = `new (require('node:sqlite').DatabaseSync)(process.argv[1]).exec('SELECT * FROM applied')`;
  const { stderr } = spawnSync(process.execPath, ['-e', open, pair.a.path], { encoding: 'utf8' });
  assert.match(stderr, /database is locked/);
});

test('who is enrolled, revoked and muted at one server is so at the other, and what it told there stays', async () => {
  using pair = await Pair.begin();
  const { a, b } = pair;
  const freeze = new Freeze(b.ledger);
  const name = parseHostName('h2');
  assert.ok(name.ok);
  const newcomer = { key: 'f'.repeat(64), curve: 'curve', name: name.value, addresses: [] };
  await a.ledger.write(() => a.book.enrol(newcomer, 'active', NOW));
  await pair.settled();
  const there = b.book.byKey(newcomer.key);
  assert.ok(there);
  assert.equal(b.book.byCurve('curve'), there);
  there.heardAt = NOW;
  await a.ledger.write(() => {
    const host = a.book.byKey(newcomer.key);
    assert.ok(host);
    a.book.mute(host, { until: NOW + 60, note: 'away' });
    new Freeze(a.ledger).begin(null, NOW);
  });
  await a.ledger.write(() => a.book.change(a.book.byName('h1')!, { state: 'revoked' }));
  await pair.settled();
  assert.deepEqual([there.mute?.note, there.heardAt, b.book.byName('h1')?.state], ['away', NOW, 'revoked']);
  assert.deepEqual(freeze.at(NOW), { since: NOW, until: null });
});

for (const next of ['away', 'unknown and lost', 'unknown and stored'] as const) {
  test(`where the database is ${next} the sender is told to come again, and then it is there once at both`, async () => {
    using pair = await Pair.begin();
    const { a, b } = pair;
    const report = pair.report(1);
    pair.log.next = next;
    await assert.rejects(a.ledger.record(report, deciding), /the database is away/);
    const [again] = await a.ledger.record(report, deciding);
    assert.equal(again?.verdict, 'accepted');
    await pair.settled();
    assert.deepEqual(
      a.published.map(({ ip }) => ip),
      ['203.0.113.1'],
    );
    assert.deepEqual(b.published, a.published);
  });
}

test('an entry that does not fit stops the replica with its reason, and nothing more is applied or written there', async () => {
  using pair = await Pair.begin();
  const { a, b } = pair;
  // Somebody changed this server's file.
  await a.ledger.record(pair.report(1), deciding);
  await pair.settled();
  const changes: Changes[] = [];
  b.ledger.follow({ applied: (each) => changes.push(each) });
  const last = pair.log.entries.at(-1)!;
  pair.log.entries.push({ ...last, n: last.n + 1, token: 'same again' });
  await assert.rejects(b.ledger.catchUp(), /Cannot apply entry 3 of the log/);
  assert.match(b.ledger.replica()?.stopped ?? '', /is not what the others have/);
  await assert.rejects(b.ledger.record(pair.report(2), deciding), /Cannot apply entry 3/);
  assert.deepEqual([changes, b.ledger.head().seq], [[], 1]);
  pair.log.entries.pop();
});

test('a replica that starts again goes on where it was, and one that is alone refuses what is shared', async () => {
  using pair = await Pair.begin();
  const { a, b } = pair;
  b.ledger.close();
  await a.ledger.record(pair.report(1), deciding);
  await a.ledger.record(pair.report(2), deciding);
  await a.ledger.write((books) => sweep(books, NOW + 90 * 86_400, { keepSeconds: 1, keepEvidence: 1 }, 500));
  assert.equal(pair.log.entries.at(-1)?.kind, 'changeset');
  while (await a.ledger.sweep(NOW + 90 * 86_400, 1, 500));
  const again = new Replica(b.path, pair.log);
  try {
    await again.ledger.catchUp();
    assert.deepEqual(again.ledger.head(), a.ledger.head());
  } finally {
    again.ledger.close();
  }
  assert.throws(() => new Ledger(b.path, () => 'epoch'), /replica of what several servers share/);
});

test('what is written outside of the queue is refused where servers share the ledger: the others would not have it', async () => {
  using pair = await Pair.begin();
  const write = () => pair.a.ledger.sql("INSERT INTO never_ban (range, at) VALUES ('192.0.2.0/24', 1)").run();
  assert.throws(write, /outside of the ledger's queue/);
});

test('a ledger that is none of those that share the log takes nothing from it: the entries would fit, and mean something else', async () => {
  using pair = await Pair.begin();
  using other = new LedgerOfTest();
  const path = `${pair.b.path}.other`;
  copyOf(other.ledger, path);
  const stranger = new Replica(path, pair.log);
  try {
    await assert.rejects(stranger.ledger.catchUp(), /none of those that share the log/);
    await assert.rejects(stranger.ledger.record(pair.report(1), deciding), /none of those/);
  } finally {
    stranger.ledger.close();
  }
});

test('what a host acknowledges at one server is heard at the other, once it is written: a drill waits for it there', async () => {
  using pair = await Pair.begin();
  const { a, b } = pair;
  await a.ledger.record(pair.report(1), deciding);
  await pair.settled();
  const heard: (number | undefined)[] = [];
  b.book.onAcknowledged((host) => heard.push(host.position?.applied));
  const host = a.book.byName('h1');
  assert.ok(host);
  const { epoch, seq: applied, tail } = a.ledger.head();
  await a.book.acknowledge(host, { ...ackOf({ epoch, applied, tail }), addresses: [], outcomes: [] }, 0, NOW);
  await a.book.flush();
  await pair.settled();
  assert.deepEqual(heard, [1]);
});

test('an entry that a newer program made stops the replica before it is applied, and says what to install', async () => {
  using pair = await Pair.begin();
  const { a, b } = pair;
  await a.ledger.record(pair.report(1), deciding);
  await pair.settled();
  const last = pair.log.entries.at(-1)!;
  pair.log.entries.push({ ...last, n: last.n + 1, token: 'newer', schema: SCHEMA + 1 });
  await assert.rejects(b.ledger.catchUp(), /Cannot take entry 3 of the log/);
  const { applied, stopped, isOutdated } = b.ledger.replica()!;
  assert.deepEqual([applied, isOutdated, a.ledger.replica()?.isOutdated], [2, true, false]);
  assert.match(stopped ?? '', new RegExp(`tables of version ${SCHEMA + 1}.* ${SCHEMA}.*install .* here too`));
  await assert.rejects(b.ledger.record(pair.report(2), deciding), /install/);
  pair.log.entries.pop();
});

test('a piece that throws after it has written changes nothing, at its own server as little as at the others', async () => {
  using pair = await Pair.begin();
  const { a } = pair;
  const entries = pair.log.entries.length;
  const half = a.ledger.write(({ sql }) => {
    sql("INSERT INTO never_ban (range, at) VALUES ('192.0.2.0/24', 1)").run();
    throw new Error('the other half is refused');
  });
  await assert.rejects(half, /the other half is refused/);
  assert.equal(pair.log.entries.length, entries);
  assert.deepEqual(a.ledger.sql('SELECT * FROM never_ban').all(), []);
});

test('whoever has written leaves the next entry to the others while they write too, as long as they need, and a tenth of a second at most', () => {
  assert.deepEqual(
    [turnSeconds(Infinity, 1), turnSeconds(0.3, 1), turnSeconds(0.1, 0.004), turnSeconds(0.1, 1)],
    [0, 0, 0.02, 0.1],
  );
});

test('a turn that is left to others ends with their news, or where there is none with its time', async () => {
  let woken = 0;
  const news = new News(() => (woken += 1));
  await news.awaited(0);
  await news.awaited(1);
  const turn = news.awaited(60_000);
  news.came();
  await turn;
  // What is there already is not waited for.
  await news.awaited(60_000);
  await news.hear(async () => undefined);
  const last = news.awaited(60_000);
  news.close(new Error('closed'));
  await last;
  assert.equal(woken, 1);
});

test('who follows at one server hears what another committed late, though it happened before what he has heard, and once', async () => {
  using pair = await Pair.begin();
  const { a, b } = pair;
  const all = { matches: () => true };
  await b.ledger.record([pair.shelf.report(pair.host, '203.0.113.1', NOW + 3600)], deciding);
  await pair.settled();
  const first = readPart(b.ledger.sql, { reports: 0, events: 0, outcomes: 0, audit: 0 }, all, 10);
  await a.ledger.record([pair.shelf.report(pair.host, '203.0.113.2', NOW)], deciding);
  await pair.settled();
  const later = readPart(b.ledger.sql, first.cursor, all, 10);
  const kindsOf = ({ happenings }: typeof first): string[] =>
    happenings.map(({ kind, ip }) => `${kind} ${ip}`);
  assert.deepEqual(kindsOf(first), ['report 203.0.113.1', 'ban 203.0.113.1']);
  assert.deepEqual(kindsOf(later), ['report 203.0.113.2', 'ban 203.0.113.2']);
  // A cursor that one server named holds at the other.
  assert.deepEqual(readPart(a.ledger.sql, first.cursor, all, 10).happenings, later.happenings);
});
