import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Result } from '@banshare/protocol';
import { hostPaths, readServerConfig, type HostPaths } from '@banshare/runtime';
import { Folder } from '../../../../../test/fleet/index.ts';
import { formatInvitation } from '../../../src/cli/sharing/invitation.ts';
import { invite, joinLedger, leaveLedger, type Installation } from '../../../src/cli/sharing/share-ledger.ts';
import { markApplied, stateOf } from '../../../src/ledger/books/backup-file.ts';
import { Ledger } from '../../../src/ledger/ledger.ts';

/** What is typed on a machine whose server does not run. */
class Machine implements Disposable {
  readonly #folder = new Folder();
  readonly paths: HostPaths = hostPaths(join(this.#folder.path, 'machine'));
  readonly installation: Installation = { paths: this.paths, config: this.paths.serverConfig };
  readonly invitation = join(this.#folder.path, 'invitation');

  constructor({ isInstalled = true } = {}) {
    const text = { log: 'postgres://a/b', durability: 'none', secret: 'ab'.repeat(32), password: 'geheim' };
    writeFileSync(this.invitation, formatInvitation(text), { mode: 0o600 });
    if (!isInstalled) return;
    for (const folder of [this.paths.generations, this.paths.serverState])
      mkdirSync(folder, { recursive: true });
    mkdirSync(dirname(this.paths.serverConfig), { recursive: true });
    writeFileSync(this.paths.serverConfig, '');
  }

  /** Lays a ledger of that epoch there, as a replica where it has applied something. */
  lay(epoch: string, applied = 0): void {
    new Ledger(this.paths.ledger, () => epoch).close();
    if (applied > 0) markApplied(this.paths.ledger, { n: applied, token: 'ab'.repeat(32) });
  }

  epochOf(path = this.paths.ledger): string {
    const ledger = new Ledger(path, () => 'none was there');
    try {
      const row = ledger.sql("SELECT value FROM meta WHERE name = 'epoch'").get() as { value: string };
      return row.value;
    } finally {
      ledger.close();
    }
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

function faultOf(result: Result<string>): string {
  assert.ok(!result.ok, result.ok ? result.value : '');
  return result.fault;
}

function valueOf(result: Result<string>): string {
  assert.ok(result.ok, result.ok ? '' : result.fault);
  return result.value;
}

test('a server that shares nothing has nothing to leave: its epoch stays, and no host compares', async () => {
  using machine = new Machine();
  machine.lay('own');
  assert.match(faultOf(await leaveLedger(machine.installation)), /shares no log, .*nothing was changed/);
  assert.equal(machine.epochOf(), 'own');
});

test('a server that has joined and was not started yet makes no empty ledger by leaving, which would have hosts lift all', async () => {
  using machine = new Machine();
  machine.lay('own');
  const kept = `${machine.paths.ledger}.before-join`;
  assert.match(
    valueOf(await joinLedger(machine.installation, machine.invitation)),
    new RegExp(`kept, as ${kept}:`),
  );
  const refused = faultOf(await leaveLedger(machine.installation));
  assert.match(refused, /Start it, so that it has what the others have/);
  assert.ok(refused.includes(`banshare-server restore ${kept}`));
  assert.equal(existsSync(machine.paths.ledger), false);
  const read = await readServerConfig(machine.paths.serverConfig);
  assert.ok(read.ok && read.config.ledger.log === 'postgres://a/b');
});

test('a replica leaves, also where server.toml names its log no more, and is in an epoch of its own', async () => {
  using machine = new Machine();
  machine.lay('shared', 7);
  valueOf(await leaveLedger(machine.installation));
  assert.notEqual(machine.epochOf(), 'shared');
  assert.equal(stateOf(machine.paths.ledger)?.applied.n, 0);
  faultOf(await leaveLedger(machine.installation));
});

test('what is joined with twice is kept each time: a second join takes nothing of the place of the first', async () => {
  using machine = new Machine();
  const { installation, invitation, paths } = machine;
  machine.lay('own');
  writeFileSync(`${paths.ledger}-journal`, 'of the first');
  valueOf(await joinLedger(installation, invitation));
  // There is none, so none is kept.
  assert.doesNotMatch(valueOf(await joinLedger(installation, invitation)), /kept/);
  machine.lay('shared', 7);
  assert.match(valueOf(await joinLedger(installation, invitation)), /before-join-2:/);
  assert.equal(readFileSync(`${paths.ledger}.before-join-journal`, 'utf8'), 'of the first');
  assert.equal(existsSync(`${paths.ledger}.before-join-2-journal`), false);
  assert.equal(stateOf(`${paths.ledger}.before-join-2`)?.applied.n, 7);
});

test('who joins where no server is installed hears that, and nothing is left there', async () => {
  using machine = new Machine({ isInstalled: false });
  assert.match(faultOf(await joinLedger(machine.installation, machine.invitation)), /install it first/);
  assert.equal(existsSync(dirname(machine.paths.serverConfig)), false);
});

test('an invitation takes the place of no other file than an earlier one', async () => {
  using machine = new Machine();
  const { installation, invitation, paths } = machine;
  valueOf(await joinLedger(installation, invitation));
  const read = await readServerConfig(paths.serverConfig);
  assert.ok(read.ok);
  assert.match(
    faultOf(invite(installation, read.config, paths.serverConfig)),
    /is no invitation; name a file/,
  );
  const before = readFileSync(invitation);
  valueOf(invite(installation, read.config, invitation));
  assert.deepEqual(readFileSync(invitation), before);
});
