import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HostName } from '@banshare/protocol';
import {
  hostPaths,
  readClientConfig,
  type ClientConfig,
  type HostPaths,
  type Servers,
} from '@banshare/runtime';
import { makeCurvePair, makeIdentity, writeHostKey } from '@banshare/transport';
import { takePort } from '../../../../test/fleet/ports.ts';
import { mainOf } from '../../../../test/fleet/program.ts';
import { diagnose } from '../../src/cli/diagnose.ts';
import { diagnoseFail2ban } from '../../src/cli/diagnose-fail2ban.ts';
import { exec } from '../../src/host/exec.ts';
import { noFail2ban, RealFail2ban } from '../fail2ban/real-fail2ban.ts';
import { HandMadeServer } from '../hand-made-server.ts';
import { folder } from '../make.ts';

const MAIN = mainOf('client');
const nowSeconds = (): number => Date.now() / 1000;

async function configOf(toml: string, directory: string): Promise<ClientConfig> {
  const file = join(directory, 'client.toml');
  writeFileSync(file, toml);
  const read = await readClientConfig(file);
  assert.ok(read.ok, read.ok ? '' : read.faults.join());
  return read.config;
}

async function enrolledHost(root: string): Promise<HostPaths> {
  const paths = hostPaths(root);
  mkdirSync(paths.keys.dir, { recursive: true, mode: 0o700 });
  writeHostKey(paths.keys.host, await makeIdentity(), 'web1' as HostName);
  return paths;
}

/** What is found between an enrolled host and that server; the findings that are not in order begin with "!". */
async function findings(
  server: HandMadeServer,
  more: {
    ports?: { report: number; publish: number };
    servers?: Servers;
    serverPublicKey?: string;
    enrol?: boolean;
    toml?: string;
  } = {},
): Promise<string> {
  using scratch = folder();
  const paths = more.enrol === false ? hostPaths(scratch.path) : await enrolledHost(scratch.path);
  const { report, publish } = more.ports ?? server.ports;
  const endpoint = {
    servers: more.servers ?? (['127.0.0.1'] as const),
    reportPort: report,
    publishPort: publish,
    serverPublicKey: more.serverPublicKey ?? server.curve.publicKey,
  };
  const toml = more.toml ?? '[apply]\nenforcer = "none"\n';
  const found = await diagnose(await configOf(toml, scratch.path), endpoint, paths);
  return found.map(({ ok, says }) => `${ok ? '' : '! '}${says}`).join('\n');
}

test('diagnose() finds everything in order where it is', async () => {
  await using server = await HandMadeServer.start();
  server.now = nowSeconds();
  const found = await findings(server);
  assert.doesNotMatch(found, /^!/m);
  assert.match(
    found,
    /The report port \d+ of 127\.0\.0\.1 is open\.\nThe publish port \d+ of 127\.0\.0\.1 is open\./,
  );
  assert.match(found, /The server knows this host as web1\.\nThis host's clock agrees/);
});

test('diagnose() says which way the bans of psad go', async () => {
  await using server = await HandMadeServer.start();
  server.now = nowSeconds();
  const toml = '[apply]\nenforcer = "fail2ban"\n';
  assert.match(await findings(server, { toml }), /^Bans of psad go to fail2ban: psad does not run here/m);
  assert.doesNotMatch(await findings(server), /psad/);
});

test('diagnose() tells which port is closed', async () => {
  await using server = await HandMadeServer.start();
  server.now = nowSeconds();
  const closed = takePort();
  const found = await findings(server, { ports: { report: server.ports.report, publish: closed } });
  assert.match(found, new RegExp(`^! The publish port ${closed} of 127\\.0\\.0\\.1 is closed`, 'm'));
  assert.match(found, /The report port \d+ of 127\.0\.0\.1 is open/);
  const other = await findings(server, { ports: { report: closed, publish: server.ports.publish } });
  assert.match(other, new RegExp(`^! The report port ${closed} of 127\\.0\\.0\\.1 is closed`, 'm'));
});

test('diagnose() tells a server of another generation', async () => {
  await using server = await HandMadeServer.start();
  const other = await makeCurvePair();
  assert.match(
    await findings(server, { serverPublicKey: other.publicKey }),
    /^! The server does not answer.*wrong generation/m,
  );
});

test('diagnose() tells that the server does not know the key of this host', async () => {
  await using server = await HandMadeServer.start();
  server.admission = 'refuse';
  assert.match(
    await findings(server),
    /^! The server does not admit the key of this host: .*client-install\.sh, run here again/m,
  );
});

test('diagnose() tells that this host is not enrolled', async () => {
  await using server = await HandMadeServer.start();
  assert.match(await findings(server, { enrol: false }), /^! Not enrolled: .*banshare-client key/m);
});

for (const [what, ahead] of [
  ['ahead of', 7200],
  ['behind', -7200],
] as const) {
  test(`diagnose() tells a clock that is two hours ${what} the server's`, async () => {
    await using server = await HandMadeServer.start();
    // A clock that goes on, however long the looking takes.
    Object.defineProperty(server, 'now', { get: () => nowSeconds() - ahead });
    assert.match(
      await findings(server),
      new RegExp(`^! This host's clock is 7(199|20[0-9]) s ${what} the server's`, 'm'),
    );
  });
}

test('diagnose() tells a name that does not resolve', async () => {
  await using server = await HandMadeServer.start();
  assert.match(
    await findings(server, { servers: ['nosuch.invalid'] }),
    /^! Cannot resolve the server's name "nosuch\.invalid"/,
  );
});

test('diagnose() looks at each of several servers, and names the one that is not there', async () => {
  await using server = await HandMadeServer.start();
  server.now = nowSeconds();
  const found = await findings(server, { servers: ['127.0.0.1', '127.0.0.2', 'nosuch.invalid'] });
  assert.match(found, /^The report port \d+ of 127\.0\.0\.1 is open/m);
  assert.match(found, /^The server 127\.0\.0\.1 knows this host as web1/m);
  assert.match(found, /^! The report port \d+ of 127\.0\.0\.2 is closed/m);
  assert.match(found, /^! Cannot resolve the server's name "nosuch\.invalid"/m);
});

const isRoot = process.getuid?.() === 0;
const namespaced = isRoot && spawnSync('unshare', ['-n', 'nft', 'list', 'tables']).status === 0;
test(
  'diagnose() tells a port that a firewall drops',
  { skip: namespaced ? false : 'needs root, unshare and nft' },
  () => {
    using scratch = folder();
    const paths = hostPaths(scratch.path);
    mkdirSync(paths.keys.dir, { recursive: true });
    const key = '0'.repeat(40);
    writeFileSync(
      paths.clientConfig,
      `server = "127.0.0.1"\nreport-port = 20001\npublish-port = 20002\nserver-public-key = "${key}"\n[apply]\nenforcer = "none"\n`,
    );
    const script = `ip link set lo up && nft add table inet t && nft add chain inet t in '{ type filter hook input priority 0; }' &&
    nft add rule inet t in tcp dport 20001 drop && exec "$@"`;
    const ran = spawnSync('unshare', [
      '-n',
      'sh',
      '-c',
      script,
      'sh',
      process.execPath,
      MAIN,
      'status',
      '--root',
      scratch.path,
    ]);
    assert.match(
      String(ran.stdout),
      /! {2}The report port 20001 of 127\.0\.0\.1 is filtered/,
      String(ran.stderr),
    );
    assert.match(String(ran.stdout), /! {2}The publish port 20002 of 127\.0\.0\.1 is closed/);
    assert.equal(ran.status, 69);
  },
);

/** A fail2ban-client that answers as the real one does; jails with their actions. */
async function fail2ban(
  jails: Readonly<Record<string, string>>,
  before = '',
  host: { socket?: string; followed?: string[] } = {},
): Promise<string> {
  using scratch = folder();
  const client = join(scratch.path, 'fail2ban-client');
  const actions = Object.entries(jails).map(
    ([name, list]) =>
      `"get ${name} actions") printf 'The jail ${name} has the following actions:\\n${list}\\n';;`,
  );
  writeFileSync(
    client,
    `#!/bin/sh\n${before}\ncase "$*" in status) printf 'Status\\n|- Number of jail:\\t2\\n\`- Jail list:\\t${Object.keys(jails).join(', ')}\\n';;\n${actions.join('\n')}\nesac\n`,
    { mode: 0o755 },
  );
  const config = await configOf(`[apply]\ncommand = "'${client}' set JAIL banip SRCIP"\n`, scratch.path);
  const found = await diagnoseFail2ban(config, {
    socket: host.socket ?? join(scratch.path, 'nothing.sock'),
    run: (words) => exec(words, 20_000, () => performance.now()),
    followed: () => host.followed ?? [],
  });
  return found.map(({ ok, says }) => `${ok ? '' : '! '}${says}`).join('\n');
}

test('diagnoseFail2ban() names the jails that report', async () => {
  const found = await fail2ban({ banshare: 'nftables', nginx: 'nftables', sshd: 'nftables, banshare' });
  assert.equal(found, 'These jails report: sshd.');
});

test('diagnoseFail2ban() misses the jail for foreign bans, and a jail that reports', async () => {
  const found = await fail2ban({ sshd: 'nftables', nginx: 'banshare-other' });
  assert.match(found, /^! fail2ban has no jail "banshare"/m);
  assert.match(found, /^! No jail reports: add the action banshare/m);
});

test('diagnoseFail2ban() tells that fail2ban does not run', async () => {
  const found = await fail2ban(
    {},
    'echo "Failed to access socket path: /x. Is fail2ban running?" >&2; exit 255',
  );
  assert.equal(found, '! fail2ban does not run: Failed to access socket path: /x. Is fail2ban running?');
});

test('diagnoseFail2ban() asks nothing where the command is not fail2ban-client', async () => {
  using scratch = folder();
  const config = await configOf('[apply]\ncommand = "/sbin/ban SRCIP"\n', scratch.path);
  const found = await diagnoseFail2ban(config, {
    socket: join(scratch.path, 'nothing.sock'),
    run: () => Promise.reject(new Error('asked')),
    followed: () => [],
  });
  assert.deepEqual(found, []);
});

test('diagnoseFail2ban() knows that a follower reports for every jail in its log', async () => {
  const found = await fail2ban({ banshare: 'nftables', sshd: 'nftables' }, '', {
    followed: ['/var/log/fail2ban.log'],
  });
  assert.equal(found, 'banshare-report follows /var/log/fail2ban.log: the jails in it report.');
});

test(
  'diagnoseFail2ban() finds by the socket the one jail of forty that reports, by an action with a name of its own',
  { skip: noFail2ban },
  async () => {
    const jails = ['banshare', ...Array.from({ length: 39 }, (_, index) => `site${index}`), 'zz-sshd'];
    await using real = new RealFail2ban(jails);
    writeFileSync(
      join(real.path, 'action.d/own.conf'),
      '[Definition]\nactionban = /usr/bin/banshare-report fail2ban <name> <ip>\n',
    );
    writeFileSync(
      join(real.path, 'jail.local'),
      '[zz-sshd]\naction = own[actname=to-the-fleet]\n[site3]\naction = own[actname=other, actionban="true banshare"]\n',
    );
    await real.start();
    const found = await fail2ban({}, 'exit 1', { socket: real.socket });
    assert.equal(found, 'These jails report: zz-sshd.');
  },
);
