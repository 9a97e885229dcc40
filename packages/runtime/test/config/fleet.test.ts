import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFleet, parseFleet, type Fleet } from '@banshare/runtime';
import { FLEET as fleet } from './fleet-of-test.ts';

test('parseFleet() reads what formatFleet() writes', () => {
  assert.deepEqual(parseFleet(formatFleet(fleet)), { ok: true, value: fleet });
});

test('parseFleet() reads one server or a list of several, and formatFleet() writes one as earlier versions read it', () => {
  const several: Fleet = { ...fleet, servers: ['a.example.org', '203.0.113.2', '2001:db8::2'] };
  assert.deepEqual(parseFleet(formatFleet(several)), { ok: true, value: several });
  assert.match(formatFleet(fleet), /^server = "bans\.example\.org"$/m);
  const listed = formatFleet(fleet).replace('"bans.example.org"', '["bans.example.org"]');
  assert.deepEqual(parseFleet(listed), { ok: true, value: fleet });
});

test('formatFleet() writes the keys that the programs read', () => {
  const keys = formatFleet(fleet).match(/^[a-z-]+(?= = )/gm);
  assert.deepEqual(keys, [
    'generation',
    'created',
    'server',
    'report-port',
    'publish-port',
    'server-public-key',
    'ban-command',
  ]);
});

const faults: [what: string, text: string, fault: RegExp][] = [
  ['an empty text', '', /"generation" is missing; .*"ban-command" is missing/],
  ['no TOML', 'generation', /^line 1, column \d+: /],
  [
    'a wrong port',
    formatFleet({ ...fleet, reportPort: 0 }),
    /"report-port" in fleet.toml: it must be a whole number/,
  ],
  [
    'a generation that leaves its folder',
    formatFleet({ ...fleet, generation: '../x' }),
    /not a generation's name/,
  ],
  ['a wrong time', formatFleet({ ...fleet, created: 'today' }), /"today" is not a UTC time/],
  ['an unknown key', `${formatFleet(fleet)}servr = "x"\n`, /"servr".*did you mean "server"/],
];
for (const [what, text, fault] of faults) {
  test(`parseFleet() refuses ${what}`, () => {
    const read = parseFleet(text);
    assert.match(read.ok ? '' : read.fault, fault);
  });
}
