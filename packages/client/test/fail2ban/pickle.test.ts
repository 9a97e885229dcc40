import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { pickleWords, unpickle, type Pickled } from '../../src/fail2ban/pickle.ts';

type Vector = { request: string[]; reply: string; answer: unknown };

/** Recorded from a real fail2ban; `answer` is what Python's own pickle made of it. */
const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../vectors/fail2ban-1.0.2.json'), 'utf8'),
) as Vector[];

function plain(value: Pickled): unknown {
  switch (value.is) {
    case 'number':
      return value.number;
    case 'text':
      return value.text;
    case 'flag':
      return value.flag;
    case 'none':
      return null;
    case 'list':
    case 'tuple':
      return value.items.map(plain);
    case 'raised':
      return { raised: value.name, args: value.args.map(plain) };
    case 'name':
      return { module: value.module, name: value.name };
  }
}

for (const { request, reply, answer } of vectors) {
  test(`unpickle() reads what fail2ban answers to "${request.join(' ').slice(0, 60)}"`, () => {
    assert.deepEqual(plain(unpickle(Buffer.from(reply, 'hex'))), answer);
  });
}

test('pickleWords() writes the bytes that fail2ban was seen to read', () => {
  const written = pickleWords(['set', 'sshd', 'banip', '198.51.100.9']).toString('hex');
  assert.equal(
    written,
    '80025d28580300000073657458040000007373686458050000006261 6e6970580c0000003139382e35312e3130302e39652e'.replace(
      ' ',
      '',
    ),
  );
});

test('An answer that ends early or late is no answer', () => {
  for (const { reply } of vectors) {
    const bytes = Buffer.from(reply, 'hex');
    for (let length = 0; length < bytes.length; length += 1)
      assert.throws(() => unpickle(bytes.subarray(0, length)), Error, `${length} bytes of ${reply}`);
    assert.throws(() => unpickle(Buffer.concat([bytes, Buffer.from([0x4e])])));
  }
});

test('What would run code is refused: os.system, eval, builds, persistent names and older protocols', () => {
  const call = (module: string, name: string, argument: string): Buffer => {
    const text = (word: string): Buffer =>
      Buffer.concat([Buffer.from([0x8c, word.length]), Buffer.from(word)]);
    const parts = [Buffer.from([0x80, 5]), text(module), text(name), Buffer.from([0x93]), text(argument)];
    return Buffer.concat([...parts, Buffer.from([0x85, 0x52, 0x2e])]);
  };
  assert.throws(() => unpickle(call('posix', 'system', 'id')), /calls posix\.system/);
  assert.throws(() => unpickle(call('builtins', 'eval', '1')), /calls builtins\.eval/);
  assert.throws(() => unpickle(Buffer.from('cposix\nsystem\n(S"id"\ntR.')), /does not begin as a pickle/);
  assert.throws(() => unpickle(Buffer.from([0x80, 2, 0x4b, 1, 0x2e])), /protocol 2/);
  for (const code of [0x62, 0x51, 0x63, 0x69, 0x6f, 0x81, 0x92, 0x82])
    assert.throws(() => unpickle(Buffer.from([0x80, 5, code, 0x2e])), /opcode/);
});

test('A list in itself is refused', () => {
  assert.throws(() => unpickle(Buffer.from([0x80, 5, 0x5d, 0x94, 0x68, 0, 0x61, 0x2e])), /cannot|itself/);
});

test('unpickle() answers changed bytes with a value or an error, quickly and never with another exception', () => {
  const bytes = fc
    .constantFrom(...vectors.map(({ reply }) => reply))
    .map((reply) => Buffer.from(reply, 'hex'));
  const changed = fc
    .tuple(bytes, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }))
    .map(([original, changes]) => {
      const copy = Buffer.from(original);
      for (const [at, byte] of changes) copy[at % copy.length] = byte;
      return copy;
    });
  const random = fc.uint8Array({ maxLength: 200 }).map((tail) => Buffer.from([0x80, 5, ...tail]));
  fc.assert(
    fc.property(fc.oneof(changed, random), (input) => {
      try {
        JSON.stringify(plain(unpickle(input)));
      } catch (error) {
        // Texts that are no UTF-8 are a TypeError of the decoder.
        assert.ok(error instanceof Error && !(error instanceof RangeError), String(error));
      }
    }),
    { numRuns: 5000 },
  );
});
