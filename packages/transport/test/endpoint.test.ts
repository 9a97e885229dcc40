import { test } from 'node:test';
import assert from 'node:assert/strict';
import { endpoint, portOf } from '../src/index.ts';

const TABLE: [address: string, port: number, expected: string][] = [
  ['127.0.0.1', 20000, 'tcp://127.0.0.1:20000'],
  ['*', 0, 'tcp://*:0'],
  ['::1', 64000, 'tcp://[::1]:64000'],
  ['2001:db8::7', 1, 'tcp://[2001:db8::7]:1'],
  ['ban.example.org', 443, 'tcp://ban.example.org:443'],
];

for (const [address, port, expected] of TABLE) {
  test(`endpoint() writes ${expected}, and portOf() reads its port`, () => {
    assert.equal(endpoint(address, port), expected);
    assert.equal(portOf(expected), port);
  });
}
