import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeOf } from '../../src/bans/ban-row.ts';
import { addressesOnly } from '../../src/enforcers/addresses-only.ts';
import type { Enforcer } from '../../src/enforcers/enforcer.ts';
import { hostPaths, type ClientConfig } from '@banshare/runtime';
import { buildEnforcers, type EnforcerHost } from '../../src/host-enforcer/build.ts';
import { asOne, covers, type Part } from '../../src/host-enforcer/several.ts';
import { ip, jail, NOW, prog, range, rowOf } from '../make.ts';
import { type Change, type Effect, reasonOf } from '../../src/bans/change.ts';

const all = { jails: ['*'], progs: ['*'] };

function enforcer(
  kind: string,
  outcome: Effect['outcome'],
  reach: 'jail' | 'host' = 'jail',
): Enforcer & { asked: Change[] } {
  const asked: Change[] = [];
  const carryOut = (changes: readonly Change[]): Promise<Effect[]> => {
    asked.push(...changes);
    return Promise.resolve(
      changes.map(({ localJail }): Effect =>
        outcome === 'failed' || outcome === 'skipped' || outcome === 'unproven'
          ? { outcome, reason: 'why', localJail }
          : { outcome, localJail: reach === 'jail' ? jail('banshare') : localJail },
      ),
    );
  };
  return {
    kind,
    mostAtOnce: 9,
    isSerial: true,
    reach,
    takesRanges: reach === 'host',
    check: async () => [`${kind} is missing`],
    carryOut,
    asked,
  };
}

const ban = (of: string): Change =>
  changeOf(rowOf({ ip: ip('203.0.113.9'), prog: prog(of), jail: jail('portscan') }), 'ban', NOW, [
    rowOf({ prog: prog('fail2ban') }),
  ]);

test('Each enforcer gets the bans that it is for, and what counts for it beside them', async () => {
  const [one, two] = [enforcer('nftables', 'applied', 'host'), enforcer('psad', 'applied')];
  const both = asOne([
    { enforcer: one, ...all, progs: ['fail2ban'] },
    { enforcer: two, ...all, progs: ['psad'] },
  ]);
  const effects = await both.carryOut([ban('psad'), ban('fail2ban'), ban('other')]);
  assert.deepEqual(
    effects.map((effect) => ('reason' in effect ? effect.reason : effect.outcome)),
    ['applied', 'applied', 'no enforcer is for it'],
  );
  assert.deepEqual(
    [one.asked.map(({ prog: of }) => of), two.asked.map(({ prog: of }) => of)],
    [['fail2ban'], ['psad']],
  );
  assert.deepEqual([one.asked[0]?.others.length, two.asked[0]?.others.length], [1, 0]);
  assert.deepEqual(await both.check(), ['nftables is missing', 'psad is missing']);
  assert.equal(both.reach, 'host');
});

for (const [outcomes, wanted] of [
  [['applied', 'applied'], 'applied'],
  [['applied', 'already'], 'already'],
  [['applied', 'failed'], 'failed'],
  [['applied', 'skipped'], 'applied'],
  [['released', 'applied'], 'applied'],
  [['released', 'released'], 'released'],
] as const) {
  test(`What is ${outcomes.join(' and ')} at two enforcers is ${wanted}`, async () => {
    const parts: Part[] = [
      { enforcer: enforcer('nftables', outcomes[0], 'host'), ...all },
      { enforcer: enforcer('fail2ban', outcomes[1]), ...all },
    ];
    const [effect] = await asOne(parts).carryOut([ban('psad')]);
    assert.equal(effect?.outcome, wanted);
    if (effect?.outcome === 'failed')
      assert.deepEqual([effect.reason, effect.isBegun], ['fail2ban: why', false]);
  });
}

test('two tables of one kind are one enforcer for the bans of both: neither lifts what the other wants in the same sets', () => {
  const enforcer = [
    { kind: 'nftables', jails: ['sshd'], progs: ['*'] },
    { kind: 'log', jails: ['*'], progs: ['*'] },
    { kind: 'nftables', jails: ['nginx'], progs: ['fail2ban'] },
  ];
  const apply = { timeoutSeconds: 9, logFile: 'log' };
  const host = { paths: hostPaths('/nowhere'), log: { notice: () => undefined }, notes: {} };
  const parts = buildEnforcers(
    { apply, enforcer } as unknown as ClientConfig,
    host as unknown as EnforcerHost,
  );
  assert.deepEqual(
    parts.map((part) => part.enforcer.kind),
    ['nftables', 'log'],
  );
  const [sets] = parts;
  assert.ok(sets);
  for (const [of, where, isMeant] of [
    ['psad', 'sshd', true],
    ['fail2ban', 'nginx', true],
    ['psad', 'nginx', false],
  ] as const)
    assert.equal(covers(sets, { prog: of, jail: where }), isMeant, `${of} ${where}`);
});

test('One enforcer for everything stays what it is', () => {
  const one = enforcer('nftables', 'applied', 'host');
  assert.equal(asOne([{ enforcer: one, ...all }]), one);
});

const wide: Change = { ...ban('psad'), ip: range('203.0.113.0/24') };

/** An enforcer that bans addresses only, with what others of its kind answer for a range. */
function addresses(kind: string): Enforcer {
  const inner = enforcer(kind, 'applied');
  return {
    ...inner,
    carryOut: (changes) => addressesOnly(kind, changes, (single) => inner.carryOut(single)),
  };
}

test('A range counts as applied where one enforcer has banned it, and names those that cannot', async () => {
  const parts: Part[] = [
    { enforcer: enforcer('nftables', 'applied', 'host'), ...all },
    { enforcer: addresses('log'), ...all },
    { enforcer: addresses('psad'), ...all },
  ];
  const several = asOne(parts);
  const [effect] = await several.carryOut([wide]);
  assert.ok(effect);
  assert.deepEqual([effect.outcome, effect.unfit], ['applied', ['log', 'psad']]);
  assert.equal(reasonOf(effect), 'range: not by log and psad');
  assert.equal(several.takesRanges, true);
  const ofSome = { enforcer: enforcer('nftables', 'applied', 'host'), jails: ['sshd'], progs: ['*'] };
  assert.equal(asOne([ofSome, ...parts.slice(1)]).takesRanges, false);
  const [lifted] = await several.carryOut([{ ...wide, kind: 'unban' }]);
  assert.deepEqual([lifted?.outcome, lifted?.unfit], ['applied', undefined]);
});

for (const [what, first] of [
  ['where none can', addresses('command')],
  ['where the other one only shows what it would do', enforcer('none', 'skipped')],
] as const) {
  test(`A range fails for its being one ${what}`, async () => {
    const [effect] = await asOne([
      { enforcer: first, ...all },
      { enforcer: addresses('log'), ...all },
    ]).carryOut([wide]);
    assert.deepEqual([effect?.outcome, effect && reasonOf(effect)], ['failed', 'range']);
  });
}

test('What really failed is told of a range, so that it is tried again', async () => {
  const [effect] = await asOne([
    { enforcer: enforcer('nftables', 'failed', 'host'), ...all },
    { enforcer: addresses('log'), ...all },
  ]).carryOut([wide]);
  assert.deepEqual([effect && reasonOf(effect), effect?.unfit], ['nftables: why', undefined]);
});

test('A ban that cannot be seen where fail2ban was to put it is unproven, unless the kernel has it by another enforcer', async () => {
  const alone = asOne([
    { enforcer: enforcer('fail2ban', 'unproven'), ...all },
    { enforcer: enforcer('log', 'applied'), ...all },
  ]);
  const [effect] = await alone.carryOut([ban('fail2ban')]);
  assert.deepEqual([effect?.outcome, effect && reasonOf(effect)], ['unproven', 'why']);
  const beside = asOne([
    { enforcer: enforcer('fail2ban', 'unproven'), ...all },
    { enforcer: enforcer('nftables', 'applied', 'host'), ...all },
  ]);
  assert.equal((await beside.carryOut([ban('fail2ban')]))[0]?.outcome, 'applied');
});
