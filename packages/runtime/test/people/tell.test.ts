import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forPeople, HEADS, jsonForAll, sentenceForPeople } from '@banshare/runtime';
import { colourOf } from '../../src/people/heads.ts';

/** What a terminal obeys, or what reorders or hides text on it: C0, DEL, C1, bidi, zero width, tags. */
const HOSTILE = [
  '\u001b]0;title\u0007',
  '\u001b[2J',
  '\r',
  '\b',
  '\u007f',
  '\u009b31m',
  '\u202e',
  '\u2066',
  '\u200b',
  '\u2028',
  '\u{e0041}',
];

test('no text for people steers a terminal, whatever it holds, and its lines stay lines', () => {
  for (const text of HOSTILE) {
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    assert.match(forPeople(`a\n${text}b`), /^a\n[\x20-\x7e]*b$/, JSON.stringify(text));
    // oxlint-disable-next-line no-control-regex
    assert.match(sentenceForPeople(`a${text}b`), /^a[\x20-\x7e]*b$/, JSON.stringify(text));
  }
  assert.equal(forPeople('Zürich 東京 ✓'), 'Zürich 東京 ✓');
});

test('a line without end is cut, and a sentence of several lines stays one line', () => {
  assert.equal(forPeople(`${'x'.repeat(1e6)}\ny`).length, 4003);
  assert.equal(sentenceForPeople('cannot do it:\r\n  because\nof this\n'), 'cannot do it: because of this');
});

test('a JSON document reads as what it was made of, and no terminal obeys it', () => {
  const text = jsonForAll({ reason: HOSTILE.join(' ') });
  assert.match(text, /^[\x20-\x7e]+$/);
  assert.deepEqual(JSON.parse(text), { reason: HOSTILE.join(' ') });
});

test('a line that a person has to see first has a colour of its own on a terminal, and no other has one', () => {
  for (const head of Object.values(HEADS)) assert.notEqual(colourOf(`${head} since Monday`), undefined);
  for (const line of ['', ' ok  fail2ban answers', 'A host says URGENT:', 'the PAUSED ones'])
    assert.equal(colourOf(line), undefined);
});
