import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readClientConfig } from '@banshare/runtime';
import { diagnoseConfig } from '../../src/cli/diagnose-config.ts';
import { folder } from '../make.ts';

async function said(toml: string): Promise<string[]> {
  using scratch = folder();
  const file = join(scratch.path, 'client.toml');
  writeFileSync(file, toml);
  const read = await readClientConfig(file);
  assert.ok(read.ok, read.ok ? '' : read.faults.join());
  return diagnoseConfig(read.config).map(({ ok, says }) => `${ok ? '' : '! '}${says}`);
}

test('A command that is told no address is named: it ends well for each ban, and bans or lifts nobody', async () => {
  const [ban = '', lift = '', ...others] = await said(
    '[apply]\nenforcer = "command"\ncommand = "/sbin/ban $IP SRCIPX"\nunban-command = "/sbin/unban <ip>"\n',
  );
  assert.match(ban, /^! \[apply\] command of client\.toml has no SRCIP: .* bans nobody/);
  assert.match(lift, /^! \[apply\] unban-command of client\.toml has no SRCIP: .* lifts nobody/);
  assert.deepEqual(others, []);
  const ofTables = await said('[apply]\ncommand = "/sbin/ban"\n[[enforcer]]\nkind = "command"\n');
  assert.equal(ofTables.length, 1);
});

test('A command with an address, as a word, within one, or several at once, is nothing to say, nor is one that nothing runs', async () => {
  const lines = [
    '',
    'command = "/sbin/ban --ip=SRCIP"\nunban-command = "/sbin/unban SRCIPS"\n',
    'enforcer = "nftables"\ncommand = "/sbin/ban"\n',
  ];
  for (const line of lines) assert.deepEqual(await said(`[apply]\n${line}`), []);
});

test('A never-ban list of every address is named and no fault: it may be meant, to look on for a while', async () => {
  const listed = (ranges: string): Promise<string[]> => said(`[never-ban]\naddresses = [${ranges}]\n`);
  assert.deepEqual(await listed('"0.0.0.0/1", "128.0.0.0/2", "::/1"'), []);
  assert.match(
    (await listed('"0.0.0.0/0", "::/0"')).join(),
    /^No address in 0\.0\.0\.0\/0 and ::\/0 is banned on this host/,
  );
});
