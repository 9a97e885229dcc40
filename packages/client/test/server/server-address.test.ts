import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { test } from 'node:test';
import { hostPaths } from '@banshare/runtime';
import { locateServer, noteAddress, noteOrder } from '../../src/server/server-address.ts';
import { folder } from '../make.ts';

const ports = { reportPort: 20_001, publishPort: 20_002, serverPublicKey: '0'.repeat(40) };

test('locateServer() takes an address as it is, in brackets where it is IPv6, and notes nothing', async () => {
  using scratch = folder();
  const paths = hostPaths(scratch.path);
  const v4 = await locateServer({ servers: ['203.0.113.1'], ...ports }, '203.0.113.1', [], paths);
  assert.deepEqual(v4.ok && v4.value, {
    ip: '203.0.113.1',
    reportEndpoint: 'tcp://203.0.113.1:20001',
    publishEndpoint: 'tcp://203.0.113.1:20002',
    serverKey: ports.serverPublicKey,
  });
  const v6 = await locateServer({ servers: ['2001:db8::1'], ...ports }, '2001:db8::1', [], paths);
  assert.equal(v6.ok && v6.value.reportEndpoint, 'tcp://[2001:db8::1]:20001');
  assert.equal(existsSync(paths.serverAddress), false);
});

test('locateServer() goes through loopback where the server is this host, by an address it has or is known by', async () => {
  using scratch = folder();
  const endpoint = { servers: ['203.0.113.1', '::1'] as const, ...ports };
  const known = await locateServer(endpoint, '203.0.113.1', ['203.0.113.1'], hostPaths(scratch.path));
  assert.equal(known.ok && known.value.ip, '127.0.0.1');
  const own = await locateServer(endpoint, '::1', [], hostPaths(scratch.path));
  assert.equal(own.ok && own.value.ip, '127.0.0.1');
});

test('locateServer() notes what a name resolved to, for the reporter', async () => {
  using scratch = folder();
  const paths = hostPaths(scratch.path);
  const found = await locateServer({ servers: ['localhost'], ...ports }, 'localhost', [], paths);
  assert.equal(found.ok && found.value.ip, '127.0.0.1');
  assert.match(readFileSync(paths.serverAddress, 'utf8'), /^localhost (127\.0\.0\.1|::1)\n$/);
  assert.equal(statSync(paths.serverAddress).mode & 0o777, 0o600);
});

test('locateServer() goes by what was noted of one of several servers where no resolver knows it any more', async () => {
  using scratch = folder();
  const paths = hostPaths(scratch.path);
  const servers = ['203.0.113.1', 'nosuch.invalid'] as const;
  assert.equal((await locateServer({ servers, ...ports }, 'nosuch.invalid', [], paths)).ok, false);
  noteAddress(paths, servers, { name: 'nosuch.invalid', ip: '203.0.113.2' });
  const found = await locateServer({ servers, ...ports }, 'nosuch.invalid', [], paths);
  assert.equal(found.ok && found.value.ip, '203.0.113.2');
});

test('locateServer() says which name does not resolve', async () => {
  using scratch = folder();
  const found = await locateServer(
    { servers: ['nosuch.invalid'], ...ports },
    'nosuch.invalid',
    [],
    hostPaths(scratch.path),
  );
  assert.match(found.ok ? '' : found.fault, /^Cannot resolve the server's name "nosuch\.invalid": /);
});

test('the note has every server in the order in which it is to be tried, and no IP gets younger by another order', async () => {
  using scratch = folder();
  const paths = hostPaths(scratch.path);
  const servers = ['localhost', '203.0.113.2', 'b.example.org'] as const;
  await locateServer({ servers, ...ports }, 'localhost', [], paths);
  const text = (): string => readFileSync(paths.serverAddress, 'utf8').replace('::1', '127.0.0.1');
  assert.equal(text(), 'localhost 127.0.0.1 next:203.0.113.2=203.0.113.2 next:b.example.org=\n');
  utimesSync(paths.serverAddress, 1000, 1000);
  noteOrder(paths, ['b.example.org', 'localhost', '203.0.113.2']);
  assert.equal(text(), 'b.example.org  next:localhost=127.0.0.1 next:203.0.113.2=203.0.113.2\n');
  assert.equal(statSync(paths.serverAddress).mtimeMs, 1_000_000);
  // Of a list that has changed only what is in it stays.
  noteOrder(paths, ['203.0.113.2', 'c.example.org']);
  assert.equal(text(), '203.0.113.2 203.0.113.2 next:c.example.org=\n');
});
