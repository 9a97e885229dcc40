import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';

/** An input of a decoder: its parts, as strings of bytes. */
export type Input = readonly string[];

/** The inputs that are kept for a decoder: good ones, and every one that once broke it. */
export function corpusOf(name: string): readonly Input[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'corpus', `${name}.json`), 'utf8')) as Input[];
}

/** What text formats have at their joints. */
const TOKENS = [
  '\0',
  '\n',
  '\r\n',
  ';',
  '"',
  "'",
  '\\',
  '{',
  '}',
  '[',
  ']',
  '[[',
  ':',
  ',',
  '=',
  '#',
  '%',
  '/',
  '.',
  '-1',
  '1e999',
  '9007199254740993',
  '9000000000000000',
  '0x10',
  '\\u003b',
  '\\ud800',
  '\xff\xfe',
  '\xed\xa0\x80',
  '\xf0\x9f\x92\xa9',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'true',
  'NaN',
  '::ffff:',
  'fe80::1%lo',
  '64:ff9b::',
  '0177.1',
  '/0',
  'SRCIP',
  '$(id)',
  '`id`',
  '; id',
  '\x80\x04',
  '\x8c\xff',
  '\x95\xff\xff\xff\xff\xff\xff\xff\xff',
  '(((((((((((((((((((((',
  'q\x00h\x00',
  '\x85\x86\x87R.',
];

const byte = fc.nat({ max: 255 }).map((code) => String.fromCharCode(code));
const piece = fc.oneof(
  fc.constantFrom(...TOKENS),
  byte,
  fc.array(byte, { maxLength: 40 }).map((bytes) => bytes.join('')),
  fc
    .tuple(fc.constantFrom(...TOKENS), fc.integer({ min: 2, max: 600 }))
    .map(([token, times]) => token.repeat(times)),
);

type Change = {
  kind: 'insert' | 'replace' | 'remove' | 'double' | 'cut';
  at: number;
  length: number;
  piece: string;
};
const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('insert', 'replace', 'remove', 'double', 'cut'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.nat({ max: 20 }),
  piece,
});

/** Changed inputs of the corpus, parts put together anew, and bytes of chance. */
export function hostile(corpus: readonly Input[]): fc.Arbitrary<Input> {
  const kept = fc.constantFrom(...corpus);
  const changed = fc
    .tuple(kept, fc.array(fc.tuple(fc.nat({ max: 7 }), change), { minLength: 1, maxLength: 6 }))
    .map(([input, changes]) => {
      const parts = [...input];
      for (const [part, each] of changes) {
        const index = part % parts.length;
        parts[index] = apply(parts[index] ?? '', each);
      }
      return parts;
    });
  const mixed = fc
    .tuple(kept, kept, fc.nat({ max: 8 }))
    .map(([one, other, at]) => [...one.slice(0, at), ...other.slice(at)]);
  const chance = fc.array(piece, { maxLength: 6 });
  return fc.oneof(
    { weight: 6, arbitrary: changed },
    { weight: 1, arbitrary: mixed },
    { weight: 1, arbitrary: chance },
  );
}

function apply(text: string, { kind, at, length, piece: put }: Change): string {
  const from = Math.floor(at * text.length);
  const [before, middle, after] = [
    text.slice(0, from),
    text.slice(from, from + length),
    text.slice(from + length),
  ];
  if (kind === 'insert') return before + put + middle + after;
  if (kind === 'replace') return before + put + after;
  if (kind === 'remove') return before + after;
  return kind === 'double' ? before + middle + middle + after : before;
}
