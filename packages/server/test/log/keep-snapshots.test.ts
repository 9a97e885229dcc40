import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Folder } from '../../../../test/fleet/index.ts';
import { Postgres, postgresSkip } from '../../../../test/fleet/database/postgres.ts';
import { isSnapshotDue, takeSnapshot } from '../../src/keep-snapshots.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { Settings } from '../../src/ledger/books/settings.ts';
import { LogFault, type LogHealth } from '../../src/log/log.ts';
import { freshLog, openLog } from './logs.ts';

const folder = new Folder();
after(() => folder[Symbol.dispose]());

test('a snapshot is due after 20,000 entries, or a day where there is any, and never while the log cannot be written', () => {
  const due = (last: number, n: number, ageSeconds: number, fault?: LogFault): boolean => {
    const health: LogHealth = {
      at: 'a:1',
      fault,
      since: undefined,
      durability: 'none',
      last,
      snapshot: { n, ageSeconds },
    };
    return isSnapshotDue(health);
  };
  assert.deepEqual([due(20_001, 1, 5), due(20_000, 1, 5)], [true, false]);
  assert.deepEqual([due(2, 1, 86_400), due(1, 1, 86_400)], [true, false]);
  assert.equal(due(90_000, 1, 5, new LogFault('away', 'it is away')), false);
});

test(
  'a server that begins with the snapshot of another has its ledger, and goes on behind it',
  { skip: postgresSkip() },
  async () => {
    await using postgres = await Postgres.start();
    const log = await freshLog(postgres);
    await using done = new AsyncDisposableStack();
    done.defer(() => log.close());
    const path = join(folder.path, 'a.db');
    const ledger = new Ledger(path, () => 'epoch', log);
    done.defer(() => ledger.close());
    await ledger.write(() => new Settings(ledger).put('first', 'one'));
    await takeSnapshot(ledger, log, path);
    assert.equal(existsSync(`${path}.snapshot`), false);
    await ledger.write(() => new Settings(ledger).put('second', 'two'));
    // More than is read at once.
    const large = (): string => randomBytes(2_000_000).toString('base64');
    for (const name of ['third', 'fourth', 'fifth'])
      await ledger.write(() => new Settings(ledger).put(name, large()));

    const other = await openLog(postgres.url);
    done.defer(() => other.close());
    const copy = join(folder.path, 'b.db');
    const head = await other.getSnapshot(copy);
    const further = new Ledger(copy, () => 'another', other);
    done.defer(() => further.close());
    assert.equal(further.replica()?.applied, head?.n);
    assert.deepEqual(further.head(), {
      ...ledger.head(),
      seq: further.head().seq,
      tail: further.head().tail,
    });
    await further.catchUp();
    const settings = new Settings(further);
    assert.deepEqual([settings.get('first'), settings.get('second')], ['one', 'two']);
    assert.deepEqual(further.head(), ledger.head());
    assert.equal(settings.get('fifth'), new Settings(ledger).get('fifth'));
  },
);
