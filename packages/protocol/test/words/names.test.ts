import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  parseHostName,
  parseJail,
  parsePort,
  parseProg,
  parseTransport,
  type Result,
} from '../../src/index.ts';
import { vectors } from '../vectors.ts';

type Table = { good: string[]; bad: string[] };
const names = vectors<{ word: Table; host: Table }>('names');
const ports = vectors<{ port: Table; transport: Table }>('ports');

const PARSERS: [name: string, table: Table, parse: (text: string) => Result<string>][] = [
  ['parseProg', names.word, parseProg],
  ['parseJail', names.word, parseJail],
  ['parseHostName', names.host, parseHostName],
  ['parsePort', ports.port, parsePort],
  ['parseTransport', ports.transport, parseTransport],
];

for (const [name, table, parse] of PARSERS) {
  for (const text of table.good) {
    test(`${name}() takes ${JSON.stringify(text)} as it is`, () => {
      assert.deepEqual(parse(text), { ok: true, value: text });
    });
  }
  for (const text of table.bad) {
    test(`${name}() refuses ${JSON.stringify(text)} and quotes it`, () => {
      const result = parse(text);
      assert.equal(result.ok, false);
      assert.match(result.fault, /^".*" is not a [\x20-\x7e…]*$/);
    });
  }
  test(`${name}() lets no separator, space, control or shell character through, and no option`, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }), (text) => {
        if (parse(text).ok) assert.match(text, /^[A-Za-z0-9][A-Za-z0-9_.,:-]*$/);
      }),
      { numRuns: 2000 },
    );
  });
}

test('a host name has at most 255 characters, a port list too', () => {
  const label = 'a'.repeat(63);
  const longest = [label, label, label, label].join('.');
  assert.equal(parseHostName(longest).ok, true);
  assert.equal(parseHostName(`${longest}.a`).ok, false);
  assert.equal(parsePort('1'.repeat(255)).ok, true);
  assert.equal(parsePort('1'.repeat(256)).ok, false);
});

test('parseHostName() decides about a long hostile name at once', () => {
  const started = process.cpuUsage();
  assert.equal(parseHostName('a-'.repeat(100_000)).ok, false);
  assert.equal(parseHostName(`${'a.'.repeat(127)}!`).ok, false);
  assert.ok(process.cpuUsage(started).user < 500_000);
});
