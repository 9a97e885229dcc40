import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { followedLogs, runningClient } from '../../src/host/processes.ts';
import { folder } from '../make.ts';

const LOG = '/var/log/fail2ban.log';
const LAUNCHED = ['/usr/lib/banshare/node', '--min-semi-space-size=4', '/usr/bin/../lib/banshare/report.cjs'];

/** What processes with these command lines follow, for a host. */
function followed(root: string, ...processes: string[][]): string[] {
  using proc = folder();
  mkdirSync(join(proc.path, 'self'));
  for (const [index, words] of processes.entries()) {
    mkdirSync(join(proc.path, String(index + 1)));
    writeFileSync(join(proc.path, String(index + 1), 'cmdline'), words.map((word) => `${word}\0`).join(''));
  }
  // A process that ends while it is looked at.
  mkdirSync(join(proc.path, '99'));
  return followedLogs(root, proc.path);
}

test('followedLogs() finds the reporter that follows a log, as systemd and a person start it', () => {
  assert.deepEqual(followed('', [...LAUNCHED, '--follow', LOG]), [LOG]);
  assert.deepEqual(
    followed('/', ['/bin/sh', '/usr/bin/banshare-report', '--jail', 'sshd', `--follow=${LOG}`]),
    [LOG],
  );
  assert.deepEqual(followed('/', [...LAUNCHED, '--follow', LOG], [...LAUNCHED, '--follow', '-']), [LOG, '-']);
});

test('followedLogs() takes no other program for it, and no follower of another host', () => {
  const others = [
    [...LAUNCHED, 'fail2ban', 'sshd', '203.0.113.9'],
    ['grep', '-r', 'x', 'y', 'banshare-report', '--follow', LOG],
    ['tail', '--follow', LOG],
    [...LAUNCHED, '--root', '/srv/one', '--follow', LOG],
  ];
  assert.deepEqual(followed('/', ...others), []);
  assert.deepEqual(followed('/srv/one/', ...others), [LOG]);
});

test('runningClient() finds the daemon of this host, and takes no other command for it', () => {
  using proc = folder();
  const daemon = ['/usr/lib/banshare/node', '--min-semi-space-size=4', '/usr/bin/../lib/banshare/client.mjs'];
  const lay = (pid: number, words: string[]): void => {
    mkdirSync(join(proc.path, String(pid)), { recursive: true });
    writeFileSync(join(proc.path, String(pid), 'cmdline'), words.map((word) => `${word}\0`).join(''));
  };
  lay(11, [...daemon, 'status']);
  lay(12, [...daemon, '--check']);
  lay(13, [...daemon, '--root', '/srv/one', 'run']);
  assert.equal(runningClient('/', proc.path), undefined);
  assert.equal(runningClient('/srv/one', proc.path), 13);
  lay(14, [...daemon, '--config', '/etc/other.toml']);
  assert.equal(runningClient('', proc.path), 14);
});
