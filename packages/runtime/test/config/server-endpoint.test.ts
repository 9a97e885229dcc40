import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findServer, readClientConfig, type Fleet } from '@banshare/runtime';

const fleet: Fleet = {
  generation: '20261121T104500Z-a1b2c3',
  created: '2026-11-21T10:45:00Z',
  servers: ['bans.example.org'],
  reportPort: 23_456,
  publishPort: 24_567,
  serverPublicKey: 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7',
  banCommand: 'x',
};
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
      'Cannot tell where the server is: no fleet is baked into this program; set report-port, publish-port, server-public-key in client.toml',
  });
});
