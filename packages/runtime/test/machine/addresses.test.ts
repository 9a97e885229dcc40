import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { machineAddresses, outsideAddresses, throughLoopback } from '../../src/index.ts';

test('machineAddresses() has each address of each interface', () => {
  const own = Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []);
  assert.deepEqual(machineAddresses(), own);
  assert.ok(own.includes('127.0.0.1'));
});

test("throughLoopback() takes loopback for this machine's own addresses and those it is known by outside", () => {
  for (const address of machineAddresses()) assert.equal(throughLoopback(address, []), '127.0.0.1');
  assert.equal(throughLoopback('203.0.113.9', ['203.0.113.9']), '127.0.0.1');
  assert.equal(throughLoopback('203.0.113.9', ['203.0.113.90']), '203.0.113.9');
});

test('outsideAddresses() puts the configured ones first and leaves loopback and link-local out', () => {
  const all = outsideAddresses(['203.0.113.7', '203.0.113.7']);
  assert.equal(all[0], '203.0.113.7');
  assert.equal(new Set(all).size, all.length);
  assert.ok(!all.some((each) => each === '127.0.0.1' || each === '::1' || each.startsWith('fe80')));
});
