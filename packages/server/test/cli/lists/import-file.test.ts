import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportBans, type ExportForm } from '../../../src/cli/export.ts';
import { readImport } from '../../../src/cli/lists/import-file.ts';

const NOW = 1_795_257_600;

test('readImport() reads one address or range a line, and says what is none', () => {
  const { bans, refused } = readImport(
    '# ours\n203.0.113.9\n\n2001:DB8::9\n203.0.113.0/24\nexample.org\n010.0.0.1\n',
  );
  assert.deepEqual(
    bans.map(({ ip }) => ip),
    ['203.0.113.9', '2001:db8::9', '203.0.113.0/24'],
  );
  assert.deepEqual(
    refused.map(({ line }) => line),
    [6, 7],
  );
});

test('readImport() reads address,duration,reason with and without a header, quoted or not', () => {
  const rows = '203.0.113.9,1h,"a, ""b"""\n203.0.113.10,-1,\n203.0.113.11,soon,x\n';
  for (const text of [rows, `address,duration,reason\n${rows}`]) {
    const { bans, refused } = readImport(text);
    assert.deepEqual(bans, [
      { ip: '203.0.113.9', seconds: 3600, reason: 'a, "b"' },
      { ip: '203.0.113.10', seconds: -1 },
    ]);
    assert.equal(refused.length, 1);
  }
});

test("readImport() reads CrowdSec's decisions as cscli lists them, raw and in JSON", () => {
  const raw = `id,source,ip,reason,action,country,as,events_count,expiration,simulated,alert_id
7,cscli,Ip:203.0.113.9,manual,ban,,,1,3h59m46.5s,false,5
8,cscli,Range:203.0.113.7/24,manual,ban,,,1,3h,false,6
9,cscli,Country:XY,manual,ban,,,1,3h,false,6
`;
  const fromRaw = readImport(raw);
  assert.deepEqual(fromRaw.bans, [
    { ip: '203.0.113.9', seconds: 14_386, reason: 'manual' },
    { ip: '203.0.113.0/24', seconds: 10_800, reason: 'manual' },
  ]);
  assert.equal(fromRaw.refused.length, 1);
  const json = JSON.stringify([
    {
      id: 5,
      decisions: [
        { duration: '3h59m46.5s', scenario: 'ssh-bf', scope: 'Ip', type: 'ban', value: '203.0.113.9' },
      ],
    },
    { id: 6, decisions: [{ duration: '1h', scope: 'Range', value: '203.0.113.0/24' }] },
    { id: 7, decisions: [{ duration: '1h', scope: 'AS', value: '64496' }] },
  ]);
  const fromJson = readImport(json);
  assert.deepEqual(fromJson.bans, [
    { ip: '203.0.113.9', seconds: 14_386, reason: 'ssh-bf' },
    { ip: '203.0.113.0/24', seconds: 3600 },
  ]);
  assert.equal(fromJson.refused.length, 1);
});

test('what exportBans() writes, readImport() reads back', () => {
  const ban = { prog: 'fail2ban', jail: 'sshd', host: 'h1', seq: 1, at: NOW - 60 };
  const bans = [
    { ...ban, ip: '203.0.113.9', until: NOW + 3600 },
    { ...ban, ip: '2001:db8::9', until: null },
    { ...ban, ip: '2001:db8:7::/64', until: NOW + 60 },
  ];
  for (const form of ['csv', 'crowdsec', 'json'] satisfies ExportForm[]) {
    const read = readImport(exportBans(bans, form, NOW));
    assert.deepEqual(read.refused, [], form);
    assert.deepEqual(
      read.bans.map(({ ip }) => ip),
      ['203.0.113.9', '2001:db8::9', '2001:db8:7::/64'],
      form,
    );
    assert.equal(read.bans[0]?.seconds, 3600, form);
  }
  assert.equal(exportBans(bans, 'lines', NOW), '203.0.113.9\n2001:db8::9\n2001:db8:7::/64');
});

test('readImport() never lets control characters into a reason', () => {
  const { bans } = readImport('address,duration,reason\n203.0.113.9,1h,a\u0007b\u001b[31m\n');
  assert.equal(bans[0]?.reason, 'a?b?[31m');
});

test('readImport() takes no captcha and nothing simulated for a ban', () => {
  const csv = readImport(
    [
      'id,source,ip,reason,action,country,as,events_count,expiration,simulated,alert_id',
      '1,crowdsec,Ip:203.0.113.1,ssh-bf,ban,,,6,3h,false,1',
      '2,crowdsec,Ip:203.0.113.2,ssh-bf,ban,,,6,3h,true,1',
      '3,crowdsec,Ip:203.0.113.3,http-probing,captcha,,,6,3h,false,1',
    ].join('\n'),
  );
  const json = readImport(
    JSON.stringify([
      { value: '203.0.113.1', scope: 'Ip', type: 'ban', duration: '3h', simulated: false },
      { value: '203.0.113.2', scope: 'Ip', type: 'ban', duration: '3h', simulated: true },
      { value: '203.0.113.3', scope: 'Ip', type: 'captcha', duration: '3h' },
    ]),
  );
  for (const { bans, refused } of [csv, json]) {
    assert.deepEqual(
      bans.map(({ ip }) => ip),
      ['203.0.113.1'],
    );
    assert.deepEqual(
      refused.map(({ why }) => why),
      ['it is simulated, not a ban', 'it asks for "captcha", not for a ban'],
    );
  }
});
