import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitRow } from '../../../src/cli/lists/import-lines.ts';
import { progressLine } from '../../../src/cli/lists/progress-line.ts';
import { readImport } from '../../../src/cli/lists/import-file.ts';

const addresses = (text: string): string[] => readImport(text).bans.map(({ ip }) => ip);

test('readImport() reads lists as they are published, with comments, counts and columns behind the addresses', () => {
  for (const line of [
    '203.0.113.9 # XX AS64496 Example',
    '203.0.113.9#close',
    '203.0.113.9\t7',
    '203.0.113.9 7',
    '203.0.113.9\tXX\tAS64496',
    '203.0.113.9 # lfd: (sshd) failed logins from 203.0.113.10 (XX/-): 5 in the last 3600 secs',
    '203.0.113.9 ; SBL1',
    '203.0.113.9 // ours',
    '  203.0.113.9  ',
    '203.0.113.9,',
    ',\n203.0.113.9',
    '"203.0.113.9","1h"',
    '\uFEFF203.0.113.9',
    '203.0.113.9\r\n',
  ]) {
    assert.deepEqual(addresses(`; a drop list\n# another\n// third\n${line}\n`), ['203.0.113.9'], line);
  }
  assert.deepEqual(addresses('203.0.113.0/24 ; SBL1\n2001:db8::/32 ; SBL2\n'), [
    '203.0.113.0/24',
    '2001:db8::/32',
  ]);
});

test('readImport() bans nothing where a line may mean a span of addresses, or says what is no comment', () => {
  for (const line of [
    '203.0.113.1 - 203.0.113.9',
    '203.0.113.1-203.0.113.9',
    '203.0.113.0 255.255.255.0',
    '203.0.113.0\t203.0.113.255\t24\t900',
    '203.0.113.1 203.0.113.2',
    '203.0.113.9 allow',
    '203.0.113.9x',
    '203.0.113.0/24/8',
    'tcp|in|d=22|s=203.0.113.9',
    'Include /etc/csf/other.deny',
    '203.0.113.9,"1h',
  ]) {
    const { bans, refused } = readImport(`${line}\n203.0.113.77\n`);
    assert.deepEqual(
      bans.map(({ ip }) => ip),
      ['203.0.113.77'],
      line,
    );
    assert.equal(refused.length, 1, line);
    assert.equal(refused[0]?.line, 1, line);
  }
});

test('readImport() reads CSV by comma, semicolon and tab, and rows whose first cell is empty', () => {
  for (const [delimiter, other] of [
    [',', ';'],
    [';', ','],
    ['\t', ','],
  ] as const) {
    const row = (...cells: string[]): string => cells.join(delimiter);
    const text = [
      row('id', 'address', 'duration', 'reason'),
      row('', '203.0.113.9', '1h', `"a${other} b${delimiter} #5"`),
      row('7', '203.0.113.10', '', ''),
    ].join('\n');
    assert.deepEqual(
      readImport(text),
      {
        bans: [
          {
            ip: '203.0.113.9',
            seconds: 3600,
            reason: `a${other} b${delimiter} #5`.replaceAll(/[^\x20-\x7e]/g, '?'),
          },
          { ip: '203.0.113.10' },
        ],
        refused: [],
      },
      text,
    );
  }
  assert.deepEqual(readImport('203.0.113.9;1h;x\n203.0.113.10;SBL1\n').bans, [
    { ip: '203.0.113.9', seconds: 3600, reason: 'x' },
  ]);
});

test('readImport() reads durations in JSON as numbers too, one document a line as well, and bans nothing that is over', () => {
  const decisions = [
    { value: '203.0.113.1', duration: 60 },
    { value: '203.0.113.2', duration: -1 },
    { value: '203.0.113.3', duration: '59.6s' },
    { value: '203.0.113.4' },
    { value: '203.0.113.5', duration: 0 },
    { value: '203.0.113.6', duration: '-3h5m' },
    { value: '203.0.113.7', duration: true },
    { value: '203.0.113.8', duration: -60 },
  ];
  for (const text of [JSON.stringify(decisions), decisions.map((each) => JSON.stringify(each)).join('\n')]) {
    const { bans, refused } = readImport(text);
    assert.deepEqual(bans, [
      { ip: '203.0.113.1', seconds: 60 },
      { ip: '203.0.113.2', seconds: -1 },
      { ip: '203.0.113.3', seconds: 59 },
      { ip: '203.0.113.4' },
    ]);
    assert.deepEqual(
      refused.map(({ line }) => line),
      [5, 6, 7, 8],
    );
  }
  assert.deepEqual(readImport('null\n'), { bans: [], refused: [] });
});

test("readImport() reads AbuseIPDB's and Spamhaus' lists in JSON", () => {
  const abuse = JSON.stringify({
    meta: { generatedAt: '2026-11-26T00:00:00+00:00' },
    data: [{ ipAddress: '203.0.113.9', countryCode: 'XX', abuseConfidenceScore: 100 }],
  });
  const drop = [
    JSON.stringify({ cidr: '203.0.113.0/24', sblid: 'SBL1', rir: 'ripencc' }),
    JSON.stringify({ type: 'metadata', timestamp: 1_795_257_600, records: 1 }),
  ].join('\n');
  assert.deepEqual(readImport(abuse), { bans: [{ ip: '203.0.113.9' }], refused: [] });
  assert.deepEqual(readImport(drop), { bans: [{ ip: '203.0.113.0/24' }], refused: [] });
});

test('splitRow() reads back what is quoted, and takes no half quote', () => {
  assert.deepEqual(splitRow('a,,"b ""c"", d",', ','), ['a', '', 'b "c", d', '']);
  assert.deepEqual(splitRow('', ','), ['']);
  assert.equal(splitRow('"a', ','), undefined);
  assert.equal(splitRow('"a"b,c', ','), undefined);
});

test('progressLine() shows bar, rate and time left in 60 columns', () => {
  assert.equal(
    progressLine(50_000, 100_000, 2),
    '[##########----------] 50000 of 100000, 25000/s, 2 s left   ',
  );
  assert.equal(progressLine(0, 0, 0).length, 60);
});
