import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Network, noNetwork } from '../../packages/client/test/enforcers/network.ts';
import { Fleet, makeFleetKeys, startFleet, untilAnswered, type FleetHost } from '../fleet/index.ts';

const SEND_FROM = join(import.meta.dirname, '../../packages/client/test/fixtures/send-from.ts');

type Status = { worth: { packets: number; hosts: number; unknown: { name: string; why: string }[] } };

/** Lays out a host that bans in its own sets of nftables. */
function layNftables(fleet: Fleet, name: string): FleetHost {
  const host = fleet.layHost(name);
  const toml = readFileSync(host.paths.clientConfig, 'utf8');
  host.writeToml(toml.replace(host.applyLines, '[apply]\nenforcer = "nftables"\n'));
  return host;
}

test(
  "What a ban of another host has dropped outlasts the client's restart, and is told in status, hosts, explain, metrics and on the host; where nothing counts it is unknown",
  { skip: noNetwork },
  async () => {
    await using network = await Network.open();
    await network.output('ip', 'route', 'add', 'local', '203.0.113.0/24', 'dev', 'lo');
    const through = network.entering();
    await using fleet = new Fleet(await makeFleetKeys());
    const { server } = fleet;
    await server.start({ through });
    await fleet.layHost('h1').start({ through });
    const h2 = layNftables(fleet, 'h2');
    await h2.start({ through });
    const words = ['--duration', '1h', 'fail2ban', 'sshd', '203.0.113.7'];
    assert.equal((await fleet.report('h1', words, { through })).code, 0);
    await h2.line(/Ban .*203\.0\.113\.7/);
    const dropped = async (packets: number): Promise<Status> => {
      await network.output(process.execPath, SEND_FROM, ...Array<string>(3).fill('203.0.113.7'));
      // A client reads when it starts, and then each minute; its sums go on from those before.
      await h2.stop();
      await h2.start({ through });
      return untilAnswered(
        async () => {
          const status = JSON.parse((await server.command('status', '--json')).stdout) as Status;
          return status.worth.packets === packets ? status : undefined;
        },
        20_000,
        () => `${packets} packets in status`,
      );
    };
    await dropped(3);
    const { worth } = await dropped(6);
    assert.equal(worth.hosts, 1);
    assert.deepEqual(
      worth.unknown.map(({ name }) => name),
      ['h1'],
    );
    const says = async (...asked: string[]): Promise<string> => (await server.command(...asked)).stdout;
    assert.match(
      await says('status'),
      /^6 packets of 1 address on 1 host were dropped by bans that another host had found, since 20.*\n {2}Banned before it came: 0 of 1 times.*\n {2}Unknown: h1 \(.*counts nothing/m,
    );
    assert.match(await says('hosts'), /^HOST .* DROPPED .*\nh1 .* unknown .*\nh2 .* 6 /m);
    const explained = await says('explain', '203.0.113.7');
    assert.match(
      explained,
      /^Packets dropped of it:\n {2}h2: 6; the first came within \d+s of the ban being in place there\n {2}unknown: h1 \(/m,
    );
    assert.match(
      await says('explain', '203.0.113.7', '--json'),
      /"host":\s*"h2",\s*"target":\s*"203\.0\.113\.7",\s*"packets":\s*6/,
    );
    const metrics = await says('metrics');
    assert.match(metrics, /^banshare_dropped_packets_total\{host="h2",family="ipv4"\} 6$/m);
    assert.doesNotMatch(metrics, /banshare_dropped_packets_total\{host="h1"/);
    assert.match((await h2.command('status')).stdout, /^Dropped here: 6 packets of IPv4 and 0 of IPv6/m);
    assert.match(
      (await h2.command('metrics')).stdout,
      /^banshare_client_dropped_packets_total\{family="ipv4"\} 6$/m,
    );
    const [h1] = fleet.hosts.values();
    assert.match(
      (await h1?.command('status'))?.stdout ?? '',
      /^What was dropped here is unknown: .*command/m,
    );
  },
);

test('Each host says how many milliseconds a ban took there, and status how many most took', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  assert.equal((await fleet.report('h1', ['--duration', '1h', 'fail2ban', 'sshd', '203.0.113.7'])).code, 0);
  type Timed = { committedMs: number; publishedMs: number; outcomes: { host: string; ms: number | null }[] };
  const timed = await untilAnswered(
    async () => {
      const { stdout } = await fleet.server.command('explain', '203.0.113.7', '--json');
      const [event] = (JSON.parse(stdout) as { events: Timed[] }).events;
      const ms = event?.outcomes.find(({ host }) => host === 'h2')?.ms ?? null;
      return event === undefined || ms === null ? undefined : { ...event, ms };
    },
    20_000,
    () => 'the time that h2 took',
  );
  // A machine that does other things may take its time, and nothing takes none.
  assert.ok(
    timed.publishedMs >= timed.committedMs && timed.ms >= 1 && timed.ms < 10_000,
    JSON.stringify(timed),
  );
  const { stdout } = await fleet.server.command('status');
  assert.match(
    stdout,
    /^Bans of the last hour, since their report came: committed p50 .*; published .*; in place on a host p50 [\d,]+ ms, p99 [\d,]+ ms\.$/m,
  );
  const explained = await fleet.server.command('explain', '203.0.113.7');
  assert.match(explained.stdout, /^ {6}committed \d+ ms and published \d+ ms after it came$/m);
  assert.match(explained.stdout, new RegExp(`^ {6}h2: applied, in place after ${timed.ms} ms`, 'm'));
  const metrics = await fleet.server.command('metrics');
  assert.match(metrics.stdout, /^banshare_applied_seconds_count [12]$/m);
});
