import { test } from 'node:test';
import assert from 'node:assert/strict';
import { formatJoined, formatToken, parseJoined, parseToken, type JoinToken } from '../../src/index.ts';
import { newerFleet } from '../../src/config/joined.ts';

const KEY = 'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID';
const FLEET = {
  generation: '20261110T000000Z-bbbbbb',
  servers: ['a.example.org', 'b.example.org'],
  reportPort: 20_001,
  publishPort: 20_002,
  serverPublicKey: KEY,
} as const;
const TOKEN: JoinToken = {
  ...FLEET,
  id: '0123456789ab',
  until: 1_795_257_600,
  secret: { publicKey: KEY, secretKey: KEY },
};

test('a token is one line that says all a host needs, and one that was cut, changed or pasted twice is none', () => {
  const line = formatToken(TOKEN);
  assert.match(line, /^banshare-token-1\.[\w-]+\.[0-9a-f]{8}$/);
  assert.deepEqual(parseToken(`# for the web hosts\n\n  ${line}\r\n`), { ok: true, value: TOKEN });
  for (const bad of [
    '',
    '# nothing',
    line.slice(0, -1),
    line.slice(1),
    line.replace('.ey', '.eY'),
    `${line}\n${line}`,
    'banshare-token-1.e30.00000000',
  ])
    assert.equal(parseToken(bad).ok, false, bad);
  const odd = [
    { servers: [] },
    { servers: ['a b'] },
    { reportPort: 0 },
    { serverPublicKey: 'x' },
    { id: '..' },
    { until: '1' },
    { generation: 'a b' },
    { secret: {} },
  ];
  for (const wrong of odd)
    assert.equal(
      parseToken(formatToken({ ...TOKEN, ...wrong } as JoinToken)).ok,
      false,
      JSON.stringify(wrong),
    );
});

test('a host goes by the fleet that it joined, until its program is of a generation that is newer than that and was upgraded since', () => {
  const joined = parseJoined(formatJoined({ ...FLEET, insteadOf: '20261121T000000Z-cccccc' }));
  assert.deepEqual(joined, { ...FLEET, insteadOf: '20261121T000000Z-cccccc' });
  const bakedAt = (generation: string) => ({ ...FLEET, generation });
  // The program of then, though newer, is another fleet's.
  assert.equal(newerFleet(joined, bakedAt('20261121T000000Z-cccccc'))?.generation, FLEET.generation);
  assert.equal(newerFleet(joined, bakedAt('20261101T000000Z-aaaaaa'))?.generation, FLEET.generation);
  assert.equal(newerFleet(joined, bakedAt('20261126T000000Z-dddddd'))?.generation, '20261126T000000Z-dddddd');
  assert.equal(newerFleet(undefined, bakedAt('g'))?.generation, 'g');
  assert.equal(newerFleet(joined, undefined)?.generation, FLEET.generation);
  for (const bad of ['', '[]', 'null', '{"generation":1}', '{']) assert.equal(parseJoined(bad), undefined);
});
