import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { untilTrue } from './deadline.ts';
import { bannedIn } from './fail2ban.ts';
import { startFleet, type Fleet } from './fleet.ts';
import type { Host } from './host.ts';
import { skipReason } from './requirements.ts';

const skip = skipReason();
const spool = '/var/spool/banshare';

test(
  'with no server 20 attackers at once are all banned within 5 s and wait in the spool',
  { skip },
  async (t) => {
    await using fleet = await startFleet({ hosts: ['h1'] });
    const h1 = fleet.host('h1');
    await h1.write('/etc/fail2ban/action.d/banshare.local', noting());
    await h1.output(['fail2ban-client', 'reload', '--restart', 'sshd']);
    await fleet.stop(fleet.server);

    await t.test('the server is stopped', () => attackByTwenty(fleet, '203.0.113', t.diagnostic.bind(t)));
    await fleet.stop(h1);
    await t.test('the packets to the server are dropped', async () => {
      await fleet.server.output(['nft', '-f', '-'], { input: dropAll });
      await attackByTwenty(fleet, '198.51.100', t.diagnostic.bind(t));
    });
    await t.test('SERVER is a name and the resolver is silent', async () => {
      await h1.write('/etc/banshare/client.toml', 'server = "bans.example.org"\n');
      await h1.write('/etc/resolv.conf', `nameserver ${await fleet.lab.attacker.silentResolver()}\n`);
      await h1.output(['rm', '-f', '/run/banshare/client/server-address']);
      await attackByTwenty(fleet, '2001:db8:bad:', t.diagnostic.bind(t));
    });
  },
);

const dropAll = [
  'add table inet lab',
  'add chain inet lab in { type filter hook input priority -200; }',
  'add rule inet lab in drop',
].join('\n');

function noting(): string {
  const report = '/usr/bin/banshare-report --duration="<bantime>" fail2ban "<name>" "<ip>"';
  return `[Definition]\nactionban = echo "<ip>" >>/var/log/called.log; ${report}\n`;
}

/** The last firewall ban has to come within 5 s of the log lines, each reporter to run once, and each report to be kept. */
async function attackByTwenty(fleet: Fleet, net: string, tell: (line: string) => void): Promise<void> {
  const h1 = fleet.host('h1');
  await h1.output([
    'sh',
    '-c',
    `rm -f ${spool}/*.json ${spool}/.no-server /var/log/called.log; : >/var/log/called.log`,
  ]);
  const separator = net.includes(':') ? ':' : '.';
  const ips = Array.from({ length: 20 }, (_, n) => `${net}${separator}${n + 10}`);
  const start = performance.now();
  for (const ip of ips) await fleet.lab.attacker.failLogin(h1, ip);
  const banned = (rules: string): boolean => {
    const now = bannedIn(rules, 'sshd');
    return ips.every((ip) => now.includes(ip));
  };
  await h1.untilFirewall(banned, `all of ${net}${separator}10-29`);
  const seconds = (performance.now() - start) / 1000;
  tell(`20 attackers banned within ${seconds.toFixed(2)} s`);
  assert.ok(seconds < 5, `the last firewall ban came after ${seconds.toFixed(2)} s`);
  await untilTrue(20_000, '20 reports in the spool of h1', async () => (await spooled(h1)).length >= 20);
  assert.deepEqual((await spooled(h1)).toSorted(), ips.toSorted());
  const called = (await h1.read('/var/log/called.log')).trim().split('\n');
  assert.deepEqual(called.toSorted(), ips.toSorted(), 'each reporter ran once: none failed or hung');
}

async function spooled(host: Host): Promise<string[]> {
  const names = (await readdir(host.outside(spool))).filter((name) => name.endsWith('.json'));
  const reports = await Promise.all(names.map((name) => host.read(`${spool}/${name}`)));
  return reports.map((text) => (JSON.parse(text) as { report: { ip: string } }).report.ip);
}
