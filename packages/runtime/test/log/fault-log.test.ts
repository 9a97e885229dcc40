import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaultLog } from '@banshare/runtime';

function setup() {
  const lines: unknown[] = [];
  let now = 0;
  const faults = new FaultLog({ warning: (text, fields) => lines.push([text, fields]) }, () => now);
  return { lines, faults, wait: (seconds: number) => (now += seconds) };
}

test('FaultLog logs a fault once, and after an hour with how often it came', () => {
  const { lines, faults, wait } = setup();
  for (let n = 0; n < 500; n++) faults.fault('k', 'broken', { n });
  assert.deepEqual(lines, [['broken', { n: 0 }]]);
  wait(3600);
  faults.fault('k', 'broken', { n: 500 });
  assert.deepEqual(lines[1], ['broken', { n: 500, times: 500 }]);
});

test('FaultLog keeps faults of different keys apart', () => {
  const { lines, faults } = setup();
  faults.fault('a', 'one');
  faults.fault('b', 'two');
  assert.equal(lines.length, 2);
});

test('FaultLog logs again after it was over', () => {
  const { lines, faults } = setup();
  faults.fault('k', 'broken');
  faults.over('k');
  faults.fault('k', 'broken');
  assert.deepEqual(lines, [
    ['broken', {}],
    ['broken', {}],
  ]);
});

test('FaultLog.sumUp() logs the count of faults that came no more, and then forgets them', () => {
  const { lines, faults, wait } = setup();
  faults.fault('k', 'broken');
  faults.fault('k', 'broken');
  faults.fault('k', 'broken');
  faults.sumUp();
  assert.equal(lines.length, 1);
  wait(3600);
  faults.sumUp();
  assert.deepEqual(lines[1], ['broken', { times: 2 }]);
  wait(3600);
  faults.sumUp();
  assert.equal(lines.length, 2);
  faults.fault('k', 'broken');
  assert.deepEqual(lines[2], ['broken', {}]);
});

test('FaultLog remembers a bounded number of keys', () => {
  const { lines, faults } = setup();
  for (let n = 0; n <= 1000; n++) faults.fault(String(n), 'broken');
  faults.fault('1000', 'broken');
  assert.equal(lines.length, 1001);
  faults.fault('0', 'broken');
  assert.equal(lines.length, 1002);
});
