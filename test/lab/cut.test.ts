import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE_MS, untilTrue } from './ground/deadline.ts';
import { startFleet, type Fleet } from './ground/fleet.ts';
import type { Host } from './ground/host.ts';
import { skipReason } from './ground/requirements.ts';
import type { Running } from './ground/running.ts';

/** An attacker whose connection stands, and somebody else. */
const ATTACKER = '203.0.113.7';
const OTHER = '203.0.113.8';
const ATTACKER6 = '2001:db8:bad::7';

/** A network behind h2, whose one machine is reached over IPv4 by h2's port 8080 alone, and over IPv6 by its own address. */
const INNER6 = 'fd77::2';
const PORT = 8080;

const kinds = { nftables: [], ipset: ['ipset', 'iptables'] } as const;

for (const [kind, programs] of Object.entries(kinds)) {
  const skip = skipReason('nc', ...programs);
  const start = (): Promise<Fleet> =>
    startFleet({ hosts: ['h2'], clientConfig: { h2: `[apply]\nenforcer = "${kind}"\n` } });

  test(`${kind}: a ban cuts the connections that stand, and only the attacker's`, { skip }, async () => {
    await using fleet = await start();
    const h2 = fleet.host('h2');
    await using attacked = await connection(fleet, h2, ATTACKER, 9001);
    await using other = await connection(fleet, h2, OTHER, 9002);
    await fleet.server.output(['banshare-server', 'ban', ATTACKER]);
    await fleet.lab.attacker.untilDropped(h2, ATTACKER);
    const before = await dropped(h2, kind, 'input');
    attacked.attacker.say('after the ban\n');
    other.attacker.say('after the ban\n');
    await other.server.line(/^after the ban$/);
    await untilTrue(
      PATIENCE_MS,
      'its packets to be dropped',
      async () => (await dropped(h2, kind, 'input')) > before,
    );
    assert.ok(!attacked.server.lines.includes('after the ban'));
    // Its packets are sent again and again.
    await fleet.server.output(['banshare-server', 'unban', ATTACKER]);
    await attacked.server.line(/^after the ban$/, 60_000);
  });

  test(`${kind}: what h2 forwards is dropped too, also behind NAT`, { skip }, async () => {
    await using fleet = await start();
    const h2 = fleet.host('h2');
    const { agent } = fleet.lab.attacker.host;
    await using _inner = await networkBehind(h2, fleet.lab.attacker.host);
    const toInner = (from: string, patienceMs = 5_000): ReturnType<typeof agent.connect> =>
      agent.connect(from, from.includes(':') ? INNER6 : h2.addresses.ipv4, PORT, patienceMs);
    for (const from of [ATTACKER, OTHER, ATTACKER6]) assert.equal(await toInner(from), 'connected', from);
    for (const from of [ATTACKER, ATTACKER6]) {
      await fleet.server.output(['banshare-server', 'ban', from]);
      await fleet.lab.attacker.untilDropped(h2, from);
    }
    const before = await dropped(h2, kind, 'forward');
    for (const from of [ATTACKER, ATTACKER6]) assert.equal(await toInner(from, 400), 'silence', from);
    assert.ok((await dropped(h2, kind, 'forward')) > before, 'the packets were dropped in FORWARD');
    assert.equal(await toInner(OTHER), 'connected');
    for (const from of [ATTACKER, ATTACKER6]) {
      await fleet.server.output(['banshare-server', 'unban', from]);
      await untilTrue(
        PATIENCE_MS,
        `${from} to be let through`,
        async () => (await toInner(from)) === 'connected',
      );
    }
  });
}

/** A connection from an attacker's address to a host, over which a line has come already. */
async function connection(
  fleet: Fleet,
  host: Host,
  from: string,
  port: number,
): Promise<{ server: Running; attacker: Running } & AsyncDisposable> {
  const server = host.spawn(['nc', '-l', '-v', '-n', String(port)]);
  await server.line(/^Listening on/);
  const attacker = fleet.lab.attacker.host.spawn(['nc', '-s', from, host.addresses.ipv4, String(port)]);
  attacker.say('before the ban\n');
  await server.line(/^before the ban$/);
  return {
    server,
    attacker,
    [Symbol.asyncDispose]: async () => {
      await attacker[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** How many packets of IPv4 the rules of banshare have dropped in a chain. */
async function dropped(host: Host, kind: string, chain: 'input' | 'forward'): Promise<number> {
  if (kind === 'nftables') {
    const text = await host.output(['nft', 'list', 'chain', 'inet', 'banshare', chain]);
    return Number(/@v4 counter packets (\d+)/.exec(text)?.[1]);
  }
  const text = await host.output(['iptables', '-nvxL', chain.toUpperCase()]);
  return Number(/^ *(\d+) .*match-set banshare-v4 src/m.exec(text)?.[1]);
}

/** Puts a machine into a network behind a host, which forwards to it. */
async function networkBehind(host: Host, attacker: Host): Promise<Running> {
  const inner = host.spawn(['unshare', '--net', 'sh', '-c', 'echo "pid $$"; exec cat']);
  const pid = (await inner.line(/^pid \d+$/)).replace('pid ', '');
  const within = (...words: string[]): string => ['nsenter', '-t', pid, '-n', ...words].join(' ');
  const script = [
    'sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1',
    `ip link add inner0 type veth peer name eth0 netns ${pid}`,
    'echo 0 >/proc/sys/net/ipv6/conf/inner0/accept_dad',
    'ip addr add 192.168.77.1/24 dev inner0',
    'ip addr add fd77::1/64 dev inner0 nodad',
    'ip link set inner0 up',
    within('ip link set lo up'),
    within('ip addr add 192.168.77.2/24 dev eth0'),
    within(`ip addr add ${INNER6}/64 dev eth0 nodad`),
    within('ip link set eth0 up'),
    within('ip route add default via 192.168.77.1'),
    within('ip -6 route add default via fd77::1'),
    'nft add table ip lab',
    "nft 'add chain ip lab pre { type nat hook prerouting priority -100; }'",
    `nft add rule ip lab pre tcp dport ${PORT} dnat to 192.168.77.2:${PORT}`,
  ];
  await host.output(['sh', '-ec', script.join('\n')]);
  await attacker.output(['ip', '-6', 'route', 'add', 'fd77::/64', 'via', host.addresses.ipv6]);
  const server = host.spawn(['nsenter', '-t', pid, '-n', 'nc', '-l', '-k', '-v', '-n', '::', String(PORT)]);
  const server4 = host.spawn([
    'nsenter',
    '-t',
    pid,
    '-n',
    'nc',
    '-l',
    '-k',
    '-v',
    '-n',
    '0.0.0.0',
    String(PORT),
  ]);
  await Promise.all([server.line(/^Listening on/), server4.line(/^Listening on/)]);
  return inner;
}
