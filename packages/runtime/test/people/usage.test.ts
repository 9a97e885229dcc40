import { test } from 'node:test';
import assert from 'node:assert/strict';
import { usageFault } from '../../src/people/usage.ts';

const NAMES = ['status', 'hosts', 'never-ban', 'approve', '--json', '--since', '--approve'];

for (const [message, says] of [
  ['Unknown argument: statsu', 'there is no statsu here: did you mean status?'],
  ['Unknown command: nver-ban', 'there is no nver-ban here: did you mean never-ban?'],
  ['Unknown arguments: jsn, x', 'there is no jsn, x here: did you mean --json?'],
  ['Unknown arguments: aprove, web1', 'there is no aprove, web1 here: did you mean approve?'],
  ['Unknown argument: frobnicate', 'there is no frobnicate here'],
  ['Not enough non-option arguments: got 0, need at least 1', 'something is missing'],
  ['Missing required argument: host', 'Missing required argument: host'],
] as const) {
  test(`usageFault() says of "${message}": ${says}`, () => {
    assert.equal(usageFault(message, NAMES), says);
  });
}
