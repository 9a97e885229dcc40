import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { OPERATOR, SHARED_JAIL } from '@banshare/protocol';
import { Folder } from '../../../../test/fleet/roots.ts';
import { stateOf } from '../../src/ledger/books/backup-file.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { SCHEMA } from '../../src/ledger/schema.ts';
import { takeSteps } from '../../src/sharing/take-steps.ts';
import { addressOf, NOW } from '../ledger-of-test.ts';
import { layGolden, readGolden } from '../ledger/golden.ts';
import type { LogOfTest } from '../ledger/log-of-test.ts';

const folder = new Folder();
after(() => folder[Symbol.dispose]());
let files = 0;
const fresh = (): string => join(folder.path, `${(files += 1)}.db`);

/** A log that servers of the first shared version made, and two ledgers that lack all but the first entry. */
function lay(): { log: LogOfTest; a: string; b: string; older: number } {
  const [golden] = readGolden();
  assert.ok(golden !== undefined && golden.schema < SCHEMA);
  const [a, b] = [fresh(), fresh()];
  const log = layGolden(golden, a);
  copyFileSync(a, b);
  return { log, a, b, older: golden.schema };
}

async function ban(path: string, log: LogOfTest, ip: string): Promise<void> {
  const ledger = new Ledger(path, () => 'another', log.server());
  await ledger.ban([{ ip: addressOf(ip), prog: OPERATOR, jail: SHARED_JAIL, until: null }], NOW, 'operator');
  await ledger.idle();
  ledger.close();
}

test('the first server with newer tables appends the step, and another takes it at its number: before it is what the older ones wrote, after it what the newer', async () => {
  const { log, a, b, older } = lay();
  const shared = log.server();
  assert.deepEqual(await takeSteps(shared, a), { from: older, to: SCHEMA, isFirst: true });
  const step = log.entries.at(-1);
  assert.deepEqual([step?.kind, step?.schema, step?.data.length], ['schema', SCHEMA, 0]);
  await ban(a, log, '203.0.113.200');
  // The other one was away all the while: it has older entries, the step and newer ones to apply.
  const many = log.entries.length;
  assert.deepEqual(await takeSteps(shared, b), { from: older, to: SCHEMA, isFirst: false });
  assert.equal(log.entries.length, many);
  assert.equal(await takeSteps(shared, b), undefined);
  const [one, other] = [a, b].map((path) => new Ledger(path, () => 'another', shared));
  await Promise.all([one?.catchUp(), other?.catchUp()]);
  assert.deepEqual(one?.head(), other?.head());
  for (const ledger of [one, other]) ledger?.close();
});

test('of two that are upgraded at once one appends the step, behind what an older one wrote meanwhile', async () => {
  const { log, a, b, older } = lay();
  const last = log.entries.pop();
  assert.ok(last);
  const shared = log.server();
  let isFirst = true;
  const meanwhile = {
    ...shared,
    append: (...words: Parameters<typeof shared.append>) => {
      if (isFirst) log.entries.push(last);
      isFirst = false;
      return shared.append(...words);
    },
  };
  const both = await Promise.all([takeSteps(meanwhile, a), takeSteps(shared, b)]);
  assert.equal(both.filter((each) => each?.isFirst).length, 1);
  assert.equal(log.entries.filter(({ kind }) => kind === 'schema').length, 1);
  assert.deepEqual(log.entries.at(-2)?.token, last.token);
  assert.deepEqual([stateOf(a)?.version, stateOf(a)], [SCHEMA, stateOf(b)]);
  assert.ok(older < SCHEMA);
});

test('a replica whose log is away, has an entry of a newer program or lacks its last one keeps its tables as they are', async () => {
  for (const what of ['newer', 'away', 'forked'] as const) {
    const { log, a, older } = lay();
    const last = log.entries.at(-1)!;
    if (what === 'newer')
      log.entries.push({ ...last, n: last.n + 1, token: 'x', kind: 'schema', schema: SCHEMA + 1 });
    else if (what === 'away') log.next = 'away';
    else log.next = 'forked';
    await assert.rejects(takeSteps(log.server(), a), { code: what });
    assert.equal(stateOf(a)?.version, older);
    assert.throws(() => new Ledger(a, () => 'another', log.server()), /step to \d+ has to come from the log/);
  }
});
