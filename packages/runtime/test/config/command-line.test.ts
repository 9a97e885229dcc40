import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { splitWords } from '@banshare/runtime';

const cases: [text: string, words: string[] | string][] = [
  [
    '/usr/bin/fail2ban-client set JAIL banip SRCIP',
    ['/usr/bin/fail2ban-client', 'set', 'JAIL', 'banip', 'SRCIP'],
  ],
  ['  a \t b\n', ['a', 'b']],
  [`a 'b c' "d e"`, ['a', 'b c', 'd e']],
  [`a b'c'"d"e`, ['a', 'bcde']],
  [`a '' ""`, ['a', '', '']],
  [String.raw`a \' \" \\ b\ c`, ['a', "'", '"', '\\', 'b c']],
  [String.raw`a "\"\\\n" '\n'`, ['a', '"\\\\n', '\\n']],
  ['a $HOME `id` $(id) * ~ ; | && > <', ['a', '$HOME', '`id`', '$(id)', '*', '~', ';', '|', '&&', '>', '<']],
  ['', 'the command is empty'],
  [' \t', 'the command is empty'],
  [`'' a`, 'the command is empty'],
  [`a 'b`, `the quote ' in "a 'b" is never closed`],
  ['a "b', String.raw`the quote " in "a \"b" is never closed`],
  ['a \\', String.raw`the backslash at the end of "a \\" has nothing to protect`],
];
for (const [text, wanted] of cases) {
  test(`splitWords() reads ${JSON.stringify(text)}`, () => {
    const read = splitWords(text);
    assert.deepEqual(read.ok ? read.value : read.fault, wanted);
  });
}

test('splitWords() splits quoted words as sh does', () => {
  const plain = fc.stringMatching(/^[a-zA-Z0-9 '"\\$`*;|&()#~\t-]{0,8}$/);
  const quoted = plain.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`);
  const doubled = plain.map((word) => `"${word.replaceAll(/["\\$`]/g, String.raw`\$&`)}"`);
  fc.assert(
    fc.property(fc.array(fc.oneof(quoted, doubled), { minLength: 1, maxLength: 5 }), (words) => {
      const text = `x ${words.join(' ')}`;
      const read = splitWords(text);
      const bySh = execFileSync('sh', ['-c', String.raw`printf '%s\0' ${text}`], { encoding: 'utf8' });
      assert.deepEqual(read, { ok: true, value: bySh.split('\0').slice(0, -1) });
    }),
    { numRuns: 50 },
  );
});
