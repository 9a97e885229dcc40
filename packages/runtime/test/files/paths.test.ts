import assert from 'node:assert/strict';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostPaths, type HostPaths } from '@banshare/runtime';

const real: HostPaths = {
  serverConfig: '/etc/banshare/server.toml',
  clientConfig: '/etc/banshare/client.toml',
  serverAdditions: '/etc/banshare/server.d',
  clientAdditions: '/etc/banshare/client.d',
  outsideSecrets: '/etc/banshare/outside',
  keys: {
    dir: '/etc/banshare/keys',
    host: '/etc/banshare/keys/host',
    hostNext: '/etc/banshare/keys/host-next',
    hostBefore: '/etc/banshare/keys/host-before',
    join: '/etc/banshare/keys/join',
    token: '/etc/banshare/keys/token',
    machine: '/etc/banshare/keys/machine',
  },
  machineId: '/etc/machine-id',
  joined: '/etc/banshare/joined.json',
  generations: '/etc/banshare/generations',
  ledgerSecret: '/etc/banshare/generations/ledger.secret',
  firewallHook: '/etc/banshare/firewall-hook',
  firewallOpened: '/etc/banshare/firewall-hook.opened',
  serverState: '/var/lib/banshare/server',
  ledger: '/var/lib/banshare/server/ledger.db',
  backupWork: '/var/lib/banshare/backup',
  clientState: '/var/lib/banshare/client',
  installedFrom: '/var/lib/banshare/client/installed-from',
  fleetNote: '/var/lib/banshare/client/fleet.json',
  spool: '/var/spool/banshare',
  serverRun: '/run/banshare/server',
  clientRun: '/run/banshare/client',
  serverSocket: '/run/banshare/server/admin.sock',
  operatorsSocket: '/run/banshare/operators/admin.sock',
  pageSocket: '/run/banshare/page/admin.sock',
  pageLogins: '/run/banshare-web/logins',
  outsideSocket: '/run/banshare/outside/admin.sock',
  messagesSocket: '/run/banshare/messages/admin.sock',
  said: '/var/lib/banshare/outside/said.json',
  mailSocket: '/run/banshare/mail.sock',
  clientSocket: '/run/banshare/client/admin.sock',
  notes: '/run/banshare/client/notes',
  sharedBans: '/var/lib/banshare/client/shared-bans',
  serverAddress: '/run/banshare/client/server-address',
  macKey: '/run/banshare/client/mac-key',
  fail2banSocket: '/run/fail2ban/fail2ban.sock',
  psadSocket: '/run/psad/auto_ipt.sock',
  psadBlocked: '/var/log/psad/auto_blocked_iptables',
  root: '/',
};

for (const root of ['', '/']) {
  test(`hostPaths('${root}') are the real paths`, () => {
    assert.deepEqual(hostPaths(root), real);
  });
}

test('hostPaths() puts the root before every path', () => {
  const below = JSON.parse(JSON.stringify(real).replaceAll('"/', '"/srv/h1/')) as HostPaths;
  assert.deepEqual(hostPaths('/srv/h1/'), below);
  assert.equal(hostPaths('h1').spool, 'h1/var/spool/banshare');
});

test('the installers and units name no path of banshare that the programs do not know', () => {
  const installers = join(import.meta.dirname, '../../../../installers');
  const files = globSync('**/*', { cwd: installers }).map((name) => join(installers, name));
  const texts = files.filter((path) => statSync(path).isFile()).map((path) => readFileSync(path, 'utf8'));
  const ours = /\/(?:etc|var\/lib|var\/spool|run)\/banshare(?:\/[\w.$-]+)*/g;
  const named = texts.flatMap((text) => [...text.matchAll(ours)].map(([path]) => path));
  const ofEach = named.flatMap((path) => ['client', 'server'].map((role) => path.replace('$role', role)));
  const known = [...JSON.stringify(real).matchAll(/"(\/[^"]*)"/g)].map(([, path]) => path ?? '');
  // A key is two files, a generation a folder of that name, and the client makes its database in its folder.
  const more = [
    '/etc/banshare/generations/$generation',
    '/var/lib/banshare/client/state.db',
    // What a step of its tables keeps of it.
    '/var/lib/banshare/server/ledger.db.before-N',
    '/etc/banshare/outside/dead-man-url',
    // What an Ansible role remembers of the installer that it ran.
    '/etc/banshare/installer-client.sha256',
    '/etc/banshare/installer-server.sha256',
  ];
  const unknown = ofEach.filter((path) => {
    const bare = path.replace(/\.key(_secret)?$/, '').replace(/\$$/, '');
    return !more.includes(bare) && !known.some((each) => each === bare || each.startsWith(`${bare}/`));
  });
  assert.deepEqual([...new Set(unknown)], []);
  assert.ok(named.length > 20);
});
