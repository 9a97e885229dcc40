import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'smol-toml';
import { tomlFault } from '../../src/config/toml-fault.ts';

test('tomlFault() says in one line where a text is no TOML', () => {
  try {
    parse('a = 1\nb = = 2\n');
    assert.fail('it was taken');
  } catch (error) {
    assert.match(tomlFault(error), /^line 2, column \d+: [^\n]+$/);
  }
});

test('tomlFault() says something of anything else', () => {
  assert.equal(tomlFault(new RangeError('too deep')), 'too deep');
  assert.equal(tomlFault('thrown'), 'it is not TOML');
});

test('tomlFault() says of a value that is none what is most often forgotten', () => {
  assert.throws(
    () => parse('[apply]\nenforcer = nftables\n'),
    (error) => /^line 2, column \d+: invalid value \(a text stands in quotes: "text"/.test(tomlFault(error)),
  );
});
