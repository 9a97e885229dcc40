import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { SPECIAL_RANGES } from '../src/index.ts';
import { vectors } from './vectors.ts';

type Vector = { name: string; subject?: string; status?: string; body: string; signature?: string };
type Table = { [list: string]: Vector[] };

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const EXAMPLE = /<!-- vector (\w+)(?:: (.+))? -->\n```text\n([^`]*)```/g;
const examples = [...readme.matchAll(EXAMPLE)].map(([, file = '', name = '', text = '']) => ({
  file,
  name,
  text,
}));

for (const { file, name, text } of examples) {
  test(`the README shows the vector ${file} "${name}" as it is`, () => {
    assert.equal(text, file === 'tails' ? tailSteps() : framesOf(file, name));
  });
}

test('every vector that the README names is shown', () => {
  assert.equal(examples.length, readme.split('<!-- vector ').length - 1);
  const files = new Set(examples.map(({ file }) => file));
  assert.deepEqual([...files], ['macs', 'requests', 'replies', 'publications', 'tails', 'sync']);
});

test('the README shows every subject of a request and every kind of publication', () => {
  const shown = (file: string): Set<string> =>
    new Set(examples.filter((one) => one.file === file).map(({ text }) => wordOf(text)));
  const all = (file: string, list: string): Set<string> =>
    new Set((vectors<Table>(file)[list] ?? []).map(({ subject = '' }) => wordOf(subject)));
  assert.deepEqual(shown('requests'), all('requests', 'requests'));
  assert.deepEqual(shown('publications'), all('publications', 'publications'));
});

test('the README lists the special ranges', () => {
  const [, table = ''] = /<!-- special ranges -->\n([^]*?)\n\n/.exec(readme) ?? [];
  const listed = table.split(/[|\s]+/).filter((cell) => cell.includes('/'));
  assert.deepEqual(
    listed,
    SPECIAL_RANGES.map(([cidr]) => cidr),
  );
});

/** Each frame on a line of its own; the signature in hex. */
function framesOf(file: string, name: string): string {
  const found = Object.values(vectors<Table>(file))
    .flat()
    .find((vector) => vector.name === name);
  assert.ok(found, `there is no vector "${name}" in ${file}.json`);
  const { subject, status, body, signature } = found;
  return [subject ?? status, body, signature].filter((frame) => frame !== undefined).join('\n') + '\n';
}

function tailSteps(): string {
  const { steps } = vectors<{ steps: { text: string; tail: string }[] }>('tails');
  return steps.map(({ text, tail }) => `${text}\n  -> ${tail}\n`).join('');
}

function wordOf(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.includes(';') ? 'prog;jail;ip;host' : (line.split(' ', 1)[0] ?? '');
}
