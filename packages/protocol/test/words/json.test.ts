import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodeJson, FieldReader, parseFields, parseJail } from '../../src/index.ts';
import { utf8Length } from '../../src/words/json.ts';
import { hostileText } from '../values.ts';

test('encodeJson() writes no semicolon and means the same', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, text) => {
      const written = encodeJson({ value, [`${text};`]: ';;' });
      assert.equal(written.includes(';'), false);
      assert.deepEqual(JSON.parse(written), JSON.parse(JSON.stringify({ value, [`${text};`]: ';;' })));
    }),
  );
});

test('parseFields() never throws and gives an object or a fault', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      const result = parseFields(text);
      assert.equal(result.ok ? typeof result.value : typeof result.fault, result.ok ? 'object' : 'string');
    }),
    { numRuns: 2000 },
  );
});

test('parseFields() survives a million open brackets, and as many closed ones', () => {
  assert.equal(parseFields('['.repeat(1_000_000)).ok, false);
  assert.equal(parseFields(`{"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`).ok, true);
});

test('fields of __proto__ and of Object.prototype are not fields', () => {
  const fields = parseFields('{"__proto__":{"jail":"sshd"}}');
  assert.ok(fields.ok);
  const read = new FieldReader(fields.value);
  for (const name of ['jail', 'toString', 'constructor', 'hasOwnProperty']) {
    assert.equal(read.has(name), false);
    new FieldReader(fields.value).text(name, 10);
  }
  read.text('jail', 10);
  assert.equal(read.fault, 'jail must be a text of at most 10 characters');
  assert.equal(({} as { jail?: string }).jail, undefined);
});

const READS: [what: string, json: string, read: (reader: FieldReader) => unknown, value: unknown][] = [
  ['a number at its least', '{"x":0}', (r) => r.number('x', 0, 9), 0],
  ['a number at its most', '{"x":9}', (r) => r.number('x', 0, 9), 9],
  ['an integer written as a float', '{"x":3.0}', (r) => r.integer('x', 0, 9), 3],
  ['an integer with an exponent', '{"x":1e2}', (r) => r.integer('x', 0, 100), 100],
  ['a text', '{"x":"é"}', (r) => r.text('x', 1), 'é'],
  ['a token', '{"x":"0.1.0+a:b"}', (r) => r.token('x', 20), '0.1.0+a:b'],
  ['hex', '{"x":"00ff"}', (r) => r.hex('x', 4), '00ff'],
  ['a list', '{"x":[1,"a"]}', (r) => r.list('x', 2), [1, 'a']],
  ['by another parser', '{"x":"sshd"}', (r) => r.parsed('x', 64, parseJail), 'sshd'],
  ['the last of two', '{"x":1,"x":2}', (r) => r.integer('x', 0, 9), 2],
];
for (const [what, json, read, value] of READS) {
  test(`FieldReader reads ${what}`, () => {
    const reader = readerOf(json);
    assert.deepEqual(read(reader), value);
    assert.equal(reader.fault, undefined);
  });
}

const FAULTS: [what: string, json: string, read: (reader: FieldReader) => unknown, fault: string][] = [
  ['a missing number', '{}', (r) => r.number('x', 0, 9), 'x must be a number from 0 to 9'],
  ['a number above', '{"x":10}', (r) => r.number('x', 0, 9), 'x must be a number from 0 to 9'],
  ['infinity', '{"x":1e999}', (r) => r.number('x', 0, 9), 'x must be a number from 0 to 9'],
  ['a number as text', '{"x":"1"}', (r) => r.number('x', 0, 9), 'x must be a number from 0 to 9'],
  ['a fraction', '{"x":0.5}', (r) => r.integer('x', 0, 9), 'x must be a whole number'],
  ['an integer above', '{"x":1e300}', (r) => r.integer('x', 0, 9), 'x must be a number from 0 to 9'],
  ['null', '{"x":null}', (r) => r.text('x', 3), 'x must be a text of at most 3 characters'],
  ['a long text', '{"x":"abcd"}', (r) => r.text('x', 3), 'x must be a text of at most 3 characters'],
  [
    'a line break',
    '{"x":"a\\nb"}',
    (r) => r.token('x', 9),
    'x must be printable ASCII without spaces and semicolons',
  ],
  ['upper-case hex', '{"x":"FF"}', (r) => r.hex('x', 2), 'x must be 2 lower-case hex digits'],
  ['short hex', '{"x":"ff"}', (r) => r.hex('x', 4), 'x must be 4 lower-case hex digits'],
  ['an object for a list', '{"x":{"length":1}}', (r) => r.list('x', 2), 'x must be a list of at most 2'],
  ['a long list', '{"x":[1,2,3]}', (r) => r.list('x', 2), 'x must be a list of at most 2'],
  [
    'another version',
    '{"v":2}',
    (r) => r.version(),
    'v must be 1, the version of messages that this program reads',
  ],
];
for (const [what, json, read, fault] of FAULTS) {
  test(`FieldReader finds ${what} at fault`, () => {
    const reader = readerOf(json);
    read(reader);
    assert.equal(reader.fault, fault);
  });
}

test('FieldReader.parsed() names the field, and keeps the first fault', () => {
  const reader = readerOf('{"jail":"a b","prog":7}');
  reader.parsed('jail', 64, parseJail);
  reader.parsed('prog', 64, parseJail);
  reader.parsed('none', 64, parseJail);
  assert.match(reader.fault ?? '', /^jail: "a b" is not a jail name/);
});

test('FieldReader.parsed() does not show a foreign text to its parser when that is no text or too long', () => {
  for (const json of ['{"x":7}', '{"x":["sshd"]}', `{"x":"${'a'.repeat(65)}"}`]) {
    const reader = readerOf(json);
    const seen: string[] = [];
    reader.parsed('x', 64, (text) => (seen.push(text), parseJail(text)));
    assert.deepEqual(seen, ['']);
    assert.equal(reader.fault, 'x must be a text of at most 64 characters');
  }
});

test('utf8Length() counts the bytes that a text has on the wire', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
      assert.equal(utf8Length(text), Buffer.byteLength(text));
    }),
    { numRuns: 2000 },
  );
});

function readerOf(json: string): FieldReader {
  const fields = parseFields(json);
  assert.ok(fields.ok);
  return new FieldReader(fields.value);
}
