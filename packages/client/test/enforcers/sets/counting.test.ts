import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { FOR_EVER, type Target } from '@banshare/protocol';
import { changeOf } from '../../../src/bans/ban-row.ts';
import type { Change } from '../../../src/bans/change.ts';
import { EVERY_JAIL } from '../../../src/enforcers/enforcer.ts';
import { HostSets } from '../../../src/enforcers/sets/host-sets.ts';
import { ipsetSets } from '../../../src/enforcers/sets/ipset.ts';
import { nftSets } from '../../../src/enforcers/sets/nftables.ts';
import type { RunTool } from '../../../src/enforcers/sets/tool.ts';
import { NOW, rowOf } from '../../make.ts';
import { Network, noNetwork } from '../network.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures');

const ban = (target: string, seconds = 3600): Change => ({
  ...changeOf(rowOf({ ip: target as Target }), 'ban', NOW),
  seconds,
});

/** What banshare 0.1 leaves in the kernel: sets that count nothing, with what they hold. */
const OF_BEFORE = {
  nftables: `nft -f - <<'EOF'
add table inet banshare
add set inet banshare v4 { type ipv4_addr; flags timeout; }
add set inet banshare v6 { type ipv6_addr; flags timeout; }
${['input', 'forward']
  .map(
    (hook) => `add chain inet banshare ${hook} { type filter hook ${hook} priority -10; policy accept; }
add rule inet banshare ${hook} ip saddr @v4 counter drop
add rule inet banshare ${hook} ip6 saddr @v6 counter drop`,
  )
  .join('\n')}
add table inet banshare_ranges
add set inet banshare_ranges v4_24 { type ipv4_addr; flags timeout; }
${['input', 'forward']
  .map(
    (
      hook,
    ) => `add chain inet banshare_ranges ${hook}_v4_24 { type filter hook ${hook} priority -10; policy accept; }
add rule inet banshare_ranges ${hook}_v4_24 ip saddr & 255.255.255.0 @v4_24 counter drop`,
  )
  .join('\n')}
add element inet banshare v4 { 203.0.113.7 timeout 900s, 203.0.113.8 }
add element inet banshare v6 { 2001:db8::7 timeout 900s }
add element inet banshare_ranges v4_24 { 198.51.100.0 timeout 900s }
EOF`,
  ipset: `ipset restore <<'EOF' && for set in v4 v4-nets; do for chain in INPUT FORWARD; do
create banshare-v4 hash:ip family inet timeout 0 maxelem 1000000
create banshare-v6 hash:ip family inet6 timeout 0 maxelem 1000000
create banshare-v4-nets hash:net family inet timeout 0 maxelem 1000000
add banshare-v4 203.0.113.7 timeout 900
add banshare-v4 203.0.113.8 timeout 0
add banshare-v6 2001:db8::7 timeout 900
add banshare-v4-nets 198.51.100.0/24 timeout 900
EOF
iptables -I $chain -m set --match-set banshare-$set src -j DROP; done; done
for chain in INPUT FORWARD; do ip6tables -I $chain -m set --match-set banshare-v6 src -j DROP; done`,
};

async function openWithAddresses(): Promise<Network> {
  const network = await Network.open();
  await network.output('sysctl', '-qw', 'net.ipv6.ip_nonlocal_bind=1');
  for (const range of ['203.0.113.0/24', '198.51.100.0/24', '2001:db8::/64'])
    await network.output('ip', 'route', 'add', 'local', range, 'dev', 'lo');
  return network;
}

/** Packets from these addresses, without a pause, while `work` is done: how many were sent, and how many arrived. */
async function whileSending(
  network: Network,
  sources: readonly string[],
  work: () => Promise<void>,
): Promise<{ sent: number; arrived: number }> {
  const [program = '', ...words] = network.entering(
    process.execPath,
    join(FIXTURES, 'send-on.ts'),
    ...sources,
  );
  const sender = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(sender, 'close');
  let said = '';
  const begun = Promise.withResolvers<void>();
  sender.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    begun.resolve();
  });
  await begun.promise;
  try {
    await work();
  } finally {
    sender.stdin.end();
    await ended;
  }
  return JSON.parse(said.trim().split('\n').at(-1) ?? '') as { sent: number; arrived: number };
}

for (const [kind, setsOf] of Object.entries({ nftables: nftSets, ipset: ipsetSets })) {
  const enforcerBy = (run: RunTool): HostSets => new HostSets(setsOf(run), () => performance.now());
  const packetsOf = async (enforcer: HostSets): Promise<Map<string, number>> => {
    const counts = await enforcer.counts();
    assert.ok(counts.ok, JSON.stringify(counts));
    return new Map(counts.packets);
  };

  test(
    `${kind}: each address, range and family counts the packets that are dropped there`,
    { skip: noNetwork },
    async () => {
      await using network = await openWithAddresses();
      const enforcer = enforcerBy(network.run);
      await enforcer.carryOut([
        ban('203.0.113.7'),
        ban('203.0.113.9', FOR_EVER),
        ban('2001:db8::7'),
        ban('198.51.100.0/24'),
      ]);
      assert.deepEqual([...(await packetsOf(enforcer))], []);
      const sources = ['203.0.113.7', '203.0.113.7', '2001:db8::7', '198.51.100.5', '203.0.113.200'];
      await network.output(process.execPath, join(FIXTURES, 'send-from.ts'), ...sources);
      const packets = await packetsOf(enforcer);
      assert.deepEqual(
        [...packets].toSorted(([a], [b]) => a.localeCompare(b)),
        [
          ['198.51.100.0/24', 1],
          ['2001:db8::7', 1],
          ['203.0.113.7', 2],
        ],
      );
    },
  );

  test(
    `${kind}: sets of an earlier version are made anew with all that they hold, and no packet passes meanwhile`,
    { skip: noNetwork },
    async () => {
      await using network = await openWithAddresses();
      await network.output('sh', '-c', OF_BEFORE[kind as keyof typeof OF_BEFORE]);
      const enforcer = enforcerBy(network.run);
      const banned = ['203.0.113.7', '203.0.113.8', '2001:db8::7', '198.51.100.5'];
      const { sent, arrived } = await whileSending(network, banned, async () => {
        await enforcer.carryOut([ban('203.0.113.1')]);
      });
      assert.ok(sent > 100, `${sent} sent`);
      assert.equal(arrived, 0);
      const listing = await enforcer.list();
      assert.ok(listing.ok);
      const held = listing.held.get(EVERY_JAIL);
      assert.deepEqual([...(held?.keys() ?? [])].toSorted(), [
        '198.51.100.0/24',
        '2001:db8::7',
        '203.0.113.1',
        '203.0.113.7',
        '203.0.113.8',
      ]);
      assert.equal(held?.get('203.0.113.8'), null);
      for (const each of ['203.0.113.7', '2001:db8::7', '198.51.100.0/24'])
        assert.ok(Number(held?.get(each)) > 870 && Number(held?.get(each)) <= 900, each);
      assert.equal(await enforcer.isIntact(), true);
      await network.output(process.execPath, join(FIXTURES, 'send-from.ts'), ...banned);
      const packets = await packetsOf(enforcer);
      for (const each of ['203.0.113.7', '203.0.113.8', '2001:db8::7', '198.51.100.0/24'])
        assert.ok((packets.get(each) ?? 0) >= 1, each);
    },
  );

  test(
    `${kind}: a comparison alone has sets of an earlier version count, once`,
    { skip: noNetwork },
    async () => {
      await using network = await openWithAddresses();
      await network.output('sh', '-c', OF_BEFORE[kind as keyof typeof OF_BEFORE]);
      const enforcer = enforcerBy(network.run);
      assert.equal((await enforcer.counts()).ok, false);
      assert.ok((await enforcer.list()).ok);
      assert.ok((await enforcer.counts()).ok);
      const before = network.ran.length;
      assert.ok((await enforcer.list()).ok);
      const changing = network.ran.slice(before).filter((words) => /restore|-f -/.test(words));
      assert.deepEqual(changing, []);
    },
  );

  test(
    `${kind}: a tool that knows no counters bans as before, and says that nothing is counted`,
    { skip: noNetwork },
    async () => {
      await using network = await openWithAddresses();
      // As nft before 0.9.5 and ipset before 6.19: a word that they do not know ends all that they are fed.
      const enforcer = enforcerBy((words, options) =>
        /timeout; counter;|counters/.test(options?.input ?? '')
          ? network.run(['sh', '-c', 'echo syntax error, unexpected counter >&2; exit 1'])
          : network.run(words, options),
      );
      const effects = await enforcer.carryOut([ban('203.0.113.7'), ban('198.51.100.0/24')]);
      assert.deepEqual(
        effects.map(({ outcome }) => outcome),
        ['applied', 'applied'],
      );
      assert.equal(await enforcer.isIntact(), true);
      assert.ok((await enforcer.list()).ok);
      const counts = await enforcer.counts();
      assert.match(counts.ok ? '' : counts.reason, /unexpected counter/);
    },
  );
}

test(
  'nftables: a kernel that takes counters and has none is asked once, and its bans stay',
  { skip: noNetwork },
  async () => {
    await using network = await openWithAddresses();
    // As kernels before 5.7, which pass over what they do not know.
    const enforcer = new HostSets(
      nftSets((words, options) =>
        network.run(
          words,
          options?.input === undefined
            ? options
            : { ...options, input: options.input.replaceAll('timeout; counter;', 'timeout;') },
        ),
      ),
      () => performance.now(),
    );
    await enforcer.carryOut([ban('203.0.113.7')]);
    assert.ok((await enforcer.list()).ok);
    assert.ok((await enforcer.list()).ok);
    const counts = await enforcer.counts();
    assert.match(counts.ok ? '' : counts.reason, /kernel/);
    const before = network.ran.length;
    assert.equal(await enforcer.isIntact(), true);
    assert.ok((await enforcer.list()).ok);
    assert.ok(network.ran.slice(before).every((words) => !words.includes('-f -')));
  },
);

test(
  'nftables: counters are read as versions before 1.0 list them, and as later ones do',
  { skip: noNetwork },
  async () => {
    const listings = [
      `		elements = { 203.0.113.7 timeout 1h expires 59m59s988ms counter packets 5 bytes 300, 203.0.113.8 counter packets 0 bytes 0,
			     203.0.113.9 counter packets 7 bytes 9 }`,
      `		elements = { 203.0.113.7 counter packets 5 bytes 300 timeout 1h expires 59m59s988ms, 203.0.113.8 counter packets 0 bytes 0,
			     203.0.113.9 counter packets 7 bytes 9 }`,
    ];
    for (const listing of listings) {
      const done = { code: 0, isTimedOut: false, stderr: '', milliseconds: 1 };
      const enforcer = new HostSets(
        nftSets((words) => Promise.resolve({ ...done, stdout: words.at(-1) === 'v4' ? listing : '' })),
        () => performance.now(),
      );
      await enforcer.carryOut([ban('203.0.113.7')]);
      const counts = await enforcer.counts();
      assert.deepEqual(counts.ok && [...counts.packets], [
        ['203.0.113.7', 5],
        ['203.0.113.9', 7],
      ]);
    }
  },
);
