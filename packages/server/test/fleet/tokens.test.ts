import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHostName, type EnrolRequest } from '@banshare/protocol';
import { makeCurvePair } from '@banshare/transport';
import { TokenBook } from '../../src/fleet/tokens.ts';
import { Settings } from '../../src/ledger/books/settings.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { Admissions, reportDomain } from '../../src/ports/admissions.ts';
import { LogOfTest } from '../ledger/log-of-test.ts';
import { copyOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';

const AT_REPORTS = reportDomain('g');

/** A server of several, as far as tokens go. */
function serverOf(path: string, log: LogOfTest, now: () => number) {
  const ledger = new Ledger(path, () => 'epoch', log.server());
  const admissions = new Admissions();
  admissions.admitJoining('g', 'join');
  let cuts = 0;
  admissions.onWithdrawn(() => (cuts += 1));
  const tokens = new TokenBook(ledger, admissions, [], now);
  const opens = (key: string, address = '192.0.2.1'): boolean =>
    admissions.decide(AT_REPORTS, key, address) === 'admit';
  return { ledger, admissions, tokens, opens, cuts: () => cuts };
}

function requestOf(text: string): EnrolRequest {
  const name = parseHostName(text);
  assert.ok(name.ok);
  return { kind: 'enrol', name: name.value, addresses: [] };
}

test('Two servers count the uses of a token once, open the door by it together, and shut it together', async () => {
  const [log, shelf] = [new LogOfTest(), new LedgerOfTest()];
  const folder = mkdtempSync(join(tmpdir(), 'banshare-tokens-'));
  let now = NOW;
  copyOf(shelf.ledger, join(folder, 'a.db'));
  const a = serverOf(join(folder, 'a.db'), log, () => now);
  await a.ledger.write(() => new Settings(a.ledger).put('shared-since', '1'));
  copyOf(a.ledger, join(folder, 'b.db'));
  const b = serverOf(join(folder, 'b.db'), log, () => now);
  try {
    const { publicKey: key } = await makeCurvePair();
    const terms = { key, until: NOW + 60, uses: 3, from: null, pattern: 'web-*', approves: true };
    const { id } = await a.ledger.write(() => a.tokens.add(terms));
    const use = (server: typeof a, name: string): Promise<boolean> =>
      server.ledger.write(() => 'token' in server.tokens.use(id, requestOf(name)));
    assert.equal(await use(a, 'db-1'), false);
    const used = await Promise.all([1, 2, 3, 4].flatMap((n) => [use(a, `web-a${n}`), use(b, `web-b${n}`)]));
    assert.equal(used.filter(Boolean).length, 3);
    // A piece of b's has what a committed last.
    await b.ledger.write(() => undefined);
    for (const server of [a, b])
      assert.deepEqual([server.tokens.byId(id)?.used, server.opens(key)], [3, false]);

    const other = (await makeCurvePair()).publicKey;
    const { id: second } = await b.ledger.write(() => b.tokens.add({ ...terms, key: other, pattern: null }));
    await a.ledger.write(() => undefined);
    assert.deepEqual([a.opens(other), b.opens(other), a.admissions.isForJoining(other)], [true, true, true]);
    a.tokens.knocked(other, '192.0.2.1');
    await b.ledger.write(() => b.tokens.revoke(b.tokens.byId(second)!));
    await a.ledger.write(() => undefined);
    assert.deepEqual([a.opens(other), b.opens(other)], [false, false]);
    // Only where somebody came by it has anybody to be cut.
    assert.deepEqual([a.cuts(), b.cuts()], [1, 0]);

    const third = (await makeCurvePair()).publicKey;
    await a.ledger.write(() => a.tokens.add({ ...terms, key: third, uses: 1 }));
    a.tokens.knocked(third, '192.0.2.1');
    assert.equal(a.opens(third), true);
    now = NOW + 60;
    assert.equal(a.opens(third), false);
    a.tokens.noticeEnds();
    a.tokens.noticeEnds();
    assert.equal(a.cuts(), 2);
    now = NOW + 100 * 86_400;
    assert.equal(a.tokens.hasOld, true);
    await a.ledger.write(() => a.tokens.sweep());
    assert.deepEqual(a.tokens.all(), []);
  } finally {
    for (const { ledger } of [a, b, shelf]) ledger.close();
    shelf[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  }
});
