import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT } from '../../src/index.ts';

test('the exit codes keep their numbers, since scripts and units go by them', () => {
  assert.deepEqual(EXIT, {
    done: 0,
    failed: 1,
    usage: 64,
    badAddress: 65,
    noDaemon: 69,
    crashed: 70,
    cannotWrite: 74,
    notNow: 75,
    refused: 77,
    configuration: 78,
  });
});
