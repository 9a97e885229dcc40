import { test } from 'node:test';
import assert from 'node:assert/strict';
import { table } from '../../src/people/table.ts';

const HEADINGS = ['ADDRESS', 'JAIL', 'REASON'];
const ROWS = [
  ['203.0.113.9', 'sshd', 'a customer called'],
  ['198.51.100.77', 'nginx-http-auth', ''],
];

test('a table has columns as wide as their widest cell', () => {
  assert.equal(
    table(HEADINGS, ROWS, 80),
    [
      'ADDRESS        JAIL             REASON',
      '203.0.113.9    sshd             a customer called',
      '198.51.100.77  nginx-http-auth',
    ].join('\n'),
  );
});

test('where a line has no room for all columns a row goes on below, and no line is longer', () => {
  const folded = table(HEADINGS, ROWS, 32);
  assert.equal(
    folded,
    [
      'ADDRESS        JAIL',
      '  REASON',
      '203.0.113.9    sshd',
      '  a customer called',
      '198.51.100.77  nginx-http-auth',
    ].join('\n'),
  );
});
