import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import type { Address } from '@banshare/protocol';
import { hostPaths, type HostPaths } from '@banshare/runtime';
import { ServerAddresses } from '../../src/protection/server-addresses.ts';
import { folder } from '../make.ts';

function note(paths: HostPaths, text: string): void {
  mkdirSync(dirname(paths.serverAddress), { recursive: true });
  writeFileSync(paths.serverAddress, text);
}

test('ServerAddresses knows an address by itself, and the one that this host is connected to', async () => {
  using scratch = folder();
  const paths = hostPaths(scratch.path);
  const literal = new ServerAddresses(['203.0.113.1'], paths);
  await literal.refresh();
  assert.deepEqual(literal.all(), ['203.0.113.1']);
  assert.equal(existsSync(paths.serverAddress), false);
  literal.connectTo('203.0.113.2');
  assert.deepEqual(literal.all(), ['203.0.113.1', '203.0.113.2']);
});

test('ServerAddresses knows the noted address while the resolver fails, where the note is of this name', async () => {
  using scratch = folder();
  const paths = hostPaths(scratch.path);
  const server = new ServerAddresses(['nosuch.invalid'], paths);
  note(paths, 'nosuch.invalid 203.0.113.1\n');
  await server.refresh();
  assert.deepEqual(server.all(), ['203.0.113.1']);
  note(paths, 'another.invalid 203.0.113.1\n');
  assert.deepEqual(server.all(), []);
});

test('ServerAddresses knows what the name stands for, and notes it for the reporter', async () => {
  using scratch = folder();
  const paths = hostPaths(scratch.path);
  note(paths, 'localhost 203.0.113.1\n');
  const server = new ServerAddresses(['localhost'], paths);
  await server.refresh();
  assert.ok(server.all().some((address) => ['127.0.0.1', '::1'].includes(address)));
  assert.match(readFileSync(paths.serverAddress, 'utf8'), /^localhost (127\.0\.0\.1|::1)\n$/);
});

test('ServerAddresses knows every address of each of several servers', async () => {
  using scratch = folder();
  const paths = hostPaths(scratch.path);
  note(paths, 'nosuch.invalid 203.0.113.1 next:gone.invalid=203.0.113.2\n');
  const server = new ServerAddresses(['nosuch.invalid', 'localhost', '203.0.113.3'], paths);
  await server.refresh();
  const found = server.all();
  for (const address of ['203.0.113.1', '203.0.113.3'])
    assert.ok(found.includes(address as Address), address);
  assert.ok(found.some((address) => ['127.0.0.1', '::1'].includes(address)));
  assert.ok(!found.includes('203.0.113.2' as Address));
  assert.match(readFileSync(paths.serverAddress, 'utf8'), /^nosuch\.invalid 203\.0\.113\.1 next:localhost=/);
});
