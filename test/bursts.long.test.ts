import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Address, HostName, JailName, ProgName } from '@banshare/protocol';
import { startFleet } from './fleet/index.ts';
import { hasBanned } from './rotation/rotating.ts';

test('A client that is killed again and again in a burst applies every ban', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const h2 = fleet.host('h2');
  const all = Array.from({ length: 120 }, (_, index) => `198.51.100.${index + 1}`);
  const sent = fleet.report('h1', ['--stdin'], { stdin: all.map((ip) => `fail2ban sshd ${ip}\n`).join('') });
  for (let kills = 0; kills < 3; kills += 1) {
    await h2.commands.next();
    await h2.stop('SIGKILL');
    await h2.start();
  }
  assert.equal((await sent).code, 0);
  await hasBanned(h2, all);
});

test('Whatever was answered OK is applied by every client, though the server is killed in a burst of 300 reports', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2', 'h3'] });
  const accepted: string[] = [];
  const half = Promise.withResolvers<void>();
  const burst = async (name: string, jails: readonly string[]): Promise<void> => {
    const peer = await fleet.peer(name);
    for (const jail of jails) {
      const ip = `203.0.113.${1 + (accepted.length % 200)}`;
      const ban = { ip: ip as Address, prog: 'fail2ban' as ProgName, jail: jail as JailName };
      const answer = await peer.ask({ kind: 'report', sender: (peer.name ?? name) as HostName, report: ban });
      if (answer.ok && answer.reply.status === 'OK') accepted.push(`${jail} ${ip}`);
      if (accepted.length === 120) half.resolve();
    }
  };
  const bursts = Array.from({ length: 5 }, (_, peer) =>
    burst(
      `r${peer}`,
      Array.from({ length: 60 }, (__, index) => `jail-${peer}-${index}`),
    ),
  );
  await half.promise;
  await fleet.server.kill9();
  await fleet.server.start();
  await Promise.all(bursts);
  assert.ok(accepted.length >= 290, `${accepted.length} of 300 were accepted`);
  for (const host of fleet.hosts.values()) {
    const missing = new Set(accepted);
    for (const [, jail, , ip] of host.commands.all) missing.delete(`${jail} ${ip}`);
    while (missing.size > 0) {
      const [, jail, , ip] = await host.commands.next();
      missing.delete(`${jail} ${ip}`);
    }
  }
});
