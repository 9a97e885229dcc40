import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { startFleet } from '../../../../test/fleet/index.ts';
import { fateOf } from '../reports.ts';

const [YOUNG, OLD, LISTED] = ['203.0.113.40', '203.0.113.41', '203.0.113.42'];

test('Where a young host is a ban is held and named in status, where an older one is it is refused, and ban --force wins over both and names them', async () => {
  await using fleet = await startFleet({ serverToml: `[never-ban]\naddresses = ["${LISTED}"]` });
  const { server } = fleet;
  const [reporter] = [await fleet.peer('reporter'), await fleet.peer('young'), await fleet.peer('old')];
  // All of them speak from loopback, which is never banned; where they were seen is in the ledger.
  await server.stop();
  const ledger = new DatabaseSync(server.paths.ledger);
  const seen = ledger.prepare(
    "INSERT INTO seen_at SELECT id, ?, unixepoch('subsec') FROM hosts WHERE name = ?",
  );
  seen.run(YOUNG, 'young');
  seen.run(OLD, 'old');
  ledger.exec("UPDATE hosts SET enrolled = enrolled - 90000 WHERE name = 'old'");
  ledger.close();
  await server.start();
  assert.equal(await fateOf(reporter, YOUNG), 'young-host');
  assert.match((await server.asks('status')).stdout, /^To do: A ban is held, since 203\.0\.113\.40 .*young/m);
  assert.equal(await fateOf(reporter, OLD), 'never-ban');
  // Whoever publishes what is held has not looked at each.
  assert.match(
    (await server.asks('held', 'publish')).stdout,
    /^0 held bans published\. 1 report stays held, as new hosts of the fleet come from there/,
  );
  assert.doesNotMatch((await server.asks('bans')).stdout, /203\.0\.113\./);
  for (const [address, host] of [
    [YOUNG, 'young'],
    [OLD, 'old'],
  ] as const) {
    const refused = await server.asks('ban', address);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, new RegExp(`${host}.*ban ${address} --force`));
    const forced = await server.asks('ban', address, '--force');
    assert.equal(forced.code, 0, forced.stderr);
    assert.match(forced.stdout, new RegExp(`\\b${host}\\b`));
  }
  assert.match((await server.asks('status')).stdout, /^URGENT: old comes from 203\.0\.113\.41/m);
  assert.equal((await server.asks('ban', LISTED, '--force')).code, 1);
});
