import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readClientConfig } from '@banshare/runtime';
import { mostActive } from '../../src/decide/most-active.ts';
import { folder } from '../make.ts';

async function mostWith(toml: string): Promise<number> {
  using scratch = folder();
  const path = join(scratch.path, 'client.toml');
  writeFileSync(path, toml);
  const read = await readClientConfig(path);
  assert.ok(read.ok);
  return mostActive(read.config);
}

test('mostActive() is what the server publishes where the kernel holds the bans, less for fail2ban, and what client.toml says', async () => {
  assert.equal(await mostWith(''), 50_000);
  assert.equal(await mostWith('[apply]\nenforcer = "fail2ban"'), 50_000);
  assert.equal(await mostWith('[apply]\nenforcer = "nftables"'), 500_000);
  assert.equal(await mostWith('[[enforcer]]\nkind = "ipset"'), 500_000);
  assert.equal(await mostWith('[[enforcer]]\nkind = "ipset"\n[[enforcer]]\nkind = "log"'), 50_000);
  assert.equal(await mostWith('[apply]\nenforcer = "nftables"\nmax-active = 7'), 7);
});
