import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FOR_EVER } from '@banshare/protocol';
import { EVERY_JAIL, type Remaining } from '../../../src/enforcers/enforcer.ts';
import { HostSets } from '../../../src/enforcers/sets/host-sets.ts';
import { ipsetSets } from '../../../src/enforcers/sets/ipset.ts';
import { nftSets } from '../../../src/enforcers/sets/nftables.ts';
import { changeOf } from '../../../src/bans/ban-row.ts';
import { ip, jail, NOW, prog, rowOf } from '../../make.ts';
import { Network, noNetwork } from '../network.ts';
import type { Change } from '../../../src/bans/change.ts';

const ban = (address: string, seconds = 3600, others: number[] = []): Change => ({
  ...changeOf(rowOf({ ip: ip(address) }), 'ban', NOW),
  seconds,
  others: others.map((left) => ({ prog: prog('psad'), jail: jail('portscan'), seconds: left })),
});
const unban = (address: string, others: number[] = []): Change => ({
  ...ban(address, 0, others),
  kind: 'unban',
});

async function heldBy(enforcer: HostSets): Promise<ReadonlyMap<string, Remaining>> {
  const listing = await enforcer.list();
  assert.ok(listing.ok, JSON.stringify(listing));
  return listing.held.get(EVERY_JAIL) ?? new Map();
}

async function assertHeld(enforcer: HostSets, wanted: Record<string, number | null>): Promise<void> {
  const held = await heldBy(enforcer);
  assert.deepEqual([...held.keys()].toSorted(), Object.keys(wanted).toSorted());
  for (const [address, seconds] of Object.entries(wanted)) {
    const left = held.get(address);
    if (seconds === null) assert.equal(left, null, address);
    else assert.ok(typeof left === 'number' && left <= seconds && left > seconds - 20, `${address}: ${left}`);
  }
}

for (const [kind, setsOf] of Object.entries({ nftables: nftSets, ipset: ipsetSets })) {
  const enforcerIn = (network: Network): HostSets =>
    new HostSets(setsOf(network.run), () => performance.now());
  const flush = async (network: Network): Promise<void> => {
    if (kind === 'nftables') await network.output('nft', 'flush', 'ruleset');
    else await network.output('iptables', '-F');
  };

  test(`${kind}: bans and unbans of both families, each until its end`, { skip: noNetwork }, async () => {
    await using network = await Network.open();
    const enforcer = new HostSets(setsOf(network.exec), () => performance.now());
    assert.deepEqual(await enforcer.check(), []);
    const effects = await enforcer.carryOut([
      ban('203.0.113.1', 100),
      ban('203.0.113.2', FOR_EVER),
      ban('2001:db8::3', 200),
      unban('203.0.113.9'),
    ]);
    assert.deepEqual(
      effects.map(({ outcome }) => outcome),
      ['applied', 'applied', 'applied', 'applied'],
    );
    await assertHeld(enforcer, { '203.0.113.1': 100, '203.0.113.2': null, '2001:db8::3': 200 });
    assert.equal(await enforcer.isIntact(), true);
    await enforcer.carryOut([unban('203.0.113.1'), unban('2001:db8::3'), unban('203.0.113.9')]);
    await assertHeld(enforcer, { '203.0.113.2': null });
  });

  test(`${kind}: what one address is refused for keeps no other out`, { skip: noNetwork }, async () => {
    await using network = await Network.open();
    const refused = ['198.51.100.66', '198.51.100.77'];
    const enforcer = new HostSets(
      setsOf((words, options) => {
        const isRefused = refused.some((address) => String(options?.input).includes(address));
        return network.run(isRefused ? ['sh', '-c', 'echo no such element >&2; exit 1'] : words, options);
      }),
      () => performance.now(),
    );
    const addresses = Array.from({ length: 100 }, (_, n) => `198.51.100.${n + 1}`);
    const effects = await enforcer.carryOut(addresses.map((address) => ban(address)));
    assert.deepEqual(
      addresses.filter((_, index) => effects[index]?.outcome === 'failed'),
      refused,
    );
    const held = await heldBy(enforcer);
    assert.deepEqual(
      addresses.filter((address) => !held.has(address)),
      refused,
    );
  });

  test(`${kind}: a ban published anew gets its new end, shorter or longer`, { skip: noNetwork }, async () => {
    await using network = await Network.open();
    const enforcer = enforcerIn(network);
    await enforcer.carryOut([ban('203.0.113.1', 100), ban('203.0.113.2', 5000), ban('203.0.113.3', 50)]);
    await enforcer.carryOut([
      ban('203.0.113.1', 5000),
      ban('203.0.113.2', 100),
      ban('203.0.113.3', FOR_EVER),
    ]);
    await assertHeld(enforcer, { '203.0.113.1': 5000, '203.0.113.2': 100, '203.0.113.3': null });
  });

  test(`${kind}: an address stays until the last of its bans ends`, { skip: noNetwork }, async () => {
    await using network = await Network.open();
    const enforcer = enforcerIn(network);
    await enforcer.carryOut([ban('203.0.113.1', 100, [900]), ban('203.0.113.2', 900, [100])]);
    await assertHeld(enforcer, { '203.0.113.1': 900, '203.0.113.2': 900 });
    await enforcer.carryOut([unban('203.0.113.1', [100]), unban('203.0.113.2', [FOR_EVER])]);
    await assertHeld(enforcer, { '203.0.113.1': 100, '203.0.113.2': null });
  });

  test(`${kind}: another process goes on with what is there`, { skip: noNetwork }, async () => {
    await using network = await Network.open();
    await enforcerIn(network).carryOut([ban('203.0.113.1', 100), ban('203.0.113.2', 100)]);
    const next = enforcerIn(network);
    await next.list();
    await next.carryOut([ban('203.0.113.1', 5000), unban('203.0.113.2')]);
    await assertHeld(next, { '203.0.113.1': 5000 });
  });

  test(
    `${kind}: a flush is seen, and the next change makes the rules anew`,
    { skip: noNetwork },
    async () => {
      await using network = await Network.open();
      const enforcer = enforcerIn(network);
      await enforcer.carryOut([ban('203.0.113.1')]);
      await flush(network);
      assert.equal(await enforcer.isIntact(), false);
      const [effect] = await enforcer.carryOut([ban('203.0.113.2')]);
      assert.equal(effect?.outcome, 'applied');
      assert.equal(await enforcer.isIntact(), true);
    },
  );

  test(`${kind}: ten thousand bans are one call`, { skip: noNetwork }, async () => {
    await using network = await Network.open();
    const enforcer = enforcerIn(network);
    await enforcer.carryOut([ban('203.0.113.1')]);
    const before = network.ran.length;
    const many = Array.from({ length: 10_000 }, (_, n) => ban(`198.18.${n >> 8}.${n & 255}`));
    const effects = await enforcer.carryOut(many);
    assert.ok(effects.every(({ outcome }) => outcome === 'applied'));
    assert.equal(network.ran.length, before + 1);
    assert.equal((await heldBy(enforcer)).size, 10_001);
  });

  test(`${kind}: what cannot be done fails with what the program said`, { skip: noNetwork }, async () => {
    await using network = await Network.open();
    const broken = new HostSets(
      setsOf((words, options) => network.run(['/nonexistent', ...words], options)),
      () => performance.now(),
    );
    assert.notDeepEqual(await broken.check(), []);
    const [effect] = await broken.carryOut([ban('203.0.113.1')]);
    assert.match(effect !== undefined && 'reason' in effect ? effect.reason : '', /^(nft|ipset): /);
  });

  test(
    `${kind}: without its capability nothing is called lifted or gone, and with it again all is`,
    { skip: noNetwork },
    async () => {
      await using network = await Network.open();
      const outcome = await enforcerIn(network).carryOut([ban('203.0.113.1'), ban('198.51.100.0/24')]);
      assert.deepEqual(
        outcome.map((effect) => effect.outcome),
        ['applied', 'applied'],
      );
      const drop = ['setpriv', '--bounding-set=-net_admin,-net_raw', '--inh-caps=-net_admin,-net_raw'];
      const powerless = new HostSets(
        setsOf((words, options) => network.run([...drop, ...words], options)),
        () => performance.now(),
      );
      assert.match(await powerless.leave(), /not permitted; the client needs CAP_NET_ADMIN/);
      for (const address of ['203.0.113.1', '198.51.100.0/24']) {
        const [effect] = await powerless.carryOut([unban(address)]);
        assert.equal(effect?.outcome, 'failed', address);
      }
      assert.equal(await powerless.isIntact(), false);
      assert.equal((await powerless.list()).ok, false);
      assert.match((await powerless.check()).join(), /not permitted/);
      const held = [...(await heldBy(enforcerIn(network))).keys()];
      assert.deepEqual(held.toSorted(), ['198.51.100.0/24', '203.0.113.1']);
      assert.equal(await enforcerIn(network).leave(), '');
      assert.doesNotMatch(await network.output('sh', '-c', 'nft list ruleset; ipset save'), /banshare/);
    },
  );

  test(
    `${kind}: a client that leaves takes sets and rules away, those of ranges and of earlier runs too`,
    { skip: noNetwork },
    async () => {
      await using network = await Network.open();
      assert.equal(await enforcerIn(network).leave(), '', 'where there is nothing');
      const outcome = await enforcerIn(network).carryOut([ban('203.0.113.1'), ban('2001:db8::/48')]);
      assert.deepEqual(
        outcome.map((effect) => effect.outcome),
        ['applied', 'applied'],
      );
      await network.output('nft', 'add', 'table', 'inet', 'other');
      assert.equal(await enforcerIn(network).leave(), '');
      const left = ['nft list ruleset', 'ipset list', 'iptables -S', 'ip6tables -S'];
      const texts = await Promise.all(left.map((words) => network.output(...words.split(' '))));
      assert.doesNotMatch(texts.join('\n'), /banshare/);
      assert.match(texts[0] ?? '', /table inet other/);
    },
  );
}

for (const [what, words] of [
  ['a table that was put to sleep', ['nft', 'add', 'table', 'inet', 'banshare', '{ flags dormant; }']],
  [
    'a chain that nothing passes through, as of a ruleset that was restored in part',
    [
      'sh',
      '-c',
      `nft 'delete chain inet banshare input; add chain inet banshare input; add rule inet banshare input ip saddr @v4 counter drop;
       add rule inet banshare input ip6 saddr @v6 counter drop'`,
    ],
  ],
] as const) {
  test(
    `nftables: ${what} is seen and mended, and what it held stands again`,
    { skip: noNetwork },
    async () => {
      await using network = await Network.open();
      const enforcer = new HostSets(nftSets(network.run), () => performance.now());
      await enforcer.carryOut([ban('203.0.113.1')]);
      await network.output(...words);
      assert.equal(await enforcer.isIntact(), false);
      const held = await heldBy(enforcer);
      assert.equal(await enforcer.isIntact(), true);
      // What went with it is told as missing, and so is put in place again.
      if (!held.has('203.0.113.1')) await enforcer.carryOut([ban('203.0.113.1')]);
      await assertHeld(enforcer, { '203.0.113.1': 3600 });
      assert.doesNotMatch(await network.output('nft', 'list', 'ruleset'), /dormant/);
    },
  );
}

test(
  'nftables: a table of ranges that was put to sleep is seen and mended',
  { skip: noNetwork },
  async () => {
    await using network = await Network.open();
    const enforcer = new HostSets(nftSets(network.run), () => performance.now());
    await enforcer.carryOut([ban('198.51.100.0/24')]);
    await network.output('nft', 'add', 'table', 'inet', 'banshare_ranges', '{ flags dormant; }');
    assert.equal(await enforcer.isIntact(), false);
    await heldBy(enforcer);
    assert.equal(await enforcer.isIntact(), true);
    assert.doesNotMatch(await network.output('nft', 'list', 'ruleset'), /dormant/);
  },
);

test(
  'ipset: a set that came back from a file made otherwise, and full, is made anew',
  { skip: noNetwork },
  async () => {
    await using network = await Network.open();
    await network.output('ipset', 'create', 'banshare-v4', 'hash:ip', 'timeout', '0', 'maxelem', '2');
    await network.output('ipset', 'add', 'banshare-v4', '203.0.113.8');
    const rule = ['-I', 'INPUT', '-m', 'set', '--match-set', 'banshare-v4', 'src', '-j', 'DROP'];
    await network.output('iptables', ...rule);
    const enforcer = new HostSets(ipsetSets(network.run), () => performance.now());
    const wanted = ['203.0.113.1', '203.0.113.2', '203.0.113.3'];
    const effects = await enforcer.carryOut(wanted.map((address) => ban(address)));
    assert.deepEqual(
      effects.map(({ outcome }) => outcome),
      ['applied', 'applied', 'applied'],
    );
    // What it held stands on, until a comparison finds that nobody wants it.
    const held = Object.fromEntries(wanted.map((address) => [address, 3600]));
    await assertHeld(enforcer, { ...held, '203.0.113.8': null });
    assert.equal((await network.output('ipset', 'list', '-n')).trim(), 'banshare-v4\nbanshare-v6');
  },
);

test(
  'ipset: a ban that outlasts the longest timeout is put in place for as long as it goes',
  { skip: noNetwork },
  async () => {
    await using network = await Network.open();
    const enforcer = new HostSets(ipsetSets(network.run), () => performance.now());
    await enforcer.carryOut([ban('203.0.113.1', 30 * 86_400)]);
    // How long it is really meant to stand cannot be seen.
    assert.deepEqual([...(await heldBy(enforcer))], [['203.0.113.1', undefined]]);
  },
);

test('ipset: the rules stand in DOCKER-USER where there is one', { skip: noNetwork }, async () => {
  await using network = await Network.open();
  await network.output('iptables', '-N', 'DOCKER-USER');
  const enforcer = new HostSets(ipsetSets(network.run), () => performance.now());
  await enforcer.carryOut([ban('203.0.113.1')]);
  const rules = await network.output('iptables', '-S');
  for (const chain of ['INPUT', 'FORWARD', 'DOCKER-USER'])
    assert.match(rules, new RegExp(`^-A ${chain} -m set --match-set banshare-v4 src -j DROP$`, 'm'));
  await network.output('iptables', '-F', 'DOCKER-USER');
  assert.equal(await enforcer.isIntact(), false);
});

test(
  'ipset: where the kernel has no IPv6, bans of IPv4 stand, are listed and put back, and those of IPv6 fail',
  { skip: noNetwork },
  async () => {
    await using network = await Network.open();
    const run: typeof network.run = (words, options) =>
      words[0] === 'ip6tables'
        ? Promise.resolve({
            code: 3,
            isTimedOut: false,
            stdout: '',
            stderr: "ip6tables: can't initialize table: Address family not supported by protocol",
            milliseconds: 1,
          })
        : network.run(words, options);
    const enforcer = new HostSets(ipsetSets(run), () => performance.now());
    const outcomes = await enforcer.carryOut([
      ban('203.0.113.1'),
      ban('2001:db8::1'),
      ban('203.0.113.2'),
      ban('2001:db8::2'),
    ]);
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ['applied', 'failed', 'applied', 'failed'],
    );
    assert.equal(await enforcer.isIntact(), true);
    await network.output('iptables', '-F', 'INPUT');
    assert.equal(await enforcer.isIntact(), false);
    const listing = await enforcer.list();
    assert.ok(listing.ok && [...listing.held.values()].some((held) => held.has('203.0.113.1')));
    assert.match(await network.output('iptables', '-S', 'INPUT'), /banshare-v4/);
  },
);
