import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Range } from '@banshare/protocol';
import { hostPaths } from '@banshare/runtime';
import { Protection, THIS_MACHINE } from '../../src/protection/protect.ts';
import { ServerAddresses } from '../../src/protection/server-addresses.ts';
import { folder, ip } from '../make.ts';

/** The protection of a host whose files lie in a folder. */
function protectionIn(path: string, server = '203.0.113.1', neverBan: Range[] = []): Protection {
  const paths = hostPaths(path);
  mkdirSync(join(path, 'proc/net'), { recursive: true });
  return new Protection({
    config: {
      addresses: [],
      neverBan: { addresses: neverBan },
      enforcer: [],
      apply: { missingJail: 'banshare', enforcer: 'fail2ban', command: '' } as ConstructorParameters<
        typeof Protection
      >[0]['config']['apply'],
    },
    paths,
    machine: {
      proc: join(path, 'proc'),
      passwd: join(path, 'passwd'),
      resolvers: THIS_MACHINE.resolvers.map((each) => join(path, each)),
    },
    server: new ServerAddresses([server], paths),
    fault: (key, text) => assert.equal(key, 'sessions', text),
  });
}

test('The resolvers behind a stub of this host are protected as well', () => {
  using scratch = folder();
  for (const each of ['etc', 'run/systemd/resolve', 'run/NetworkManager'])
    mkdirSync(join(scratch.path, each), { recursive: true });
  const write = (path: string, text: string): void => writeFileSync(join(scratch.path, path), text);
  write('etc/resolv.conf', 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch example.org\n');
  write(
    'run/systemd/resolve/resolv.conf',
    '# by systemd\nnameserver 203.0.113.53\nnameserver 2001:db8::53\n',
  );
  write('run/NetworkManager/no-stub-resolv.conf', 'nameserver 203.0.113.54\n');
  const protection = protectionIn(scratch.path);
  for (const each of ['203.0.113.53', '2001:db8::53', '203.0.113.54', '64:ff9b::203.0.113.53'])
    assert.equal(protection.ruleFor(ip(each), 'sshd')?.text, 'a resolver of this host', each);
  assert.equal(protection.ruleFor(ip('203.0.113.55'), 'sshd'), undefined);
});

test('The server is protected in every jail, also in the form that embeds its address', () => {
  using scratch = folder();
  const protection = protectionIn(scratch.path);
  for (const jail of ['sshd', 'banshare'])
    for (const each of ['203.0.113.1', '2002:cb00:7101::1'])
      assert.equal(protection.ruleFor(ip(each), jail)?.text, 'the banshare server', each);
  assert.ok(protection.all().some(({ what }) => what === '203.0.113.1'));
});

/** A machine's /proc with this program in it, and with what was started first. */
function layProc(
  path: string,
  self: { namespace: string; pid: number; parent: number },
  first: string,
): void {
  for (const each of ['proc/self/ns', 'proc/1']) mkdirSync(join(path, each), { recursive: true });
  symlinkSync(`pid:[${self.namespace}]`, join(path, 'proc/self/ns/pid'));
  writeFileSync(join(path, 'proc/self/status'), `Name:\tnode\nPid:\t${self.pid}\nPPid:\t${self.parent}\n`);
  writeFileSync(join(path, 'proc/1/comm'), `${first}\n`);
}

const MACHINE = '4026531836';
const OWN = '4026532290';
for (const [what, self, first, says] of [
  ['alone in a container', { namespace: OWN, pid: 1, parent: 0 }, 'node', true],
  ['behind the init of a container engine', { namespace: OWN, pid: 2, parent: 1 }, 'catatonit', true],
  ['in a pod that shares its processes', { namespace: OWN, pid: 30, parent: 0 }, 'pause', true],
  [
    'in a container with the processes of the machine',
    { namespace: MACHINE, pid: 900, parent: 880 },
    'systemd',
    false,
  ],
  ['in a container with an init system of its own', { namespace: OWN, pid: 90, parent: 1 }, 'systemd', false],
] as const)
  test(`A client ${what} ${says ? 'says that nobody who is logged in by SSH is protected, unless addresses are listed' : 'sees the sessions there, and says nothing'}`, () => {
    using scratch = folder();
    layProc(scratch.path, self, first);
    const unknown = protectionIn(scratch.path).unknown();
    assert.equal(unknown.length, says ? 1 : 0);
    if (says) assert.match(unknown[0] ?? '', /logged in by SSH is not protected: run it with --pid=host/);
    assert.deepEqual(protectionIn(scratch.path, undefined, ['203.0.113.0/24' as Range]).unknown(), []);
  });

test('A session whose connection the client may not look at is in its status, and not in the log alone', () => {
  using scratch = folder();
  const show = (pid: number, title: string, parent: number, uid: number): void => {
    const at = join(scratch.path, 'proc', String(pid));
    for (const part of ['ns', 'net']) mkdirSync(join(at, part), { recursive: true });
    writeFileSync(join(at, 'comm'), 'sshd\n');
    const uids = [uid, uid, uid, uid].join('\t');
    writeFileSync(join(at, 'status'), `Name:\tsshd\nPPid:\t${parent}\nUid:\t${uids}\n`);
    writeFileSync(join(at, 'cmdline'), `${title}\0`);
    writeFileSync(join(at, 'stat'), `${pid} (sshd) S ${parent} ${'0 '.repeat(17)}${pid}77 0\n`);
    symlinkSync('/usr/sbin/sshd', join(at, 'exe'));
    // As the kernel refuses it: what is no folder cannot be listed.
    writeFileSync(join(at, 'fd'), '');
  };
  show(20, 'sshd: admin1 [priv]', 10, 0);
  show(21, 'sshd: admin1@pts/0', 20, 4001);
  const [says, ...more] = protectionIn(scratch.path).unknown();
  assert.deepEqual(more, []);
  assert.match(says ?? '', /Cannot see who is logged in by SSH, and so cannot protect them/);
});
