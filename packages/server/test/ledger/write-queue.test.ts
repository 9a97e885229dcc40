import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { OPERATOR, SHARED_JAIL, type Event } from '@banshare/protocol';
import type { Changes } from '../../src/ledger/changes.ts';
import { publishBans } from '../../src/ledger/deeds.ts';
import type { Books } from '../../src/ledger/record.ts';
import { Settings } from '../../src/ledger/books/settings.ts';
import { addressOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';

function ban(last: number): (books: Books) => Event[] {
  const draft = { ip: addressOf(`203.0.113.${last}`), prog: OPERATOR, jail: SHARED_JAIL, until: null };
  return (books) => publishBans(books, [draft], NOW, 'operator');
}

/** What was committed together, in order. */
function commitsOf({ ledger }: LedgerOfTest): Changes[] {
  const commits: Changes[] = [];
  ledger.follow({ applied: (changes) => commits.push(changes) });
  return commits;
}

test('what is asked for in one turn is one commit, and a piece that throws is taken back alone', async () => {
  using shelf = new LedgerOfTest();
  const commits = commitsOf(shelf);
  const fails = shelf.ledger.write((books) => {
    ban(2)(books);
    throw new Error('no');
  });
  const [first, second, third] = await Promise.allSettled([
    shelf.ledger.write(ban(1)),
    fails,
    shelf.ledger.write(ban(3)),
  ]);
  assert.deepEqual([first.status, second.status, third.status], ['fulfilled', 'rejected', 'fulfilled']);
  assert.equal(commits.length, 1);
  assert.deepEqual(
    commits[0]?.events.map(({ ip, seq }) => [ip, seq]),
    [
      ['203.0.113.1', 1],
      ['203.0.113.3', 2],
    ],
  );
  assert.deepEqual(shelf.ledger.head().tail, commits[0]?.events[1]?.tail);
  assert.deepEqual(
    (await shelf.ledger.since(0, 10)).map(({ ip }) => ip),
    ['203.0.113.1', '203.0.113.3'],
  );
});

test('the way back from each piece of a batch is in memory, and no file is made for it, however much a piece writes', async () => {
  using shelf = new LedgerOfTest();
  const { sql } = shelf.ledger;
  const insert = sql(
    `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2000)
     INSERT INTO reports SELECT 1, hex(randomblob(16)), 1, 1, 'report', hex(randomblob(4)), 'p', 'j', 'v', NULL, NULL, 1, NULL, n FROM numbers`,
  );
  await shelf.ledger.write(() => insert.run());
  const files: string[][] = [];
  const piece = (): Promise<unknown> =>
    shelf.ledger.write(() => {
      insert.run();
      files.push(filesOfSqlite());
    });
  await Promise.all([piece(), piece()]);
  assert.deepEqual(files, [[], []]);
});

/** The temporary files of SQLite that are open: they have no name any more. */
function filesOfSqlite(): string[] {
  const links = readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return '';
    }
  });
  return links.filter((path) => path.includes('etilqs'));
}

test('a row that may not be is the fault of its piece, and the others are committed', async () => {
  using shelf = new LedgerOfTest();
  const twice = (): unknown =>
    shelf.ledger.sql("INSERT INTO never_ban (range, at) VALUES ('192.0.2.0/24', 1)").run();
  const done = await Promise.allSettled([shelf.ledger.write(twice), shelf.ledger.write(twice)]);
  assert.deepEqual(
    done.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
});

test('behind a piece that touches what memory holds the others wait until memory has followed', async () => {
  using shelf = new LedgerOfTest();
  const commits = commitsOf(shelf);
  const host = shelf.host('h1');
  const stateInNext = shelf.ledger.write(() => shelf.book.change(host, { state: 'revoked' }));
  const seen = shelf.ledger.write(() => host.state);
  await Promise.all([stateInNext, seen]);
  assert.equal(await seen, 'revoked');
  assert.equal(commits.length, 2);
});

test('a commit has its order: on disk, then in memory, then told, then published', async () => {
  using shelf = new LedgerOfTest();
  const order: string[] = [];
  const { promise: published, resolve } = Promise.withResolvers<void>();
  shelf.ledger.follow({ applied: ({ events }) => order.push(`memory ${events.length}`) });
  shelf.ledger.onCommitted((events) => {
    order.push(`published ${events.length}`);
    resolve();
  });
  await shelf.ledger.write(ban(1));
  order.push(`told, ${await shelf.ledger.countActive(NOW)} on disk`);
  await published;
  assert.deepEqual(order, ['memory 1', 'told, 1 on disk', 'published 1']);
  await shelf.ledger.idle();
});

test('where the file fails all that waited fails, memory is read anew, and the next write goes well', async () => {
  using shelf = new LedgerOfTest();
  const commits = commitsOf(shelf);
  const host = shelf.host('h1');
  const broken = shelf.ledger.write(() => {
    shelf.book.change(host, { state: 'revoked' });
    shelf.ledger.sql('SELECT * FROM no_such_table').get();
  });
  const done = await Promise.allSettled([shelf.ledger.write(ban(1)), broken, shelf.ledger.write(ban(2))]);
  assert.deepEqual(
    done.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  );
  assert.deepEqual([host.state, shelf.ledger.head().seq, commits[0]?.isAll], ['active', 0, true]);
  await shelf.ledger.write(ban(3));
  assert.equal(shelf.ledger.head().seq, 1);
});

test('triggers tell which settings, ranges and hosts a commit touched, and not those that were taken back', async () => {
  using shelf = new LedgerOfTest();
  const host = shelf.host('h1');
  await shelf.ledger.write(() => undefined);
  const commits = commitsOf(shelf);
  const { ledger, book } = shelf;
  const settings = new Settings(ledger);
  const failing = ledger.write(() => {
    book.forget(host);
    throw new Error('no');
  });
  await Promise.allSettled([failing, ledger.write(() => settings.put('status-asked', '1'))]);
  await ledger.write(() => settings.put('frozen', '{}'));
  await ledger.write(() => settings.put('frozen', '{"a":1}'));
  await ledger.write(({ sql }) => sql("INSERT INTO never_ban (range, at) VALUES ('192.0.2.0/24', 1)").run());
  await ledger.write(({ sql }) => sql("INSERT INTO seen_at VALUES (1, '192.0.2.1', 1)").run());
  await ledger.write(() => book.change(host, { approved: NOW }));
  assert.deepEqual(
    commits.map(({ hosts, addresses, neverBan, settings: names }) => [
      [...hosts],
      [...addresses],
      neverBan,
      [...names],
    ]),
    [
      [[], [], false, []],
      [[], [], false, ['frozen']],
      [[], [], false, ['frozen']],
      [[], [], true, []],
      [[], [1], false, []],
      [[1], [], false, []],
    ],
  );
});
