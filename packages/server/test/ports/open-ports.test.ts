import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readServerConfig } from '@banshare/runtime';
import { endpointsOf } from '../../src/ports/open-ports.ts';
import type { Generation } from '../../src/setup/generations.ts';

const curve = { publicKey: 'p', secretKey: 's' };
const fleet = { reportPort: 20_001, publishPort: 20_002 } as Generation['fleet'];
const generations: Generation[] = [
  { name: 'g1', fleet, curve, joinKey: 'j' },
  { name: 'g2', fleet: { ...fleet, reportPort: 20_003 }, curve, joinKey: 'j' },
];

test('endpointsOf() gives each generation its ports, and loopback too where the server has one address only', async () => {
  const read = await readServerConfig('/nonexistent');
  assert.ok(read.ok);
  const at = (address: string): string[] =>
    endpointsOf(generations, { ...read.config, listen: { ...read.config.listen, address } }, 'report').map(
      (to) => `${to.domain} ${to.address}:${to.port}`,
    );
  assert.deepEqual(at('*'), ['report/g1 *:20001', 'report/g2 *:20003']);
  assert.deepEqual(at('127.0.0.1'), ['report/g1 127.0.0.1:20001', 'report/g2 127.0.0.1:20003']);
  assert.deepEqual(at('203.0.113.5'), [
    'report/g1 203.0.113.5:20001',
    'report/g2 203.0.113.5:20003',
    'report/g1 127.0.0.1:20001',
    'report/g2 127.0.0.1:20003',
  ]);
});
