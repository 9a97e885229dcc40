import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ClientConfig } from '@banshare/runtime';
import { exec } from '../../src/host/exec.ts';
import { readerByClient, readerOverSocket, type IgnoreLists } from '../../src/protection/ignoreip-readers.ts';
import { IgnoreIp } from '../../src/protection/fail2ban-ignoreip.ts';
import { Protection } from '../../src/protection/protect.ts';
import { noFail2ban, RealFail2ban } from '../fail2ban/real-fail2ban.ts';
import { folder, ip } from '../make.ts';

const nobody = (): Promise<undefined> => Promise.resolve(undefined);
const run = (words: readonly string[]): ReturnType<typeof exec> =>
  exec(words, 20_000, () => performance.now(), { keptBytes: 1e6 });
const configOf = (command: string): Pick<ClientConfig, 'apply' | 'enforcer'> =>
  ({ enforcer: [], apply: { enforcer: 'command', command } }) as never;

test(
  'The ignoreip of each jail of a real fail2ban is read, and a name that nobody resolves is told',
  { skip: noFail2ban },
  async () => {
    await using fail2ban = new RealFail2ban(['sshd', 'nginx', 'banshare']);
    await fail2ban.start();
    fail2ban.client('set', 'sshd', 'addignoreip', '203.0.113.7');
    fail2ban.client('set', 'sshd', 'addignoreip', '2001:db8:7::/48');
    fail2ban.client('set', 'nginx', 'addignoreip', '198.51.100.9/24');
    fail2ban.client('set', 'nginx', 'addignoreip', 'office.example.org');
    const ignored = new IgnoreIp([readerOverSocket(fail2ban.socket)], nobody);
    assert.equal(ignored.all.ruleFor(ip('203.0.113.7')), undefined);
    assert.equal(await ignored.read(), true);
    assert.equal(ignored.unknown.length, 1);
    assert.match(
      ignored.unknown[0]!,
      /^"office\.example\.org" of fail2ban's ignoreip \(nginx\) is a name that no resolver of this host knows/,
    );
    const rule = "203.0.113.7/32 of fail2ban's ignoreip in jail sshd";
    assert.equal(ignored.of('sshd').ruleFor(ip('203.0.113.7')), rule);
    assert.match(ignored.of('sshd').ruleFor(ip('2001:db8:7::1')) ?? '', /jail sshd$/);
    assert.equal(ignored.of('nginx').ruleFor(ip('203.0.113.7')), undefined);
    assert.match(
      ignored.of('nginx').ruleFor(ip('198.51.100.1')) ?? '',
      /^198\.51\.100\.0\/24 of .* jail nginx$/,
    );
    assert.equal(ignored.of('a jail that is not there').ruleFor(ip('203.0.113.7')), rule);
    assert.equal(ignored.all.ruleFor(ip('203.0.113.7')), rule);

    fail2ban.client('set', 'sshd', 'delignoreip', '203.0.113.7');
    assert.equal(await ignored.read(), true);
    assert.equal(ignored.of('sshd').ruleFor(ip('203.0.113.7')), undefined);

    await fail2ban.end();
    assert.equal(await ignored.read(), false);
    assert.match(ignored.of('nginx').ruleFor(ip('198.51.100.1')) ?? '', /jail nginx$/);
  },
);

test(
  'Where bans go by fail2ban’s client, with its own options, ignoreip is asked for the same way',
  { skip: noFail2ban },
  async () => {
    await using fail2ban = new RealFail2ban(['sshd', 'banshare']);
    await fail2ban.start();
    fail2ban.client('set', 'sshd', 'addignoreip', '203.0.113.7');
    fail2ban.client('set', 'sshd', 'addignoreip', '2001:db8:7::/48');
    const command = `/usr/bin/fail2ban-client -c ${fail2ban.path} -s ${fail2ban.socket} set JAIL banip SRCIP`;
    const reader = readerByClient(configOf(command), run);
    assert.ok(reader !== undefined);
    const ignored = new IgnoreIp([readerOverSocket('/nonexistent.sock'), reader], nobody);
    assert.equal(await ignored.read(), true);
    assert.match(ignored.of('sshd').ruleFor(ip('203.0.113.7')) ?? '', /in jail sshd$/);
    assert.match(ignored.all.ruleFor(ip('2001:db8:7::1')) ?? '', /in jail sshd$/);
    assert.deepEqual(ignored.unknown, []);
    await fail2ban.end();
    await assert.rejects(ignored.read(), /fail2ban-client .* status: exit 255/);
    assert.match(ignored.unknown.join(), /^The ignoreip of fail2ban's jails cannot be read: /);
    assert.match(
      ignored.of('sshd').ruleFor(ip('203.0.113.7')) ?? '',
      /in jail sshd$/,
      'what it said last counts',
    );
  },
);

test('A client in a container is asked there, and a command that is none of fail2ban’s is not asked', async () => {
  using scratch = folder();
  const docker = join(scratch.path, 'docker');
  const script = [
    '#!/bin/sh',
    `echo "$*" >>${scratch.path}/asked`,
    'case "$*" in',
    "*status) printf 'Status\\n|- Number of jail:\\t2\\n`- Jail list:\\tsshd, web\\n' ;;",
    "*'sshd ignoreip') printf 'These IP addresses/networks are ignored:\\n|- 203.0.113.7\\n`- home.example.org\\n' ;;",
    "*) echo 'No IP address/network is ignored' ;;",
    'esac',
  ];
  writeFileSync(docker, `${script.join('\n')}\n`);
  chmodSync(docker, 0o755);
  const reader = readerByClient(configOf(`${docker} exec f2b fail2ban-client set JAIL banip SRCIP`), run);
  const lists: IgnoreLists = (await reader?.()) ?? new Map();
  assert.deepEqual(
    [...lists],
    [
      ['sshd', ['203.0.113.7', 'home.example.org']],
      ['web', []],
    ],
  );
  assert.equal(readerByClient(configOf('/usr/local/bin/ban SRCIP'), run), undefined);
  const elsewhere = {
    enforcer: [{ kind: 'nftables' }],
    apply: { command: '/usr/bin/fail2ban-client set JAIL banip SRCIP' },
  };
  assert.equal(readerByClient(elsewhere as never, run), undefined);
});

test('A list as long as the networks of some countries is read to its end, and one that is not whole is said and none', async () => {
  using scratch = folder();
  const client = join(scratch.path, 'fail2ban-client');
  const lay = (count: number): void => {
    const list = `seq ${count} | awk '{ printf "|- 198.51.%d.%d\\n", int($1 / 250) % 250, $1 % 250 }'; echo '\`- 203.0.113.45'`;
    const status = "printf 'Status\\n`- Jail list:\\tsshd\\n'";
    writeFileSync(client, `#!/bin/sh\ncase "$*" in *status) ${status} ;; *) ${list} ;; esac\n`);
    chmodSync(client, 0o755);
  };
  lay(20_000);
  const parts = {
    config: { ...configOf(`${client} set JAIL banip SRCIP`), addresses: [], neverBan: { addresses: [] } },
  };
  const faults: string[] = [];
  const protection = new Protection({
    ...parts,
    paths: { installedFrom: '/nonexistent', fail2banSocket: '/nonexistent.sock' },
    machine: { proc: scratch.path, passwd: '/nonexistent', resolvers: [] },
    server: { all: () => [], refresh: () => Promise.resolve() },
    fault: (_key: string, text: string) => faults.push(text),
  });
  await protection.refresh();
  assert.match(
    protection.ruleFor(ip('203.0.113.45'), 'sshd')?.text ?? '',
    /of fail2ban's ignoreip in jail sshd/,
  );
  assert.deepEqual(faults, []);

  const short = readerByClient(configOf(`${client} set JAIL banip SRCIP`), (words) =>
    exec(words, 60_000, () => performance.now(), { keptBytes: 64 * 1024 }),
  );
  await assert.rejects(async () => short?.(), /get sshd ignoreip: it said more than 65536 bytes/);
});

test('Names in ignoreip protect what they stand for, and what they stood for last while no resolver answers', async () => {
  const lists = (): Promise<IgnoreLists> =>
    Promise.resolve(
      new Map([['sshd', ['home.example.org', '203.0.113.8', '0x7f000001', '1.2', 'gone.example.org']]]),
    );
  let isAway = false;
  const asked: string[] = [];
  const ignored = new IgnoreIp([lists], async (name) => {
    asked.push(name);
    if (isAway || name !== 'home.example.org') return undefined;
    return ['203.0.113.5', '2001:db8::5'];
  });
  assert.equal(await ignored.read(), true);
  assert.deepEqual(
    asked,
    ['home.example.org', 'gone.example.org'],
    'numbers are not read in a way that nobody meant',
  );
  for (const address of ['203.0.113.5', '2001:db8::5'])
    assert.equal(
      ignored.of('sshd').ruleFor(ip(address)),
      "home.example.org of fail2ban's ignoreip in jail sshd",
    );
  isAway = true;
  assert.equal(await ignored.read(), true);
  assert.ok(ignored.all.ruleFor(ip('203.0.113.5')));
  assert.deepEqual(
    ignored.unknown.map((says) => says.replace(/: who.*/, '')),
    [
      `"0x7f000001" of fail2ban's ignoreip (sshd) is no address, no range and no name`,
      `"1.2" of fail2ban's ignoreip (sshd) is no address, no range and no name`,
      `"gone.example.org" of fail2ban's ignoreip (sshd) is a name that no resolver of this host knows`,
    ],
  );
});

test('A resolver that takes long holds nothing up, and protects once it has answered', async () => {
  let answer: (found: readonly string[]) => void = () => undefined;
  const slow = new Promise<readonly string[]>((resolve) => (answer = resolve));
  const ignored = new IgnoreIp(
    [() => Promise.resolve(new Map([['sshd', ['home.example.org']]]))],
    () => slow,
    1,
  );
  assert.equal(await ignored.read(), true);
  assert.equal(ignored.all.ruleFor(ip('203.0.113.5')), undefined);
  answer(['203.0.113.5']);
  await slow;
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(ignored.all.ruleFor(ip('203.0.113.5')));
});
