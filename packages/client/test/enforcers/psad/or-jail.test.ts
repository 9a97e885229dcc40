import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostPaths, readClientConfig } from '@banshare/runtime';
import { changeOf, type BanRow } from '../../../src/bans/ban-row.ts';
import { buildEnforcer } from '../../../src/host-enforcer/build.ts';
import { type Enforcer, IN_PSAD, type Listing } from '../../../src/enforcers/enforcer.ts';
import { Fail2banEnforcer } from '../../../src/enforcers/fail2ban/enforcer.ts';
import { psadEnforcer } from '../../../src/enforcers/psad/psad.ts';
import { psadOrJail } from '../../../src/enforcers/psad/or-jail.ts';
import { Notes } from '../../../src/host/echo-notes.ts';
import { folder, ip, jail, NOW, prog, rowOf } from '../../make.ts';
import { HandMadePsad } from './hand-made-psad.ts';
import { noFail2ban, RealFail2ban } from '../../fail2ban/real-fail2ban.ts';
import type { Effect } from '../../../src/bans/change.ts';

/** A host with a real fail2ban, whose jail `banshare` is for what has no jail here, and with a psad that may run. */
class Host implements AsyncDisposable {
  readonly fail2ban = new RealFail2ban();
  readonly psad = new HandMadePsad(this.fail2ban.path);
  readonly enforcer: Enforcer;
  readonly #remembered = new Map<string, string>();

  constructor() {
    this.enforcer = this.again();
  }

  /** As a client that was started anew has it. */
  again(): Enforcer {
    const notes = new Notes(join(this.fail2ban.path, 'notes'));
    const memory = (name: string) => ({
      recall: () => this.#remembered.get(name),
      remember: (text: string) => void this.#remembered.set(name, text),
    });
    const jails = new Fail2banEnforcer({
      socket: this.fail2ban.socket,
      missingJail: jail('banshare'),
      timeoutMs: 20_000,
      notes,
      nowMs: () => performance.now(),
      memory: memory('fail2ban'),
    });
    const psad = psadEnforcer(this.psad, notes, 5000);
    return psadOrJail({ psad, jails, localJailOf: ({ jail: of }) => of, memory: memory('psad') });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.psad[Symbol.asyncDispose]();
    await this.fail2ban[Symbol.asyncDispose]();
  }
}

const scan = (address: string, fields: Partial<BanRow> = {}): BanRow =>
  rowOf({
    ip: ip(address),
    prog: prog('psad'),
    jail: jail('portscan'),
    localJail: jail('portscan'),
    ...fields,
  });
const outcomes = (effects: readonly Effect[]): string[] =>
  effects.map(({ outcome, localJail }) => `${outcome} ${localJail}`);
const carryOut = async (
  enforcer: Enforcer,
  kind: 'ban' | 'unban',
  ...rows: readonly BanRow[]
): Promise<string[]> => outcomes(await enforcer.carryOut(rows.map((row) => changeOf(row, kind, NOW))));
const listed = async (enforcer: Enforcer): Promise<Listing & { ok: true }> => {
  const listing = await enforcer.list?.([IN_PSAD, jail('banshare')]);
  assert.ok(listing?.ok, JSON.stringify(listing));
  return listing;
};

test(
  'psad’s bans go to psad while it runs, and into a jail while it does not',
  { skip: noFail2ban },
  async () => {
    await using host = new Host();
    const { enforcer, fail2ban, psad } = host;
    await fail2ban.start();
    assert.deepEqual(await carryOut(enforcer, 'ban', scan('203.0.113.1')), ['applied banshare']);
    assert.match(
      String(await enforcer.ways?.()),
      /go to fail2ban: psad does not run here with ENABLE_AUTO_IDS/,
    );
    await psad.start();
    const rows = [scan('203.0.113.2'), scan('2001:db8::2'), rowOf({ ip: ip('203.0.113.3') })];
    assert.deepEqual(await carryOut(enforcer, 'ban', ...rows), [
      `applied ${IN_PSAD}`,
      'applied banshare',
      'applied sshd',
    ]);
    assert.equal(await psad.heard(), 'add 203.0.113.2\n');
    assert.match(String(await enforcer.ways?.()), /go to psad, those of IPv6 addresses to fail2ban/);
    assert.deepEqual(fail2ban.banned('banshare'), ['2001:db8::2', '203.0.113.1']);
    await psad.stop();
    assert.deepEqual(await carryOut(enforcer, 'ban', scan('203.0.113.4')), ['applied banshare']);
  },
);

test('A ban is lifted where it was put, and prolonged there', { skip: noFail2ban }, async () => {
  await using host = new Host();
  const { enforcer, fail2ban, psad } = host;
  await fail2ban.start();
  const inJail = scan('203.0.113.1', { localJail: jail('banshare'), isOurs: true });
  const inPsad = scan('203.0.113.2', { localJail: IN_PSAD, isOurs: true });
  await carryOut(enforcer, 'ban', scan('203.0.113.1'));
  await psad.start();
  assert.deepEqual(await carryOut(enforcer, 'ban', inJail, inPsad), [
    'already banshare',
    `applied ${IN_PSAD}`,
  ]);
  assert.equal(await psad.heard(), 'add 203.0.113.2\n');
  assert.deepEqual(await carryOut(enforcer, 'unban', inJail, inPsad), [
    'applied banshare',
    `applied ${IN_PSAD}`,
  ]);
  assert.equal(await psad.heard(), 'del 203.0.113.2\n');
  assert.deepEqual(fail2ban.banned('banshare'), []);
  // psad is away: lifting there has to wait for it, and a ban goes into its jail.
  await psad.stop();
  assert.deepEqual(await carryOut(enforcer, 'unban', inPsad), [`failed ${IN_PSAD}`]);
  assert.deepEqual(await carryOut(enforcer, 'ban', inPsad), ['applied banshare']);
});

test('An operator’s unban lifts also what psad found itself', { skip: noFail2ban }, async () => {
  await using host = new Host();
  await host.fail2ban.start();
  await host.psad.start();
  assert.deepEqual(await carryOut(host.enforcer, 'unban', scan('203.0.113.1')), ['released banshare']);
  assert.equal(await host.psad.heard(), 'del 203.0.113.1\n');
});

test('A psad that was started anew has lost its bans, once', { skip: noFail2ban }, async () => {
  await using host = new Host();
  const { enforcer, fail2ban, psad } = host;
  await fail2ban.start();
  await psad.start();
  await listed(enforcer);
  assert.equal(await enforcer.isIntact?.(), true);
  assert.equal((await listed(enforcer)).held.has(IN_PSAD), false);
  await psad.stop(true);
  assert.equal(await enforcer.isIntact?.(), true);
  await psad.start();
  // A client that was started anew meanwhile knows which psad it had.
  const next = host.again();
  assert.equal(await next.isIntact?.(), false);
  const listing = await listed(next);
  assert.deepEqual([listing.held.get(IN_PSAD)?.size, listing.isAnew(IN_PSAD)], [0, true]);
  assert.deepEqual([...listing.held.keys()].toSorted(), [IN_PSAD, 'banshare']);
  assert.equal((await listed(next)).held.has(IN_PSAD), false);
});

for (const [toml, hasWays] of [
  ['', true],
  ['[apply]\nenforcer = "fail2ban"\n', true],
  ['[apply]\nenforcer = "nftables"\n', false],
  ['[apply]\ncommand = "/bin/true SRCIP"\n', false],
  ['[[enforcer]]\nkind = "fail2ban"\n', false],
] as const) {
  test(`With ${toml.replaceAll('\n', ' ') || 'the default configuration '}psad's bans ${hasWays ? 'go' : 'do not go'} to psad`, async () => {
    using scratch = folder();
    const file = join(scratch.path, 'client.toml');
    writeFileSync(file, toml);
    const read = await readClientConfig(file);
    assert.ok(read.ok);
    const paths = hostPaths(scratch.path);
    const enforcer = buildEnforcer(read.config, {
      paths,
      notes: new Notes(paths.notes),
      log: { notice: () => undefined },
    });
    assert.equal(enforcer.ways !== undefined, hasWays);
  });
}
