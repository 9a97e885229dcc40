import { test } from 'node:test';
import assert from 'node:assert/strict';
import { fitsPattern, parseNamePattern } from '../../../src/words/hosts/name-pattern.ts';

test('fitsPattern() takes * for anything and ? for one character, whatever the case', () => {
  for (const [name, pattern, fits] of [
    ['web-1', 'web-*', true],
    ['WEB-1', 'web-*', true],
    ['web-', 'web-*', true],
    ['web', 'web-*', false],
    ['aweb-1', 'web-*', false],
    ['db-1.example.org', 'db-?.example.org', true],
    ['db-12.example.org', 'db-?.example.org', false],
    ['db-1xexample.org', 'db-?.example.org', false],
    ['a.b.c', '*.*.*', true],
    ['a.b', '*.*.*', false],
    ['anything', '*', true],
    ['abcbc', 'a*bc', true],
    ['abcb', 'a*bc', false],
  ] as const)
    assert.equal(fitsPattern(name, pattern), fits, `${name} ${pattern}`);
});

test('a pattern is of what names may have, and no name makes it slow', () => {
  assert.equal(parseNamePattern('web-*').ok, true);
  for (const bad of ['', 'a b', 'web;*', '*'.repeat(9), 'a'.repeat(256)])
    assert.equal(parseNamePattern(bad).ok, false, bad);
  const began = process.cpuUsage();
  for (let turn = 0; turn < 100; turn += 1)
    assert.equal(fitsPattern('a'.repeat(255), '*a*a*a*a*a*a*ab'), false);
  assert.ok(process.cpuUsage(began).user < 1_000_000);
});
