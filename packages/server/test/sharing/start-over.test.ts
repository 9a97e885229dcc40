import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { OPERATOR, SHARED_JAIL } from '@banshare/protocol';
import { Folder } from '../../../../test/fleet/roots.ts';
import { appliedIn } from '../../src/ledger/books/backup-file.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { SCHEMA } from '../../src/ledger/schema.ts';
import { LogFault } from '../../src/log/log.ts';
import { beginWithSnapshot, lastStartOver, startOver } from '../../src/sharing/start-over.ts';
import { addressOf, copyOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';
import { LogOfTest } from '../ledger/log-of-test.ts';

const folder = new Folder();
after(() => folder[Symbol.dispose]());
let files = 0;
const fresh = (): string => join(folder.path, `${(files += 1)}.db`);

const ban = (ledger: Ledger, last: number): Promise<unknown> =>
  ledger.ban(
    [{ ip: addressOf(`203.0.113.${last}`), prog: OPERATOR, jail: SHARED_JAIL, until: NOW + 60 }],
    NOW,
    'operator',
  );

/** A log that was begun, with a snapshot of so many bans and one behind it, and the ledger of a server that has the first only. */
async function lay({ bans }: { bans: number }): Promise<{ log: LogOfTest; older: string; all: Ledger }> {
  using shelf = new LedgerOfTest();
  const log = new LogOfTest();
  const [path, older] = [fresh(), fresh()];
  copyOf(shelf.ledger, path);
  const all = new Ledger(path, () => 'epoch', log.server());
  await ban(all, 1);
  copyOf(all, older);
  for (let last = 2; last <= bans; last += 1) await ban(all, last);
  const snapshot = fresh();
  log.snapshot = { head: { ...(await all.copyTo(snapshot)), schema: SCHEMA }, path: snapshot };
  await ban(all, bans + 1);
  return { log, older, all };
}

const PRUNED = new LogFault('pruned', 'The log begins with entry 3');

test('a replica whose position in the log is pruned has all that the log has, and its file of before stays beside', async () => {
  const { log, older, all } = await lay({ bans: 4 });
  log.prunedTo = 3;
  const shared = log.server();
  const before = { n: 1, token: '' };
  const done = await startOver(shared, { path: older, fault: PRUNED, before, now: NOW });
  assert.ok('kept' in done);
  assert.deepEqual(lastStartOver(older), done);
  const [now, kept] = [
    new Ledger(older, () => 'another', shared),
    new Ledger(done.kept, () => 'another', shared),
  ];
  assert.deepEqual([now.head(), appliedIn(now)], [all.head(), appliedIn(all)]);
  assert.equal(kept.head().seq, 1);
  for (const each of [now, kept, all]) each.close();
  // A second time: the one that was kept before makes room.
  assert.ok('kept' in (await startOver(shared, { path: older, fault: PRUNED, before, now: NOW + 1 })));
  assert.equal(existsSync(`${older}.arriving`), false);
});

test('a replica that has what a pruned log lacks is left as it is, and so is one that has applied more', async () => {
  const { log, older, all } = await lay({ bans: 4 });
  log.prunedTo = 3;
  // It took a ban by itself, as with a log that lost what was acknowledged, and began anew.
  const alone = new LogOfTest();
  alone.entries.push(...log.entries.slice(0, 1));
  const ledger = new Ledger(older, () => 'another', alone.server());
  await ban(ledger, 99);
  const position = appliedIn(ledger);
  ledger.close();
  const to = { path: older, fault: PRUNED, before: position, now: NOW };
  const refused = await startOver(log.server(), to);
  assert.match('refused' in refused ? refused.refused : '', /1 ban or unban and 0 entries/);
  const ahead = await startOver(log.server(), { ...to, before: { n: 100, token: '' } });
  assert.match('refused' in ahead ? ahead.refused : '', /applied 100/);
  assert.equal(lastStartOver(older), undefined);
  assert.equal(existsSync(`${older}.arriving`), false);
  const same = new Ledger(older, () => 'another', alone.server());
  assert.deepEqual([appliedIn(same), same.head().seq], [position, 2]);
  for (const each of [same, all]) each.close();
});

test('what does not fit the log on a fresh snapshot either, or is of a newer program, changes nothing', async () => {
  const { log, older, all } = await lay({ bans: 2 });
  const last = log.entries.at(-1)!;
  log.entries.push({ ...last, n: last.n + 1, token: 'same again' });
  const to = { path: older, fault: PRUNED, before: { n: 1, token: '' }, now: NOW };
  await assert.rejects(startOver(log.server(), to), { code: 'conflict' });
  log.snapshot!.head = { ...log.snapshot!.head, schema: SCHEMA + 1 };
  await assert.rejects(startOver(log.server(), to), { code: 'newer', message: /install/ });
  await assert.rejects(beginWithSnapshot(log.server(), fresh()), { code: 'newer' });
  log.snapshot = undefined;
  assert.deepEqual(await startOver(log.server(), to), { refused: 'the log has no snapshot' });
  assert.equal(lastStartOver(older), undefined);
  const same = new Ledger(older, () => 'another', log.server());
  assert.equal(same.head().seq, 1);
  for (const each of [same, all]) each.close();
});
