import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Folder } from '../../../../test/fleet/index.ts';
import { Postgres, postgresSkip } from '../../../../test/fleet/database/postgres.ts';
import { LOG_START, type LogPosition } from '../../src/log/log.ts';
import type { PostgresLog } from '../../src/log/postgres-log.ts';
import { draft, freshLog, openLog, ours, withCode } from './logs.ts';

const skip = postgresSkip();

const folder = new Folder();
let started: Promise<Postgres> | undefined;
/** One for all of this file. */
const postgres = (): Promise<Postgres> => (started ??= Postgres.start());
after(async () => {
  folder[Symbol.dispose]();
  await (await started)?.[Symbol.asyncDispose]();
});

const [file, copy] = [join(folder.path, 'ledger.db'), join(folder.path, 'copy.db')];

/** Appends so many entries after a position; returns all their positions. */
async function appendMore(log: PostgresLog, after: LogPosition, count: number): Promise<LogPosition[]> {
  const positions: LogPosition[] = [];
  for (let left = count; left > 0; left -= 1) {
    positions.push(ours(await log.append(draft(`entry ${left}`), positions.at(-1) ?? after)));
  }
  return positions;
}

const count = async (table: string): Promise<number> =>
  Number((await postgres()).sql(`SELECT count(*) FROM ${table}`, 'banshare'));

test(
  'a new server starts from the newest snapshot, which is the file that another one put there',
  { skip },
  async () => {
    const log = await freshLog(await postgres());
    assert.equal(await log.getSnapshot(copy), undefined);
    const [first, second, third] = (await appendMore(log, LOG_START, 3)) as [
      LogPosition,
      LogPosition,
      LogPosition,
    ];
    writeFileSync(file, 'an older one');
    assert.equal(await log.putSnapshot({ ...first, schema: 13 }, file), true);
    const content = randomBytes(2.5 * 1024 * 1024);
    writeFileSync(file, content);
    assert.equal(await log.putSnapshot({ ...second, schema: 13 }, file), true);
    const other = await openLog((await postgres()).url);
    const head = await other.getSnapshot(copy);
    assert.deepEqual(head, { ...second, schema: 13 });
    assert.ok(readFileSync(copy).equals(content));
    assert.equal(statSync(copy).mode & 0o777, 0o600);
    assert.deepEqual(
      (await other.after(head, 10)).map(({ n }) => n),
      [third.n],
    );
    await assert.rejects(log.getSnapshot(copy), { code: 'EEXIST' });
    await Promise.all([log.close(), other.close()]);
  },
);

test('what only older snapshots need is removed, and what the last two need stays', { skip }, async () => {
  const log = await freshLog(await postgres());
  const all = await appendMore(log, LOG_START, 6);
  writeFileSync(file, 'a ledger');
  for (const at of [1, 3, 5]) await log.putSnapshot({ ...all[at]!, schema: 13 }, file);
  assert.equal(await count('snapshots'), 2);
  assert.deepEqual(
    (await log.after(all[3]!, 10)).map(({ n }) => n),
    [5, 6],
  );
  await assert.rejects(log.after(all[2]!, 10), withCode('pruned'));
  // A part without a head may be of a snapshot that is just being put: it has an hour.
  assert.equal(await count('parts'), 3);
  (await postgres()).sql("UPDATE parts SET at = at - interval '2 hours'", 'banshare');
  await log.putSnapshot({ ...all[5]!, schema: 13 }, file);
  assert.equal(await count('parts'), await count('snapshots'));
  await log.close();
});

test(
  'a snapshot of who has no secret of this fleet, or that was changed, is taken by nobody',
  { skip },
  async () => {
    const log = await freshLog(await postgres());
    const [first] = await appendMore(log, LOG_START, 1);
    writeFileSync(file, 'a ledger');
    await log.putSnapshot({ ...first!, schema: 13 }, file);
    const copy = join(folder.path, 'forged.db');
    const refused = async (change: string, back: string): Promise<void> => {
      (await postgres()).sql(change, 'banshare');
      await assert.rejects(log.getSnapshot(copy), withCode('forged'), change);
      assert.equal(existsSync(copy), false, change);
      (await postgres()).sql(back, 'banshare');
    };
    await refused('UPDATE snapshots SET n = 2', 'UPDATE snapshots SET n = 1');
    await refused('UPDATE snapshots SET schema = 14', 'UPDATE snapshots SET schema = 13');
    await refused('UPDATE snapshots SET parts = 0', 'UPDATE snapshots SET parts = 1');
    await refused('UPDATE snapshots SET parts = -1', 'UPDATE snapshots SET parts = 1');
    await refused('UPDATE snapshots SET schema = -1', 'UPDATE snapshots SET schema = 13');
    await refused('UPDATE snapshots SET n = -1', 'UPDATE snapshots SET n = 1');
    await refused(
      "UPDATE parts SET data = data || 'x'",
      'UPDATE parts SET data = substr(data, 1, length(data) - 1)',
    );
    assert.deepEqual(await log.getSnapshot(copy), { ...first, schema: 13 });
    const stranger = await openLog((await postgres()).url, { secret: randomBytes(32) });
    await assert.rejects(stranger.getSnapshot(join(folder.path, 'stranger.db')), withCode('forged'));
    await Promise.all([log.close(), stranger.close()]);
  },
);

test('a server whose ledger is not of this log puts no snapshot there', { skip }, async () => {
  const log = await freshLog(await postgres());
  const [first] = await appendMore(log, LOG_START, 1);
  writeFileSync(file, 'a ledger');
  const other = { ...first!, token: randomBytes(32).toString('hex'), schema: 13 };
  await assert.rejects(log.putSnapshot(other, file), withCode('forked'));
  assert.equal(await count('snapshots'), 0);
  await log.close();
});
