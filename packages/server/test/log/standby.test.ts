import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { Postgres, postgresSkip } from '../../../../test/fleet/database/postgres.ts';
import { untilAnswered } from '../../../../test/fleet/within.ts';
import { LOG_START } from '../../src/log/log.ts';
import type { PostgresLog } from '../../src/log/postgres-log.ts';
import { draft, freshLog, openLog, ours, until, withCode } from './logs.ts';

const skip = postgresSkip();

type Pair = { primary: Postgres; standby: Postgres };
let started: Promise<Pair> | undefined;

/** A primary and its synchronous standby, for all of this file. */
function pair(): Promise<Pair> {
  return (started ??= (async () => {
    const primary = await Postgres.start();
    const standby = await primary.standby('second');
    primary.set({ synchronous_standby_names: 'second' });
    return { primary, standby };
  })());
}

const open: PostgresLog[] = [];
/** A log whose tables begin empty, at the primary. */
async function fresh(): Promise<PostgresLog> {
  const log = await freshLog((await pair()).primary, { durability: 'standby' });
  open.push(log);
  return log;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((log) => log.close()));
});
after(async () => {
  const both = await started;
  await both?.primary[Symbol.asyncDispose]();
  await both?.standby[Symbol.asyncDispose]();
});

/** Keeps the standby from hearing of anything until it is thawed. */
function freeze({ standby }: Pair): Disposable {
  const receiver = Number(standby.sql('SELECT pid FROM pg_stat_wal_receiver'));
  // 0 would be this process and all that it has started.
  assert.notEqual(receiver, 0, 'the standby follows');
  process.kill(receiver, 'SIGSTOP');
  return { [Symbol.dispose]: () => process.kill(receiver, 'SIGCONT') };
}

/** The backend that waits for the standby with a statement like that. */
function waiting({ primary }: Pair, like: string): Promise<string> {
  const select = `SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE '%${like}%'`;
  const look = async (): Promise<string | undefined> => primary.sql(select) || undefined;
  return untilAnswered(look, 10_000, () => `a wait for the standby of ${like}`);
}

test('an entry is answered once the standby has it, and not before', { skip }, async () => {
  const log = await fresh();
  const both = await pair();
  const answers: unknown[] = [];
  const frozen = freeze(both);
  const appending = log.append(draft('one'), LOG_START);
  void appending.then((answer) => answers.push(answer));
  await waiting(both, 'INSERT INTO log');
  assert.deepEqual(answers, []);
  frozen[Symbol.dispose]();
  ours(await appending);
});

test(
  'an entry whose wait for the standby was cancelled is answered once the standby has it',
  { skip },
  async () => {
    const log = await fresh();
    const both = await pair();
    const answers: unknown[] = [];
    const frozen = freeze(both);
    const appending = log.append(draft('one'), LOG_START);
    void appending.then((answer) => answers.push(answer));
    const backend = await waiting(both, 'INSERT INTO log');
    both.primary.sql(`SELECT pg_cancel_backend(${backend})`);
    await waiting(both, 'pg_logical_emit_message');
    // PostgreSQL has said that all went well, and everybody sees the entry.
    assert.equal(both.primary.sql('SELECT count(*) FROM log', 'banshare'), '1');
    assert.deepEqual(answers, []);
    frozen[Symbol.dispose]();
    ours(await appending);
  },
);

test(
  'an entry that was let go since the setting for the standby was emptied is not answered',
  { skip },
  async () => {
    const log = await fresh();
    const both = await pair();
    using _ = freeze(both);
    const appending = assert.rejects(log.append(draft('one'), LOG_START), (error: Error) => {
      assert.match(error.message, /may come into force yet: look, once the database answers/);
      return withCode('unknown')(error);
    });
    await waiting(both, 'INSERT INTO log');
    both.primary.set({ synchronous_standby_names: '' });
    await appending;
    assert.equal(log.health().fault?.code, 'no-standby');
    await assert.rejects(log.append(draft('two'), LOG_START), withCode('no-standby'));
    both.primary.set({ synchronous_standby_names: 'second' });
  },
);

test(
  'what a crash left on one machine only is read by nobody before the standby has it',
  { skip },
  async () => {
    const log = await fresh();
    const both = await pair();
    const frozen = freeze(both);
    const appending = assert.rejects(log.append(draft('one'), LOG_START), withCode('unknown'));
    await waiting(both, 'INSERT INTO log');
    await both.primary.stop();
    await both.primary.run();
    await waiting(both, 'pg_logical_emit_message');
    assert.equal(both.primary.sql('SELECT count(*) FROM log', 'banshare'), '1');
    await assert.rejects(log.after(LOG_START, 1), withCode('away'));
    await appending;
    frozen[Symbol.dispose]();
    await until(log, () => log.health().fault === undefined);
    const [entry] = await log.after(LOG_START, 1);
    assert.equal(Buffer.from(entry!.data).toString(), 'one');
  },
);

test(
  'a database that says nothing more is given up, and the entry is one of unknown outcome',
  { skip },
  async () => {
    const log = await fresh();
    const { primary } = await pair();
    // The newest: those of logs that were closed a moment ago end when they notice.
    const newest = (but: number): number =>
      Number(
        primary.sql(
          `SELECT pid FROM pg_stat_activity WHERE application_name = 'banshare' AND pid <> ${but} ORDER BY backend_start DESC LIMIT 1`,
        ),
      );
    const backend = newest(0);
    assert.notEqual(backend, 0);
    process.kill(backend, 'SIGSTOP');
    await assert.rejects(log.append(draft('one'), LOG_START), withCode('unknown'));
    await until(log, () => log.health().fault === undefined);
    assert.notEqual(newest(backend), 0);
    process.kill(backend, 'SIGCONT');
    // Whatever the thawed one still does, one of the two has the number.
    assert.match((await log.append(draft('two'), LOG_START)).outcome, /^(?:ours|taken)$/);
  },
);

test(
  'the database is followed to where it goes: the standby that was made the primary',
  { skip },
  async () => {
    const { primary, standby } = await pair();
    const list = `postgres://127.0.0.1:${standby.port},127.0.0.1:${primary.port}/banshare`;
    primary.sql('DROP TABLE IF EXISTS log, snapshots, parts', 'banshare');
    const log = await openLog(list, { durability: 'none' });
    open.push(log);
    assert.equal(log.health().at, `127.0.0.1:${primary.port}`);
    const first = ours(await log.append(draft('one'), LOG_START));
    await primary.stop();
    await until(log, () => log.health().fault !== undefined);
    standby.sql('SELECT pg_promote()');
    await until(log, () => log.health().fault === undefined);
    assert.equal(log.health().at, `127.0.0.1:${standby.port}`);
    ours(await log.append(draft('two'), first));
  },
);
