import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { errorText, renderLine, type LineFormat, type LogEntry } from '../../src/log/log-line.ts';

const entry = (text: string, fields: Record<string, unknown> = {}): LogEntry => ({
  atSeconds: 1_795_250_700.5,
  level: 'notice',
  text,
  fields,
});
const FRONT = '2026-11-21T08:45:00.500Z notice: ';

const cases: [fields: Record<string, unknown>, line: string][] = [
  [{ ip: '203.0.113.9', n: 3, ok: true, none: null }, 'ip=203.0.113.9 n=3 ok=true none=null'],
  [{ text: 'two words' }, 'text="two words"'],
  [{ text: 'a="b"' }, String.raw`text="a=\"b\""`],
  [{ text: '' }, 'text=""'],
  [{ text: '\u001b[31mred' }, String.raw`text="\u001b[31mred"`],
  [{ text: 'a\u2028b\u0085c\u202ed' }, String.raw`text="a\u2028b\u0085c\u202ed"`],
  [{ list: ['a', 'b'] }, String.raw`list="[\"a\",\"b\"]"`],
  [{ big: 12n }, 'big=12'],
  [{ 'bad name': 1 }, 'field=1'],
  [{ error: new Error('cannot ban', { cause: new Error('no jail') }) }, 'error="cannot ban: no jail"'],
];
for (const [fields, line] of cases) {
  test(`renderLine() writes ${line}`, () => {
    assert.equal(renderLine(entry('t', fields), 'text'), `${FRONT}t ${line}`);
  });
}

test('renderLine() cuts what is too long', () => {
  assert.ok(
    renderLine(entry('x'.repeat(1e6), { y: 'y'.repeat(1e6), z: ['z'.repeat(1e6)] }), 'text').length < 6200,
  );
  assert.ok(
    renderLine(entry('x'.repeat(1e6), { y: 'y'.repeat(1e6), z: ['z'.repeat(1e6)] }), 'json').length < 6200,
  );
});

test('renderLine() keeps time, level and text in JSON whatever the fields are called', () => {
  const line = JSON.parse(
    renderLine(entry('true', { level: 'fake', text: 'fake', x: 1 }), 'json'),
  ) as unknown;
  assert.deepEqual(line, { time: '2026-11-21T08:45:00.500Z', level: 'notice', text: 'true', x: 1 });
});

test('renderLine() writes what JSON cannot hold', () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  assert.match(renderLine(entry('t', { circle }), 'json'), /"a value that JSON cannot hold"/);
});

test('renderLine() is one line that a terminal shows as it is, for any text, field and format', () => {
  const anything = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(
      anything,
      fc.dictionary(anything, fc.oneof(anything, fc.anything())),
      fc.constantFrom<LineFormat>('text', 'journal', 'json'),
      (text, fields, format) => {
        const line = renderLine(entry(text, fields), format);
        assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
        if (format === 'json') JSON.parse(line);
      },
    ),
    { numRuns: 1000 },
  );
});

test('errorText() names the causes once each', () => {
  const cause = new Error('EACCES');
  assert.equal(errorText(new Error('Cannot read x: EACCES', { cause })), 'Cannot read x: EACCES');
  assert.equal(errorText(new Error('Cannot read x', { cause })), 'Cannot read x: EACCES');
  assert.equal(errorText('thrown text'), 'thrown text');
});
