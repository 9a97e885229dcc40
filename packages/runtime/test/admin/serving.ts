import assert from 'node:assert/strict';
import { mkdtempDisposableSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { serveAdmin, type AdminReply } from '@banshare/runtime';

export function socketPath(t: TestContext, deep = ''): string {
  const directory = mkdtempDisposableSync(join(tmpdir(), 'banshare-admin-'));
  t.after(() => directory.remove());
  return join(directory.path, deep, 'run/banshare/server/admin.sock');
}

export async function serving(
  t: TestContext,
  path: string,
  handle: (request: object) => AdminReply | Promise<AdminReply>,
) {
  const stop = new AbortController();
  t.after(() => stop.abort());
  const served = await serveAdmin({ path, handle, signal: stop.signal });
  assert.ok(served.ok, JSON.stringify(served));
  return served.value;
}
