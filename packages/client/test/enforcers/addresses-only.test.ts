import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostPaths, readClientConfig } from '@banshare/runtime';
import { changeOf } from '../../src/bans/ban-row.ts';
import { buildEnforcer } from '../../src/host-enforcer/build.ts';
import type { Enforcer } from '../../src/enforcers/enforcer.ts';
import { Notes } from '../../src/host/echo-notes.ts';
import { folder, NOW, range, rowOf } from '../make.ts';

type Case = { enforcer: Enforcer; shown: unknown[]; touched: () => string[] };

/** The enforcer that a client.toml asks for; its commands leave a file behind. */
async function chosenBy(toml: string, root: string): Promise<Case> {
  const paths = hostPaths(root);
  const folder = join(root, 'left-behind');
  const file = join(root, 'client.toml');
  writeFileSync(file, toml.replaceAll('TOUCH', `/usr/bin/touch ${folder}`));
  const read = await readClientConfig(file, { mustExist: true });
  assert.ok(read.ok, JSON.stringify(read));
  const shown: unknown[] = [];
  const log = { notice: (...line: unknown[]) => void shown.push(line) };
  const notes = new Notes(paths.notes);
  return {
    enforcer: buildEnforcer(read.config, { paths, log, notes }),
    shown,
    touched: () => [
      ...readdirSync(root).filter((name) => name === 'left-behind'),
      ...readdirSync(paths.notes),
    ],
  };
}

const ban = changeOf(rowOf({ ip: range('203.0.113.0/24') }), 'ban', NOW);
const COMMANDS = 'command = "TOUCH"\nunban-command = "TOUCH"\n';

for (const [what, toml] of [
  ['command', `[apply]\nenforcer = "command"\n${COMMANDS}`],
  ['command', '[apply]\nenforcer = "command"\ncommand = "TOUCH SRCIPS"\n'],
  ['fail2ban', '[apply]\nenforcer = "fail2ban"\n'],
  ['psad', '[apply]\nenforcer = "psad"\n'],
  ['log', '[apply]\nenforcer = "log"\n'],
  ['command in place of fail2ban', '[apply]\nenforcer = "command"\n'],
  ['fail2ban and log', '[[enforcer]]\nkind = "fail2ban"\n[[enforcer]]\nkind = "log"\n'],
] as const) {
  test(`The enforcer ${what} never gets a range, and says so: ${toml.split('\n')[2] ?? ''}`, async () => {
    using root = folder();
    const { enforcer, touched } = await chosenBy(toml, root.path);
    assert.equal(enforcer.takesRanges, false);
    const [effect] = await enforcer.carryOut([ban]);
    assert.deepEqual(
      [effect?.outcome, effect !== undefined && 'reason' in effect && effect.reason],
      ['failed', 'range'],
    );
    assert.notEqual(effect?.unfit, undefined);
    // Nothing was banned, so there is nothing to lift either.
    const [lifted] = await enforcer.carryOut([{ ...ban, kind: 'unban' }]);
    assert.equal(lifted?.outcome, 'released');
    assert.deepEqual(touched(), []);
  });
}

test('The enforcer none shows what a range would do', async () => {
  using root = folder();
  const { enforcer, shown } = await chosenBy(`[apply]\nenforcer = "none"\n`, root.path);
  const [effect] = await enforcer.carryOut([ban]);
  assert.deepEqual([enforcer.takesRanges, effect?.outcome], [true, 'skipped']);
  assert.match(JSON.stringify(shown), /Would ban.*203\.0\.113\.0\/24/);
});

for (const kind of ['nftables', 'ipset'])
  test(`The enforcer ${kind} takes ranges`, async () => {
    using root = folder();
    assert.equal((await chosenBy(`[apply]\nenforcer = "${kind}"\n`, root.path)).enforcer.takesRanges, true);
  });
