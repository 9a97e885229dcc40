import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { bannedIn } from './ground/fail2ban.ts';
import { startFleet, type Fleet } from './ground/fleet.ts';
import type { Host } from './ground/host.ts';
import { skipReason } from './ground/requirements.ts';

const skip = skipReason();
const spool = '/var/spool/banshare';
const called = '/var/log/called.log';

test(
  'with no server 20 attackers at once are all banned within 5 s and wait in the spool',
  { skip },
  async (t) => {
    await using fleet = await startFleet({ hosts: ['h1'] });
    const h1 = fleet.host('h1');
    const report =
      '/usr/bin/banshare-report --duration="<bantime>" fail2ban "<name>" "<ip>"; echo "<ip> $?" >>';
    await h1.write('/etc/fail2ban/action.d/banshare.local', `[Definition]\nactionban = ${report}${called}\n`);
    await h1.output(['fail2ban-client', 'reload', '--restart', 'sshd']);

    // Where this machine is slow or busy, 5 s is less than 20 reports take with a server; then one time limit of 2 s may
    // come on top, fail2ban's own sleep, and what a busy machine differs from one attack to the next.
    const usual = await attackByTwenty(h1, fleet, (n) => `203.0.113.${n}`);
    const limit = Math.max(5, 1.5 * usual + 2.5);
    const attack = async (address: (n: number) => string): Promise<void> => {
      const seconds = await attackByTwenty(h1, fleet, address);
      const words = `the last firewall ban after ${seconds.toFixed(2)} s, with a server after ${usual.toFixed(2)} s`;
      t.diagnostic(words);
      assert.ok(seconds < limit, words);
      assert.deepEqual((await spooled(h1)).toSorted(), twenty(address).toSorted());
    };

    await t.test('the server hangs', async () => {
      const server = fleet.daemon(fleet.server);
      await server.freeze();
      try {
        await attack((n) => `203.0.113.${n + 20}`);
      } finally {
        await server.thaw();
      }
    });
    await fleet.stop(fleet.server);
    await t.test('the server is stopped', () => attack((n) => `203.0.113.${n + 40}`));
    await fleet.stop(h1);
    await t.test('the packets to the server are dropped', async () => {
      await fleet.server.output(['nft', '-f', '-'], { input: dropAll });
      await attack((n) => `198.51.100.${n}`);
    });
    await t.test('SERVER is a name and the resolver is silent', async () => {
      await h1.write('/etc/banshare/client.toml', 'server = "bans.example.org"\n');
      await h1.write('/etc/resolv.conf', `nameserver ${await fleet.lab.attacker.silentResolver()}\n`);
      await h1.output(['rm', '-f', '/run/banshare/client/server-address']);
      await attack((n) => `2001:db8:bad::${n}`);
    });
  },
);

const dropAll = [
  'add table inet lab',
  'add chain inet lab in { type filter hook input priority -200; }',
  'add rule inet lab in drop',
].join('\n');

function twenty(address: (n: number) => string): string[] {
  return Array.from({ length: 20 }, (_, n) => address(n + 1));
}

/** Returns the seconds until the firewall drops the last one; each reporter has to run once and to succeed. */
async function attackByTwenty(host: Host, fleet: Fleet, address: (n: number) => string): Promise<number> {
  await host.output(['sh', '-c', `rm -f ${spool}/*.json ${spool}/.no-server; : >${called}`]);
  const ips = twenty(address);
  const start = performance.now();
  for (const ip of ips) await fleet.lab.attacker.failLogin(host, ip);
  const areAllBanned = (rules: string): boolean => {
    const now = bannedIn(rules, 'sshd');
    return ips.every((ip) => now.includes(ip));
  };
  await host.untilFirewall(areAllBanned, `all of ${ips.join(' ')}`, 60_000);
  const seconds = (performance.now() - start) / 1000;
  const lines = await host.untilLines(called, /./, 20, 60_000);
  assert.deepEqual(lines.toSorted(), ips.map((ip) => `${ip} 0`).toSorted());
  return seconds;
}

async function spooled(host: Host): Promise<string[]> {
  const names = (await readdir(host.outside(spool))).filter((name) => name.endsWith('.json'));
  const reports = await Promise.all(names.map((name) => host.read(`${spool}/${name}`)));
  return reports.map((text) => (JSON.parse(text) as { report: { ip: string } }).report.ip);
}
