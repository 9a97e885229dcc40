import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import pg from 'pg';
import { Postgres, postgresSkip } from '../../../../test/fleet/database/postgres.ts';
import { within } from '../../../../test/fleet/within.ts';
import { parseDatabaseUrl } from '../../src/log/database-url.ts';
import { findPrimary } from '../../src/log/line.ts';
import { STILL } from '../../src/log/statements.ts';
import { LOG_START, type Durability, type LogPosition } from '../../src/log/log.ts';
import { probeLog } from '../../src/log/probe.ts';
import type { PostgresLog } from '../../src/log/postgres-log.ts';
import { draft, freshLog as freshAt, openLog, ours, until, withCode } from './logs.ts';

const skip = postgresSkip();

let started: Promise<Postgres> | undefined;
/** One for all of this file. */
const postgres = (): Promise<Postgres> => (started ??= Postgres.start());
after(async () => (await started)?.[Symbol.asyncDispose]());

/** A log of its own: its tables begin empty. */
async function freshLog(durability: Durability = 'none'): Promise<PostgresLog> {
  return freshAt(await postgres(), { durability });
}

/** Another server's of the same. */
async function open(durability: Durability = 'none', secret?: Buffer): Promise<PostgresLog> {
  return openLog((await postgres()).url, { durability, ...(secret === undefined ? {} : { secret }) });
}

test('what pg never answers ends with its connection, and with its silence', { skip }, async (t) => {
  const location = parseDatabaseUrl((await postgres()).url);
  assert.ok(location.ok);
  const line = await findPrimary({ location: location.value, passwordFile: undefined }, 0);
  t.mock.method(pg.Client.prototype, 'query', () => new Promise(() => undefined));
  const [first, second] = [line.ask(STILL), line.ask(STILL)];
  const isFirst = assert.rejects(first, /it was closed/);
  line.close();
  await Promise.all([isFirst, assert.rejects(second, /it was closed/)]);
  t.mock.restoreAll();
  const other = await findPrimary({ location: location.value, passwordFile: undefined }, 0);
  t.mock.method(pg.Client.prototype, 'query', () => new Promise(() => undefined));
  await assert.rejects(other.ask(STILL), /it said nothing for 3 s/);
});

test('what one server appends another reads, in order and as it was', { skip }, async () => {
  const [a, b] = [await freshLog(), await open()];
  const first = ours(await a.append(draft('one'), LOG_START));
  const second = ours(await a.append({ schema: 14, kind: 'schema', data: Buffer.alloc(0) }, first));
  const read = await b.after(LOG_START, 10);
  assert.deepEqual(
    read.map(({ n, token, schema, kind, data }) => ({
      n,
      token,
      schema,
      kind,
      data: Buffer.from(data).toString(),
    })),
    [
      { ...first, schema: 13, kind: 'changeset', data: 'one' },
      { ...second, schema: 14, kind: 'schema', data: '' },
    ],
  );
  assert.deepEqual(await b.after(first, 10), read.slice(1));
  assert.deepEqual(
    (await b.after(LOG_START, 1)).map(({ n }) => n),
    [1],
  );
  assert.deepEqual(await b.after(second, 10), []);
  await Promise.all([a.close(), b.close()]);
});

test(
  'large entries are read few at once, and one that is larger than all of that is read too',
  { skip },
  async () => {
    const log = await freshLog();
    const large = (bytes: number) => ({ schema: 13, kind: 'changeset', data: randomBytes(bytes) }) as const;
    let last = LOG_START;
    for (const bytes of [2, 3_000_000, 3_000_000, 6_000_000, 2])
      last = ours(await log.append(large(bytes), last));
    const numbers: number[][] = [];
    for (let at: LogPosition = LOG_START; at.n < last.n;) {
      const read = await log.after(at, 10);
      numbers.push(read.map(({ n }) => n));
      at = read.at(-1) ?? assert.fail('there is more');
    }
    assert.deepEqual(numbers, [[1, 2, 3], [4], [5]]);
    await log.close();
  },
);

test(
  'of two servers that append after the same entry one has it, and the other is told that it is taken',
  { skip },
  async () => {
    const [a, b] = [await freshLog(), await open()];
    const first = ours(await a.append(draft('one'), LOG_START));
    const outcomes = await Promise.all([a.append(draft('of a'), first), b.append(draft('of b'), first)]);
    assert.deepEqual(outcomes.map(({ outcome }) => outcome).toSorted(), ['ours', 'taken']);
    assert.equal((await a.append(draft('late'), LOG_START)).outcome, 'taken');
    assert.equal((await b.after(LOG_START, 10)).length, 2);
    await Promise.all([a.close(), b.close()]);
  },
);

test('an entry wakes whoever follows', { skip }, async () => {
  const [a, b] = [await freshLog(), await open()];
  const first = ours(await a.append(draft('one'), LOG_START));
  const read = Promise.withResolvers<number>();
  b.onNews(() => void b.after(first, 1).then(([entry]) => entry && read.resolve(entry.n), read.reject));
  await a.append(draft('two'), first);
  assert.equal(await within(read.promise, 10_000, () => 'the entry'), 2);
  await Promise.all([a.close(), b.close()]);
});

test('a replica that is ahead of the log, or beside it, is told that it forked', { skip }, async () => {
  const log = await freshLog();
  const first = ours(await log.append(draft('one'), LOG_START));
  const second = ours(await log.append(draft('two'), first));
  (await postgres()).sql('DELETE FROM log WHERE n = 2', 'banshare');
  assert.deepEqual(await log.append(draft('three'), second), { outcome: 'forked', aheadBy: 1 });
  await assert.rejects(log.after(second, 10), withCode('forked'));
  const other = ours(await log.append(draft('other'), first));
  assert.notEqual(other.token, second.token);
  assert.deepEqual(await log.append(draft('three'), second), { outcome: 'forked', aheadBy: 1 });
  await assert.rejects(log.after(second, 10), withCode('forked'));
  await log.close();
});

test('whoever is behind what is still kept is told so', { skip }, async () => {
  const log = await freshLog();
  const first = ours(await log.append(draft('one'), LOG_START));
  const second = ours(await log.append(draft('two'), first));
  await log.append(draft('three'), second);
  (await postgres()).sql('DELETE FROM log WHERE n < 3', 'banshare');
  await assert.rejects(log.after(first, 10), withCode('pruned'));
  await assert.rejects(log.after(LOG_START, 10), withCode('pruned'));
  assert.equal((await log.append(draft('four'), first)).outcome, 'taken');
  assert.equal((await log.append(draft('four'), LOG_START)).outcome, 'taken');
  await log.close();
});

test(
  'an entry of who has no secret of this fleet, or that was changed, is taken by nobody',
  { skip },
  async () => {
    const log = await freshLog();
    const first = ours(await log.append(draft('one'), LOG_START));
    const stranger = await open('none', randomBytes(32));
    await stranger.append(draft('ban everybody'), first);
    await assert.rejects(log.after(first, 10), withCode('forged'));
    await Promise.all([log.close(), stranger.close()]);
  },
);

test(
  'a database that goes away and comes back is found again; meanwhile nothing is appended',
  { skip },
  async () => {
    const database = await postgres();
    const log = await freshLog();
    const first = ours(await log.append(draft('one'), LOG_START));
    await database.stop();
    await until(log, () => log.health().fault !== undefined);
    await assert.rejects(log.append(draft('two'), first), withCode('away'));
    await assert.rejects(log.after(first, 1), withCode('away'));
    assert.equal(log.health().fault?.code, 'away');
    await database.run();
    await until(log, () => log.health().fault === undefined);
    ours(await log.append(draft('two'), first));
    assert.equal(log.health().fault, undefined);
    await log.close();
  },
);

test('without a standby nothing is appended where there has to be one', { skip }, async () => {
  const log = await freshLog('standby');
  await assert.rejects(log.append(draft('one'), LOG_START), withCode('no-standby'));
  assert.equal(log.health().fault?.code, 'no-standby');
  assert.equal((await postgres()).sql('SELECT count(*) FROM log', 'banshare'), '0');
  await log.close();
  const provided = await open('provider');
  ours(await provided.append(draft('one'), LOG_START));
  await provided.close();
});

test('whether the log can be written is looked at without changing anything there', { skip }, async () => {
  const database = await postgres();
  database.sql('DROP TABLE IF EXISTS log, snapshots, parts', 'banshare');
  const location = parseDatabaseUrl(database.url);
  assert.ok(location.ok);
  const options = { location: location.value, passwordFile: undefined, secret: Buffer.alloc(32) };
  await assert.rejects(probeLog({ ...options, durability: 'standby' }), withCode('no-standby'));
  assert.match(
    await probeLog({ ...options, durability: 'none' }),
    /can be written; ledger.durability is "none"/,
  );
  assert.equal(database.sql("SELECT to_regclass('log') IS NULL", 'banshare'), 't');
});

test(
  'whoever comes too late with an entry is heard by the one who was first, and nobody has news of what he appended himself',
  { skip },
  async () => {
    const [a, b] = [await freshLog(), await open()];
    const heard = { a: 0 };
    const late = Promise.withResolvers<void>();
    const news = Promise.withResolvers<void>();
    a.onNews(() => (heard.a += 1));
    b.onNews(() => news.resolve());
    a.onWanted(() => late.resolve());
    const began = performance.now();
    let last = LOG_START;
    for (let n = 0; n < 8; n += 1) last = ours(await a.append(draft(String(n)), last));
    const seconds = Math.ceil((performance.now() - began) / 1000);
    await within(news.promise, 20_000, () => 'news of the entry');
    assert.deepEqual(await b.append(draft('another'), LOG_START), { outcome: 'taken' });
    await within(late.promise, 20_000, () => 'word of whoever came too late');
    // Asked each second, the database may have an entry before it has answered for it.
    assert.ok(heard.a <= 1 + seconds, `${heard.a} times in ${seconds} s`);
    await Promise.all([a.close(), b.close()]);
  },
);

test(
  'whoever asks whether the log can be written hears why not, and no entry is made for that',
  { skip },
  async () => {
    const log = await freshLog();
    const first = ours(await log.append(draft('one'), LOG_START));
    await log.tryWriting();
    const { sql } = { sql: (text: string) => started?.then((each) => each.sql(text, 'banshare')) };
    await sql('REVOKE INSERT ON log FROM banshare');
    await assert.rejects(log.tryWriting(), withCode('refused'));
    await sql('GRANT INSERT ON log TO banshare');
    await log.tryWriting();
    assert.deepEqual(await log.after(first, 10), []);
    await log.close();
    const careful = await open('standby');
    await until(careful, () => careful.health().fault?.code === 'no-standby');
    await assert.rejects(careful.tryWriting(), withCode('no-standby'));
    await careful.close();
    await assert.rejects(careful.tryWriting(), withCode('away'));
  },
);
