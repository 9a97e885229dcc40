import assert from 'node:assert/strict';
import { test } from 'node:test';
import { covers, FOR_EVER, rangeAround, type Address, type Target } from '@banshare/protocol';
import fc from 'fast-check';
import { changeOf } from '../../../src/bans/ban-row.ts';
import { EVERY_JAIL, type Remaining } from '../../../src/enforcers/enforcer.ts';
import { HostSets } from '../../../src/enforcers/sets/host-sets.ts';
import { ipsetSets } from '../../../src/enforcers/sets/ipset.ts';
import { nftSets } from '../../../src/enforcers/sets/nftables.ts';
import { ip, NOW, rowOf } from '../../make.ts';
import { Network, noNetwork } from '../network.ts';
import { Sender } from './sender.ts';
import type { Change } from '../../../src/bans/change.ts';

const ban = (target: string, seconds = 3600): Change => ({
  ...changeOf(rowOf({ ip: target as Target }), 'ban', NOW),
  seconds,
});
const unban = (target: string): Change => ({ ...ban(target, 0), kind: 'unban' });

async function assertHeld(enforcer: HostSets, wanted: Record<string, number | null>): Promise<void> {
  const listing = await enforcer.list();
  assert.ok(listing.ok, JSON.stringify(listing));
  const held: ReadonlyMap<string, Remaining> = listing.held.get(EVERY_JAIL) ?? new Map<string, Remaining>();
  assert.deepEqual(new Set(held.keys()), new Set(Object.keys(wanted)));
  for (const [target, seconds] of Object.entries(wanted)) {
    const left = held.get(target);
    if (seconds === null) assert.equal(left, null, target);
    else assert.ok(typeof left === 'number' && left <= seconds && left > seconds - 20, `${target}: ${left}`);
  }
}

async function assertDone(enforcer: HostSets, ...changes: Change[]): Promise<void> {
  for (const effect of await enforcer.carryOut(changes))
    assert.equal(effect.outcome, 'applied', JSON.stringify(effect));
}

/** Addresses on both sides of many borders. */
const ADDRESSES: Address[] = [
  ...[0, 1].flatMap((two) =>
    [0, 111, 112, 127, 128].flatMap((three) =>
      [0, 1, 127, 128, 254, 255].map((four) => ip(`203.${two}.${three}.${four}`)),
    ),
  ),
  ...['0', '8000'].flatMap((third) =>
    ['1', '7fff'].flatMap((fourth) =>
      ['1', '7fff', '8000', 'ffff'].flatMap((fifth) =>
        ['1', '2', 'ffff'].map((last) => ip(`2001:db8:${third}:${fourth}:${fifth}::${last}`)),
      ),
    ),
  ),
];
const LENGTHS = { ipv4: [16, 17, 20, 23, 24, 25, 31, 32], ipv6: [32, 33, 48, 63, 64, 65, 96, 127, 128] };
/** Addresses and ranges, many of them within one another. */
const TARGET = fc
  .constantFrom(...ADDRESSES)
  .chain((address) =>
    fc
      .constantFrom(...LENGTHS[address.includes(':') ? 'ipv6' : 'ipv4'])
      .map((prefix) => rangeAround(address, prefix)),
  );

for (const [kind, setsOf] of Object.entries({ nftables: nftSets, ipset: ipsetSets })) {
  const enforcerIn = (network: Network): HostSets =>
    new HostSets(setsOf(network.run), () => performance.now());
  const flush = async (network: Network): Promise<void> => {
    if (kind === 'nftables') await network.output('nft', 'flush', 'ruleset');
    else for (const iptables of ['iptables', 'ip6tables']) await network.output(iptables, '-F');
  };
  const dump = (network: Network): Promise<string> =>
    kind === 'nftables' ? network.output('nft', 'list', 'ruleset') : network.output('ipset', 'list');

  test(
    `${kind}: ranges of both families beside addresses, each until its end`,
    { skip: noNetwork },
    async () => {
      await using network = await Network.open();
      const enforcer = enforcerIn(network);
      await assertDone(
        enforcer,
        ban('203.0.113.7', 100),
        ban('203.0.113.0/24', 200),
        ban('2001:db8:0:9::/64', FOR_EVER),
        ban('2001:db8:0:9::7', 300),
        unban('198.51.100.0/24'),
      );
      assert.equal(await enforcer.isIntact(), true);
      await assertHeld(enforcer, {
        '203.0.113.7': 100,
        '203.0.113.0/24': 200,
        '2001:db8:0:9::/64': null,
        '2001:db8:0:9::7': 300,
      });
      await assertDone(enforcer, unban('203.0.113.0/24'), unban('2001:db8:0:9::/64'));
      await assertHeld(enforcer, { '203.0.113.7': 100, '2001:db8:0:9::7': 300 });
    },
  );

  test(
    `${kind}: ranges within one another keep their own ends, whichever came first`,
    { skip: noNetwork },
    async () => {
      await using network = await Network.open();
      const enforcer = enforcerIn(network);
      await assertDone(enforcer, ban('203.0.0.0/16', 100), ban('203.0.113.0/24', 5000));
      await assertDone(
        enforcer,
        ban('198.51.100.0/28', 5000),
        ban('198.51.0.0/16', 100),
        ban('198.51.100.0/24', 900),
      );
      const all = {
        '203.0.0.0/16': 100,
        '203.0.113.0/24': 5000,
        '198.51.100.0/28': 5000,
        '198.51.0.0/16': 100,
        '198.51.100.0/24': 900,
      };
      await assertHeld(enforcer, all);
      await assertDone(enforcer, ban('203.0.0.0/16', 7000), unban('198.51.0.0/16'));
      const { '198.51.0.0/16': _gone, ...rest } = all;
      await assertHeld(enforcer, { ...rest, '203.0.0.0/16': 7000 });
    },
  );

  test(
    `${kind}: a ban of years, or of longer than it can, spoils none beside it`,
    { skip: noNetwork },
    async () => {
      await using network = await Network.open();
      const enforcer = enforcerIn(network);
      const spans = [100_000_000, 876_000 * 3600, Number.MAX_SAFE_INTEGER];
      const targets = spans.flatMap((seconds, n) => [
        [`203.0.113.${n}`, seconds] as const,
        [`198.51.${n}.0/24`, seconds] as const,
        [`2001:db8:${n}::/64`, seconds] as const,
      ]);
      await assertDone(
        enforcer,
        ...targets.map(([of, seconds]) => ban(of, seconds)),
        ban('203.0.113.9', 90_000),
      );
      const listing = await enforcer.list();
      assert.ok(listing.ok);
      const held = listing.held.get(EVERY_JAIL);
      assert.equal(held?.size, targets.length + 1);
      // What lasts longer than can be told has an end that is not known.
      for (const [of, seconds] of targets) assert.ok((held.get(of) ?? seconds) > seconds - 20, of);
      await assertDone(enforcer, ...targets.map(([of]) => unban(of)));
      await assertHeld(enforcer, { '203.0.113.9': 90_000 });
    },
  );

  test(`${kind}: a host without ranges has nothing for them`, { skip: noNetwork }, async () => {
    await using network = await Network.open();
    const enforcer = enforcerIn(network);
    await assertDone(enforcer, ban('203.0.113.7'), unban('203.0.113.0/24'));
    await enforcer.list();
    await assertDone(enforcer, unban('2001:db8::/64'));
    assert.doesNotMatch(await dump(network), /ranges|nets/);
    await assertDone(enforcer, ban('203.0.113.0/24'));
    assert.match(await dump(network), /ranges|nets/);
  });

  test(
    `${kind}: once a length of prefix is there, more ranges of it are one call`,
    { skip: noNetwork },
    async () => {
      await using network = await Network.open();
      const enforcer = enforcerIn(network);
      await assertDone(enforcer, ban('2001:db8::/64'));
      const before = network.ran.length;
      const many = Array.from({ length: 10_000 }, (_, n) => ban(`2001:db8:1:${n.toString(16)}::/64`));
      await assertDone(enforcer, ...many);
      assert.equal(network.ran.length, before + 1);
    },
  );

  test(`${kind}: another process goes on with the ranges that are there`, { skip: noNetwork }, async () => {
    await using network = await Network.open();
    await assertDone(enforcerIn(network), ban('203.0.113.0/24', 100), ban('198.51.0.0/16', 100));
    const next = enforcerIn(network);
    await next.list();
    await assertDone(next, ban('203.0.113.0/24', 5000), unban('198.51.0.0/16'));
    await assertHeld(next, { '203.0.113.0/24': 5000 });
  });

  test(
    `${kind}: a flush is seen where only ranges are banned, and everything is made anew`,
    { skip: noNetwork },
    async () => {
      await using network = await Network.open();
      const enforcer = enforcerIn(network);
      await assertDone(enforcer, ban('203.0.113.0/24'), ban('2001:db8:9::/48'));
      await assertDone(enforcer, ban('203.0.113.7'));
      assert.equal(await enforcer.isIntact(), true);
      await flush(network);
      assert.equal(await enforcer.isIntact(), false);
      // A process that knows nothing of it yet puts a range back; the other rules follow by a listing.
      await assertDone(enforcer, ban('203.0.113.0/24'));
      await enforcer.list();
      assert.equal(await enforcer.isIntact(), true);
    },
  );

  test(
    `${kind}: rules that were lost while no client ran are seen at the next start`,
    { skip: noNetwork },
    async () => {
      await using network = await Network.open();
      await assertDone(enforcerIn(network), ban('203.0.113.7'), ban('203.0.113.0/24'));
      if (kind === 'nftables')
        await network.output('nft', 'flush', 'chain', 'inet', 'banshare_ranges', 'forward_v4_24');
      else
        await network.output(
          'iptables',
          '-D',
          'FORWARD',
          '-m',
          'set',
          '--match-set',
          'banshare-v4-nets',
          'src',
          '-j',
          'DROP',
        );
      const next = enforcerIn(network);
      assert.equal(await next.isIntact(), false);
      await assertHeld(next, { '203.0.113.7': 3600, '203.0.113.0/24': 3600 });
      assert.equal(await next.isIntact(), true);
    },
  );

  test(`${kind}: a range that cannot be banned stops no address beside it`, { skip: noNetwork }, async () => {
    await using network = await Network.open();
    const run: Network['run'] = (words, options) =>
      network.run(/_ranges|-nets/.test(options?.input ?? '') ? ['false'] : words, options);
    const enforcer = new HostSets(setsOf(run), () => performance.now());
    const effects = await enforcer.carryOut([ban('203.0.113.0/24'), ban('203.0.113.7')]);
    assert.deepEqual(
      effects.map(({ outcome }) => outcome),
      ['failed', 'applied'],
    );
  });

  test(
    `${kind}: packets are dropped from every address of a range and from no other`,
    { skip: noNetwork },
    async () => {
      await using network = await Network.open();
      await network.output('sysctl', '-qw', 'net.ipv6.ip_nonlocal_bind=1');
      for (const range of ['202.0.0.0/7', '2001:d00::/24'])
        await network.output('ip', 'route', 'add', 'local', range, 'dev', 'lo');
      await using sender = new Sender(network);
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(TARGET, { minLength: 2, maxLength: 9 }), async (banned) => {
          const enforcer = enforcerIn(network);
          await assertDone(enforcer, ...banned.map((each) => ban(each)));
          const free = ADDRESSES.filter((source) => !banned.some((each) => covers(each, source)));
          assert.deepEqual(new Set(await sender.arrived(ADDRESSES)), new Set(free));
          await assertDone(enforcer, ...banned.map(unban));
        }),
        { numRuns: 15 },
      );
    },
  );

  test(
    `${kind}: whatever ranges and addresses are banned and lifted, just those stand`,
    { skip: noNetwork },
    async () => {
      const change = fc.tuple(TARGET, fc.constantFrom(0, 600, 3600, FOR_EVER));
      await using network = await Network.open();
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.uniqueArray(change, { selector: ([of]) => of, maxLength: 12 }), { maxLength: 4 }),
          async (batches) => {
            const enforcer = enforcerIn(network);
            const model: Record<string, number | null> = {};
            for (const batch of batches) {
              for (const [of, seconds] of batch)
                if (seconds === 0) delete model[of];
                else model[of] = seconds === FOR_EVER ? null : seconds;
              await assertDone(
                enforcer,
                ...batch.map(([of, seconds]) => (seconds === 0 ? unban(of) : ban(of, seconds))),
              );
            }
            await assertHeld(enforcer, model);
            await assertDone(enforcer, ...Object.keys(model).map(unban));
          },
        ),
        { numRuns: 25 },
      );
    },
  );
}
