import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostPaths, type HostPaths } from '@banshare/runtime';

const real: HostPaths = {
  serverConfig: '/etc/banshare/server.toml',
  clientConfig: '/etc/banshare/client.toml',
  keys: {
    dir: '/etc/banshare/keys',
    host: '/etc/banshare/keys/host',
    hostNext: '/etc/banshare/keys/host-next',
    hostBefore: '/etc/banshare/keys/host-before',
    join: '/etc/banshare/keys/join',
    machine: '/etc/banshare/keys/machine',
  },
  machineId: '/etc/machine-id',
  generations: '/etc/banshare/generations',
  firewallHook: '/etc/banshare/firewall-hook',
  firewallOpened: '/etc/banshare/firewall-hook.opened',
  serverState: '/var/lib/banshare/server',
  ledger: '/var/lib/banshare/server/ledger.db',
  clientState: '/var/lib/banshare/client',
  spool: '/var/spool/banshare',
  serverRun: '/run/banshare/server',
  clientRun: '/run/banshare/client',
  serverSocket: '/run/banshare/server/admin.sock',
  clientSocket: '/run/banshare/client/admin.sock',
  notes: '/run/banshare/client/notes',
  sharedBans: '/var/lib/banshare/client/shared-bans',
  serverAddress: '/run/banshare/client/server-address',
  fail2banSocket: '/run/fail2ban/fail2ban.sock',
  psadSocket: '/run/psad/auto_ipt.sock',
  psadBlocked: '/var/log/psad/auto_blocked_iptables',
  root: '/',
};

for (const root of ['', '/']) {
  test(`hostPaths('${root}') are the real places`, () => {
    assert.deepEqual(hostPaths(root), real);
  });
}

test('hostPaths() puts the root before every path', () => {
  const below = JSON.parse(JSON.stringify(real).replaceAll('"/', '"/srv/h1/')) as HostPaths;
  assert.deepEqual(hostPaths('/srv/h1/'), below);
  assert.equal(hostPaths('h1').spool, 'h1/var/spool/banshare');
});
