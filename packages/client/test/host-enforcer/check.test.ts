import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { folder } from '../make.ts';
import { noFail2ban } from '../fail2ban/real-fail2ban.ts';

const MAIN = join(import.meta.dirname, '../fixtures/enforcer-check.ts');
const mayHide = spawnSync('unshare', ['--mount', 'true']).status === 0;
const skip = mayHide ? false : 'it needs root, to hide the programs of this machine';

/** What an enforcer says on a host where no program is installed and nothing listens. */
function missing(toml: string, prepare: (root: string) => void = () => undefined): string {
  using scratch = folder();
  const file = join(scratch.path, 'client.toml');
  writeFileSync(file, toml);
  prepare(scratch.path);
  // The last is where `mount` itself is.
  const folders = '/usr/local/sbin /usr/local/bin /usr/sbin /sbin /usr/bin /bin';
  const hide = `for at in ${folders}; do test -L $at || mount -t tmpfs none $at; done; exec "$@"`;
  const words = ['--mount', 'sh', '-c', hide, 'sh', process.execPath, MAIN, scratch.path, file];
  const { stdout, stderr, status } = spawnSync('unshare', words, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.trim().replaceAll(scratch.path, '');
}

for (const [kind, says] of [
  [
    'command',
    'The command "/usr/bin/fail2ban-client" is not there. Install and start fail2ban, or set another [apply] enforcer or command.',
  ],
  [
    'fail2ban',
    'fail2ban does not run: there is no socket "/run/fail2ban/fail2ban.sock". Install and start fail2ban, or set another [apply] enforcer.',
  ],
  [
    'nftables',
    'nftables cannot be used: there is no program "nft". Install nftables, or set another [apply] enforcer.',
  ],
  [
    'ipset',
    [
      'ipset cannot be used: there is no program "ipset". Install ipset, or set another [apply] enforcer.',
      'iptables cannot be used: there is no program "iptables". Install iptables, or set another [apply] enforcer.',
      'ip6tables cannot be used: there is no program "ip6tables". Install iptables, or set another [apply] enforcer.',
    ].join('\n'),
  ],
  [
    'log',
    'The log "/var/log/shared.log" cannot be written: its folder is not there. Make it, or set another [apply] log-file.',
  ],
  [
    'psad',
    'psad does not listen at "/run/psad/auto_ipt.sock". Install and start psad, with ENABLE_AUTO_IDS Y in /etc/psad/psad.conf.',
  ],
  ['none', ''],
] as const) {
  test(`${kind}: on a host without its program it says what to install or start`, { skip }, () => {
    assert.equal(missing(`[apply]\nenforcer = "${kind}"\n`), says);
  });
}

test('A command of a person that is not there is named, by a path or without one', { skip }, () => {
  for (const command of ['/opt/ban', 'ban']) {
    const toml = `[apply]\ncommand = "${command} SRCIP"\nunban-command = "${command} SRCIP"\n`;
    assert.equal(
      missing(toml),
      `The command "${command}" is not there. Install it, or set another [apply] enforcer or command.`,
    );
  }
});

test('By default it says that fail2ban does not run where it is installed', { skip: noFail2ban }, () => {
  using scratch = folder();
  const file = join(scratch.path, 'client.toml');
  writeFileSync(file, '');
  const { stdout } = spawnSync(process.execPath, [MAIN, scratch.path, file], { encoding: 'utf8' });
  assert.match(stdout, /^fail2ban does not run: there is no socket .* Install and start fail2ban/);
});

test('A log that may not be written is named with the reason', { skip }, () => {
  const says = missing('[apply]\nenforcer = "log"\n', (root) => {
    mkdirSync(join(root, 'var/log/shared.log'), { recursive: true });
  });
  assert.match(says, /^The log "\/var\/log\/shared\.log" cannot be written: it is not a file/);
});
