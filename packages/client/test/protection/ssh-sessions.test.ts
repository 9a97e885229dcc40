import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SessionWatch } from '../../src/protection/ssh-sessions.ts';
import { folder } from '../make.ts';

const SSHD = '/usr/sbin/sshd';
const SEPARATED = 102;
const USER = 4001;
const PASSWD = `root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\nsshd:x:${SEPARATED}:65534::/run/sshd:/bin/false\nadmin1:x:${USER}:4001::/:/bin/sh\n`;

/** A process as /proc shows it; sockets are those of TABLE that it holds. */
type Shown = {
  pid: number;
  parent?: number;
  uids: number | [number, number, number, number];
  title: string;
  sockets?: readonly number[];
  exe?: string;
  comm?: string;
};

/** inode, local port, peer: 12 and 13 are sshd's own connections, 14 was forwarded outward, 16 came in at a forwarded port 15. */
const TABLE: [inode: number, port: number, peer: string, state: string][] = [
  [11, 22, '00000000', '0A'],
  [12, 22, '4D6433C6', '01'],
  [13, 22, '4E6433C6', '01'],
  [14, 40_001, '097100CB', '01'],
  [15, 8080, '00000000', '0A'],
  [16, 8080, '0A7100CB', '01'],
];

function proc(
  ...processes: Shown[]
): ReturnType<typeof folder> & { watch: SessionWatch; show: (shown: Shown) => void } {
  const scratch = folder();
  const rows = TABLE.map(
    ([inode, port, peer, state]) =>
      `   0: 0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} ${peer}:CA9F ${state} 0:0 00:0 0 0 0 ${inode} 1 0 20`,
  );
  const show = ({ pid, parent = 1, uids, title, sockets = [], exe = SSHD, comm = 'sshd' }: Shown): void => {
    const at = join(scratch.path, String(pid));
    for (const part of ['fd', 'ns', 'net']) mkdirSync(join(at, part), { recursive: true });
    const four = typeof uids === 'number' ? [uids, uids, uids, uids] : uids;
    writeFileSync(join(at, 'comm'), `${comm}\n`);
    writeFileSync(join(at, 'status'), `Name:\t${comm}\nPPid:\t${parent}\nUid:\t${four.join('\t')}\n`);
    writeFileSync(join(at, 'cmdline'), `${title}\0\0\0`);
    writeFileSync(join(at, 'stat'), `${pid} (${comm}) S ${parent} ${'0 '.repeat(17)}${pid}77 0\n`);
    writeFileSync(join(at, 'net/tcp'), ['  sl  local_address', ...rows, ''].join('\n'));
    symlinkSync(exe, join(at, 'exe'));
    symlinkSync('net:[4026531840]', join(at, 'ns/net'));
    sockets.forEach((inode, fd) => symlinkSync(`socket:[${inode}]`, join(at, 'fd', String(fd + 3))));
  };
  writeFileSync(join(scratch.path, 'passwd'), PASSWD);
  processes.forEach(show);
  return Object.assign(scratch, {
    show,
    watch: new SessionWatch(scratch.path, join(scratch.path, 'passwd')),
  });
}

const listener: Shown = {
  pid: 10,
  uids: 0,
  title: 'sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups',
  sockets: [11],
};
const monitor: Shown = { pid: 20, parent: 10, uids: 0, title: 'sshd: admin1 [priv]', sockets: [12] };
const session: Shown = { pid: 21, parent: 20, uids: USER, title: 'sshd: admin1@pts/0', sockets: [12] };
const ONE = '198.51.100.77';

const table: [what: string, processes: Shown[], addresses: string[]][] = [
  ['a user who is logged in', [listener, monitor, session], [ONE]],
  ['a user without a terminal', [listener, monitor, { ...session, title: 'sshd: admin1@notty' }], [ONE]],
  ['a user who only forwards', [listener, monitor, { ...session, title: 'sshd: admin1' }], [ONE]],
  ['root', [listener, { ...monitor, title: 'sshd: root@pts/0,pts/1' }], [ONE]],
  ['root who only forwards', [listener, { ...monitor, title: 'sshd: root' }], [ONE]],
  ['a second name of root', [listener, { ...monitor, title: 'sshd: toor@notty' }], [ONE]],
  [
    'a session of OpenSSH 9.8 and later',
    [
      listener,
      {
        ...monitor,
        comm: 'sshd-session',
        exe: '/usr/lib/openssh/sshd-session',
        title: 'sshd-session: root@pts/0',
      },
    ],
    [ONE],
  ],
  [
    'a session whose program was upgraded',
    [listener, monitor, { ...session, exe: `${SSHD} (deleted)` }],
    [ONE],
  ],
  ['nobody while there is only the listener', [listener], []],
  ['nobody who was only accepted', [listener, { ...monitor, title: 'sshd: [accepted]' }], []],
  [
    'nobody who is about to authenticate as a user',
    [listener, monitor, { ...session, uids: SEPARATED, title: 'sshd: admin1 [net]' }],
    [],
  ],
  [
    'nobody who is about to authenticate as root',
    [
      listener,
      { ...monitor, title: 'sshd: root [priv]' },
      { ...session, uids: SEPARATED, title: 'sshd: root [net]' },
    ],
    [],
  ],
  [
    'nobody who took the sandboxed child over and writes its title',
    [listener, monitor, { ...session, uids: SEPARATED }],
    [],
  ],
  [
    'nobody while the monitor is a user for a moment, to read authorized_keys',
    [listener, { ...monitor, uids: [0, USER, 0, USER] }],
    [],
  ],
  ['nobody whose title names no root', [listener, { ...monitor, title: 'sshd: admin1@pts/0' }], []],
  ['no address that a user forwards to', [listener, monitor, { ...session, sockets: [12, 14] }], [ONE]],
  [
    'no address that comes in at a port of root',
    [{ ...monitor, title: 'sshd: root', sockets: [12, 15, 16] }],
    [ONE],
  ],
  ["no connection of a user's own program called sshd", [{ ...session, parent: 1 }], []],
  [
    "no connection of a program called sshd below another one's root",
    [{ ...monitor, exe: '/usr/bin/sudo' }, session],
    [],
  ],
];

for (const [what, processes, expected] of table) {
  test(`SessionWatch sees ${what}`, () => {
    using shown = proc(...processes);
    const { addresses, hidden } = shown.watch.now();
    assert.deepEqual([[...addresses], hidden], [expected, 0]);
  });
}

test('SessionWatch sees who comes and who goes', () => {
  using shown = proc(listener, monitor, session);
  assert.deepEqual([...shown.watch.now().addresses], [ONE]);
  shown.show({ ...monitor, pid: 30, title: 'sshd: root@notty', sockets: [13] });
  assert.deepEqual([...shown.watch.now().addresses], [ONE, '198.51.100.78']);
  renameSync(join(shown.path, '21'), join(shown.path, 'gone'));
  assert.deepEqual([...shown.watch.now().addresses], ['198.51.100.78']);
});

test('SessionWatch counts sessions that it may not look into', () => {
  using shown = proc(listener, monitor, session);
  rmSync(join(shown.path, '21/exe'));
  // What is no link stands for what the kernel hides: reading it fails otherwise than for a process that has ended.
  writeFileSync(join(shown.path, '21/exe'), '');
  assert.deepEqual(shown.watch.now(), { addresses: new Set(), hidden: 1 });
});
