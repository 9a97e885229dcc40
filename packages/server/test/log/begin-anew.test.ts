import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Folder } from '../../../../test/fleet/index.ts';
import { Postgres, postgresSkip } from '../../../../test/fleet/database/postgres.ts';
import { beginAnew, firstEntry } from '../../src/log/begin-anew.ts';
import { parseDatabaseUrl } from '../../src/log/database-url.ts';
import { LOG_START } from '../../src/log/log.ts';
import { draft, freshLog, openLog, ours, withCode } from './logs.ts';

test(
  'a log begins anew where a standby has it and nobody has written since, by the rights that a server has; whoever was at the log before stops',
  { skip: postgresSkip() },
  async () => {
    using folder = new Folder();
    await using primary = await Postgres.start();
    await using standby = await primary.standby('second');
    const secret = randomBytes(32);
    await using owner = closing(await freshLog(primary, { secret }));
    const path = join(folder.path, 'ledger.db');
    const content = randomBytes(2.5 * 1024 * 1024);
    writeFileSync(path, content);
    const one = ours(await owner.log.append(draft('one'), LOG_START));
    await owner.log.putSnapshot({ ...one, schema: 13 }, path);
    const two = ours(await owner.log.append(draft('two'), one));
    primary.sql('CREATE ROLE less LOGIN');
    primary.sql('GRANT SELECT, INSERT, DELETE ON log, snapshots, parts TO less', 'banshare');
    const location = parseDatabaseUrl(primary.url.replace('postgres://', 'postgres://less@'));
    assert.ok(location.ok);
    const options = {
      location: location.value,
      passwordFile: undefined,
      durability: 'standby',
      secret,
    } as const;
    const first = firstEntry(secret, 13, two.n);

    await assert.rejects(beginAnew(options, { first, path, last: 2 }), withCode('no-standby'));
    primary.set({ synchronous_standby_names: 'second' });
    await assert.rejects(beginAnew(options, { first, path, last: 1 }), withCode('forked'));
    assert.equal(primary.sql('SELECT string_agg(n::text, $$ $$ ORDER BY n) FROM log', 'banshare'), '1 2');

    const begun = await beginAnew(options, { first, path, last: 2 });
    assert.equal(standby.sql('SELECT n FROM log', 'banshare'), String(begun.n));
    const parts = 'SELECT count(DISTINCT snapshot), count(*) FROM parts';
    assert.equal(primary.sql(parts, 'banshare'), '1|3');
    await assert.rejects(owner.log.after(two, 10), withCode('pruned'));
    assert.deepEqual(await owner.log.append(draft('three'), two), { outcome: 'taken' });
    await using other = closing(await openLog(primary.url, { secret }));
    const copy = join(folder.path, 'copy.db');
    assert.deepEqual(await other.log.getSnapshot(copy), { ...begun, schema: 13 });
    assert.deepEqual(readFileSync(copy), content);
    const next = ours(await other.log.append(draft('three'), begun));
    assert.equal((await other.log.after(begun, 10)).at(-1)?.token, next.token);
  },
);

function closing<T extends { close(): Promise<void> }>(log: T): AsyncDisposable & { log: T } {
  return { log, [Symbol.asyncDispose]: () => log.close() };
}
