import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OPERATOR, parseRange, SHARED_JAIL } from '@banshare/protocol';
import { makeIdentity } from '@banshare/transport';
import { startFleet, type Fleet } from '../../../../test/fleet/index.ts';
import { NeverBan } from '../../src/never-ban/never-ban.ts';
import { addressOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';
import { publish, reportOf } from '../reports.ts';

async function audited(fleet: Fleet): Promise<string[]> {
  const { entries } = await fleet.server.json<{ entries: { what: string }[] }>('audit');
  return entries.map(({ what }) => what);
}

test('every deed of an operator is in the audit log, and so are enrolments and limits, also across a restore', async () => {
  await using fleet = await startFleet({ serverToml: '[limits]\nfleet-per-minute = 2' });
  const peer = await fleet.peer('h1');
  await fleet.peer('h2');
  await fleet.peer('h3');
  for (const last of [1, 2]) await publish(peer, `203.0.113.${last}`);
  for (const last of [3, 4]) await peer.ask(reportOf(peer, `203.0.113.${last}`));
  const list = join(fleet.server.root, 'list');
  const backup = join(fleet.server.root, 'backup');
  writeFileSync(list, '203.0.113.7\n');
  const keys = join(fleet.server.root, 'keys');
  writeFileSync(keys, `h4 ${(await makeIdentity()).publicHex}\n`);
  const deeds: [expected: string, ...words: string[]][] = [
    ['release', 'release'],
    ['drop', 'drop'],
    ['freeze', 'freeze', '--for', '1h'],
    ['thaw', 'thaw'],
    ['ban', 'ban', '203.0.113.5'],
    ['unban', 'unban', '203.0.113.5'],
    ['undo', 'undo', '--host', 'h1', '--since', '1h'],
    ['never-ban add', 'never-ban', 'add', '198.51.100.0/24'],
    ['never-ban remove', 'never-ban', 'remove', '198.51.100.0/24'],
    ['admitted', 'hosts', 'admit', keys],
    ['token added', 'token', 'add', '--name', 'web-*'],
    ['token revoked', 'token', 'revoke', '--all'],
    ['revoked', 'hosts', 'revoke', 'h2'],
    ['forgotten', 'hosts', 'forget', 'h2'],
    ['enrolment', 'enrolment', 'closed'],
    ['import', 'import', list],
    ['drill', 'drill'],
    ['backup', 'backup', backup],
  ];
  const before = await audited(fleet);
  assert.deepEqual(before, ['enrolled', 'enrolled', 'enrolled', 'brake']);
  for (const [, ...words] of deeds) await fleet.server.asks(...words);
  const expected = deeds.map(([what]) => what);
  // Revoking sets enrolment to approve.
  expected.splice(expected.indexOf('revoked') + 1, 0, 'enrolment');
  assert.deepEqual((await audited(fleet)).slice(before.length), expected);
  await fleet.server.stop();
  const restored = await fleet.server.asks('restore', backup);
  assert.equal(restored.code, 0, restored.stderr);
  await fleet.server.start();
  assert.deepEqual((await audited(fleet)).slice(before.length), [...expected, 'restore']);
  assert.equal((await fleet.server.asks('audit', '--verify')).code, 0);
});

test('a deed whose entry in the audit log cannot be written is not done, and no rule stays behind in memory', async () => {
  using made = new LedgerOfTest();
  const { ledger } = made;
  const full = (): never => {
    throw new Error('the disk is full');
  };
  const own = { ruleFor: () => undefined, list: () => [] };
  const neverBan = new NeverBan(ledger, { addresses: [], fleet: false }, own);
  const range = parseRange('203.0.113.0/24');
  assert.ok(range.ok);
  const ban = {
    ip: addressOf('203.0.113.1'),
    prog: OPERATOR,
    jail: SHARED_JAIL,
    until: NOW + 60,
  };
  const addAndNote = ledger.write(() => {
    neverBan.add({ range: range.value, until: NOW + 9000, note: 'the office', by: 'anna' }, NOW);
    full();
  });
  await assert.rejects(addAndNote, /the disk is full/);
  await assert.rejects(ledger.ban([ban], NOW, 'operator', { note: full }), /the disk is full/);
  assert.equal(neverBan.ruleFor(ban.ip, NOW), undefined);
  assert.equal(await ledger.countActive(NOW), 0);
  await ledger.ban([ban], NOW, 'operator');
  await assert.rejects(ledger.lift({ ip: ban.ip }, NOW, { note: full }), /the disk is full/);
  assert.equal(await ledger.countActive(NOW), 1);
});
