import { test } from 'node:test';
import assert from 'node:assert/strict';
import { startFleet } from '../../../../test/fleet/index.ts';
import { listBans, type ListedBan } from '../../src/operator/looking/list-bans.ts';
import { top, type Top } from '../../src/operator/looking/top.ts';
import { LookedBack, lookingBack } from '../../src/operator/looking/history.ts';
import { LedgerOfTest, NOW, quiet } from '../ledger-of-test.ts';
import { publish, reportOf } from '../reports.ts';

test('top counts reports and bans of addresses, jails, hosts and networks, the most first, and says of which time and how many there are', async () => {
  await using fleet = await startFleet();
  const [h1, h2] = [await fleet.peer('h1'), await fleet.peer('h2')];
  await publish(h1, '203.0.113.1');
  await h2.ask(reportOf(h2, '203.0.113.1'));
  await publish(h1, '203.0.113.2');
  await publish(h2, '2001:db8::1', 'nginx');
  await fleet.server.says('ban', '198.51.100.0/24');
  const by = async (what: string, ...more: string[]): Promise<string[]> => {
    const { rows } = await fleet.server.json<Top>('top', '--by', what, ...more);
    return rows.map(({ name, reports, bans }) => `${name} ${reports} ${bans}`);
  };
  assert.deepEqual(await by('net'), ['203.0.113.0/24 3 2', '2001:db8::/64 1 1', '198.51.100.0/24 0 1']);
  assert.deepEqual(await by('ip', '--limit', '1'), ['203.0.113.1 2 1']);
  assert.deepEqual(await by('jail'), ['sshd 3 2', 'nginx 1 1', 'banshare 0 1']);
  assert.deepEqual(await by('host'), ['h1 2 2', 'h2 2 1', 'operator 0 1']);
  const text = await fleet.server.says('top', '--limit', '2');
  assert.match(text, /^ADDRESS +REPORTS +BANS\n203\.0\.113\.1 +2 +1\n/);
  assert.match(text, /\nThe first 2 of 4 in 7d, since \d{4}-[\dT:-]+Z\.\n$/);
  assert.match(
    await fleet.server.says('top', '--since', '2020-01-01'),
    /\nIn \d+d, since 2020-01-01T00:00:00Z\.\n$/,
  );
  assert.match(
    await fleet.server.says('top', '--since', '0s'),
    /^Nothing was reported or banned in 0s, since /,
  );
  assert.equal((await fleet.server.asks('top', '--by', 'colour')).code, 64);
});

/** Bans of a ledger with one ban a second. */
async function bansOf(args: Record<string, unknown>): Promise<{ ips: string[]; older: number | undefined }> {
  using shelf = new LedgerOfTest();
  const h1 = shelf.host('h1');
  const seconds = Array.from({ length: 200 }, (_, index) => index + 1);
  await shelf.ledger.record(
    seconds.map((second) => shelf.report(h1, `203.0.113.${second}`, NOW + second)),
    ({ received }) => ({ verdict: 'accepted', publish: { kind: 'ban', until: received + 3600 } }),
  );
  const reply = await listBans(args, {
    ledger: shelf.ledger,
    book: shelf.book,
    freeze: { at: () => null },
    enrichment: lookingBack(quiet(shelf.ledger)).enrichment,
    now: () => NOW + 300,
  });
  assert.ok(reply.ok);
  const { bans, older } = reply.result as { bans: ListedBan[]; older?: number };
  return { ips: bans.map(({ ip }) => ip), older };
}

test('bans takes since, until and a limit, of active bans and of all', async () => {
  for (const all of [false, true]) {
    const some = await bansOf({ since: '200s', until: '198s', all });
    assert.deepEqual(some.ips, ['203.0.113.100', '203.0.113.101', '203.0.113.102']);
    const newest = await bansOf({ limit: 2, all });
    assert.deepEqual(newest, { ips: ['203.0.113.199', '203.0.113.200'], older: 198 });
    assert.equal((await bansOf({ all })).ips.length, 200);
    const limited = await bansOf({ since: '200s', limit: 1000, all });
    assert.deepEqual([limited.ips.length, limited.older], [101, 0]);
  }
});

test('what top counts is looked through in parts, and kept for whoever asks again', async () => {
  using shelf = new LedgerOfTest();
  const h1 = shelf.host('h1');
  await shelf.ledger.record([shelf.report(h1, '203.0.113.1')], () => ({ verdict: 'counted' }));
  const parts = { ledger: shelf.ledger, ...lookingBack(quiet(shelf.ledger)), now: () => NOW + 60 };
  const first = await top({}, parts);
  await shelf.ledger.record([shelf.report(h1, '203.0.113.1')], () => ({ verdict: 'counted' }));
  const again = await top({}, parts);
  assert.deepEqual(first, again);
  assert.deepEqual(first.ok && (first.result as Top).rows, [{ name: '203.0.113.1', reports: 1, bans: 0 }]);
});

test('of what top has counted only the rows that it may show are kept, however many names there were', async () => {
  using shelf = new LedgerOfTest();
  const h1 = shelf.host('h1');
  const reports = Array.from({ length: 1500 }, (_, n) => shelf.report(h1, `203.0.${n >> 8}.${n & 255}`));
  await shelf.ledger.record([...reports, shelf.report(h1, '203.0.0.9')], () => ({ verdict: 'counted' }));
  const kept: unknown[] = [];
  const lookedBack = {
    once: async <T>(_: string, look: () => Promise<T>): Promise<T> => {
      const found = await look();
      kept.push(found);
      return found;
    },
  };
  const parts = { ledger: shelf.ledger, ...lookingBack(quiet(shelf.ledger)), now: () => NOW + 60 };
  const reply = await top({ limit: 2 }, { ...parts, lookedBack: lookedBack as typeof parts.lookedBack });
  assert.ok(reply.ok);
  const { rows, names } = reply.result as Top;
  assert.deepEqual([rows[0]?.name, rows.length, names], ['203.0.0.9', 2, 1500]);
  assert.equal((kept[0] as Top).rows.length, 1000);
  assert.deepEqual(Object.keys(kept[0] as object).toSorted(), ['at', 'names', 'rows']);
});

test('whoever asks to look back by ever other words gets one look after the other, and one that fails keeps none from the next', async () => {
  const lookedBack = new LookedBack();
  const said: string[] = [];
  const look = (name: string) => async () => {
    said.push(`${name} begins`);
    await new Promise(setImmediate);
    said.push(`${name} ends`);
    if (name === 'b') throw new Error('b fails');
    return name;
  };
  const asked = ['a', 'b', 'c', 'a'].map((name) => lookedBack.once(name, look(name)));
  const answers = (await Promise.allSettled(asked)).map(({ status }) => status);
  assert.deepEqual(answers, ['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  assert.deepEqual(
    said,
    ['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]),
  );
});
