import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findServer, readClientConfig } from '@banshare/runtime';
import { FLEET as fleet } from './fleet-of-test.ts';

const { servers, reportPort, publishPort, serverPublicKey } = fleet;
const read = await readClientConfig('/nonexistent');
assert.ok(read.ok);
const { config } = read;

test('findServer() takes what is baked in where the file says nothing', () => {
  assert.deepEqual(findServer(config, fleet), {
    ok: true,
    value: { servers, reportPort, publishPort, serverPublicKey },
  });
});

test('findServer() prefers the file, key by key', () => {
  assert.deepEqual(findServer({ ...config, server: ['127.0.0.1'], reportPort: 1 }, fleet), {
    ok: true,
    value: { servers: ['127.0.0.1'], reportPort: 1, publishPort, serverPublicKey },
  });
});

test('findServer() names what is missing where nothing is baked in', () => {
  assert.deepEqual(findServer({ ...config, server: ['127.0.0.1'] }), {
    ok: false,
    fault:
      'Cannot tell where the server is: no fleet is baked into this program; set report-port, publish-port, server-public-key in client.toml, or give banshare-client join - a token',
  });
});
