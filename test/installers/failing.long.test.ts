import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { run, twoLightBuilds, VERSION, type Ran } from './fresh-build.ts';
import { Below, SHELLS, wrapTool } from './install-below.ts';

const { fresh, next } = twoLightBuilds();

/** For a wrapped mv that is to rename several files into a folder: the first comes there. */
const MOVES_ONE = 'for into in "$@"; do :; done; "$real" -f "$2" "$into";';

/** What damages an installer: its size and the path of a copy to damage. */
const damages: readonly [string, (path: string, size: number) => void][] = [
  ['one byte in the middle of the runtime', (path, size) => flip(path, Math.floor(size / 2))],
  ['its first byte of payload', (path) => flip(path, scriptEnd(path) + 1)],
  ['its last byte', (path, size) => flip(path, size - 1)],
  ['a lost end', (path, size) => truncateSync(path, size - 1000)],
  ['all of its payload lost', (path) => truncateSync(path, scriptEnd(path))],
  ['line ends of another system', (path) => spoilLineEnds(path)],
];
for (const [name, damage] of damages) {
  test(`an installer with ${name} touches nothing`, () => {
    const path = fresh.path('damaged.sh');
    copyFileSync(join(fresh.dist, 'client-install.sh'), path);
    damage(path, statSync(path).size);
    for (const [command, ...words] of SHELLS) {
      const below = new Below(fresh, 'machine');
      const ran = run(command, [...words, path], { DESTDIR: below.root });
      assert.notEqual(ran.code, 0);
      if (!name.startsWith('line ends')) assert.match(ran.err, /damaged .* nothing was changed/);
      assert.deepEqual([...below.files().keys()], []);
    }
  });
}

test('an installer that came through a pipe says how to run it', () => {
  const below = new Below(fresh, 'machine');
  const installer = join(fresh.dist, 'client-install.sh');
  const ran = run('sh', ['-c', `cat '${installer}' | dash`], { DESTDIR: below.root });
  assert.notEqual(ran.code, 0);
  assert.match(ran.err, /save the installer as a file/);
  assert.deepEqual([...below.files().keys()], []);
});

const machines: readonly [string, string, string, RegExp][] = [
  [
    'another architecture',
    'uname',
    'case $1 in -m) echo riscv64; exit;; esac',
    /x86_64 and aarch64, this is riscv64/,
  ],
  [
    'an architecture left out',
    'uname',
    'case $1 in -m) echo aarch64; exit;; esac',
    /made for x64.*ARCH="x64 arm64"/,
  ],
  ['another system', 'uname', 'case $1 in -s) echo FreeBSD; exit;; esac', /runs on Linux, this is FreeBSD/],
  ['an old glibc', 'getconf', 'echo "glibc 2.17"; exit', /2\.28 or later, this machine has 2\.17/],
  ['musl', 'getconf', 'echo "getconf: no" >&2; exit 1', /C library is another one/],
];
for (const [name, tool, lines, words] of machines) {
  test(`${name} is refused with a clear word`, () => {
    const below = new Below(fresh, 'machine');
    let path = wrapTool(fresh, tool, lines);
    // musl's ldd has no version line either.
    if (name === 'musl')
      path = `${wrapTool(fresh, 'ldd', 'echo "musl libc (x86_64)" >&2; exit 1').split(':')[0]}:${path}`;
    const ran = below.install('client', [], { env: { PATH: path } });
    assert.equal(ran.code, 1);
    assert.match(ran.err, words);
    assert.deepEqual([...below.files().keys()], []);
  });
}

test('root installs nothing below a folder that another user may write', (context) => {
  if (process.getuid?.() !== 0) return context.skip('needs root, which has other users');
  const below = new Below(fresh, 'theirs');
  for (const [uid, mode, words] of [
    [4242, 0o755, /the user 4242 may write .*run this installer as that user/],
    [0, 0o777, /everybody may write/],
  ] as const) {
    chownSync(below.root, uid, uid);
    chmodSync(below.root, mode);
    const ran = below.install('server', [], { env: { DESTDIR: below.path('not', 'there') } });
    assert.equal(ran.code, 1);
    assert.match(ran.err, words);
    assert.deepEqual([...below.files().keys()], []);
  }
});

test('a disk without room is noticed before anything is unpacked', (context) => {
  const where = fresh.path('small');
  mkdirSync(where, { recursive: true });
  const installer = join(fresh.dist, 'client-install.sh');
  const script = `mount -t tmpfs -o size=1m none '${where}' && DESTDIR='${where}' dash '${installer}'; code=$?; find '${where}' -type f; exit $code`;
  const ran = run('unshare', ['--mount', 'sh', '-c', script]);
  if (/unshare failed|Operation not permitted|must be superuser/.test(ran.err)) {
    context.skip('mounting a small disk needs root');
    return;
  }
  assert.equal(ran.code, 1);
  assert.match(ran.err, /has 1 MB free, \d+ MB are needed; nothing was changed/);
  assert.equal(ran.out, '');
});

test('a runtime that does not start here stops the installer before it changes anything', () => {
  const below = new Below(fresh, 'machine');
  // As where libstdc++ is missing: the unpacked runtime cannot be run.
  const path = wrapTool(
    fresh,
    'tar',
    'cat >/dev/null; mkdir -p new/lib; "$real" --version >/dev/null; while [ $# -gt 1 ]; do shift; done; mkdir -p "$1/lib"; echo "exit 127" >"$1/lib/node"; exit 0',
  );
  const ran = below.install('client', [], { env: { PATH: path } });
  assert.equal(ran.code, 1);
  assert.match(ran.err, /runtime does not start here; nothing was changed/);
  assert.deepEqual([...below.files().keys()], []);
});

for (const [command, ...words] of SHELLS) {
  test(`under ${command}, whichever rename fails, the previous installation is back, byte for byte`, () => {
    const below = new Below(fresh, 'machine');
    installOlder(below);
    const previous = below.files();
    for (const [call, done] of [
      [1, ''],
      [1, MOVES_ONE],
      [2, ''],
      [3, ''],
      [4, ''],
      [5, ''],
    ] as const) {
      const lines = `[ $count -ne ${call} ] || { ${done} echo "mv: no space" >&2; exit 1; }`;
      const path = wrapTool(fresh, 'mv', lines);
      const ran = upgrade(below, [command, ...words], path);
      assert.equal(ran.code, 1, `rename ${call}`);
      assert.match(ran.err, /previous (installation|ones?)/);
      assert.deepEqual(below.files(), previous, `rename ${call}`);
    }
    assert.equal(upgrade(below, [command, ...words], process.env['PATH'] ?? '').code, 0);
    assert.notDeepEqual(below.files(), previous);
  });
}

test('an installer that is told to end while it lays, keeps or renames puts everything back, and leaves no folder', () => {
  const below = new Below(fresh, 'machine');
  installOlder(below);
  const seen = () => [below.files(), readdirSync(below.root, { recursive: true, encoding: 'utf8' })];
  const previous = seen();
  for (const [tool, call] of [
    ['ln', 2],
    ['ln', 6],
    ['mv', 1],
    ['mv', 4],
  ] as const) {
    const lines = `[ $count -ne ${call} ] || { "$real" "$@"; kill -TERM $PPID; exit 0; }`;
    assert.equal(upgrade(below, ['dash'], wrapTool(fresh, tool, lines)).code, 143, `${tool} ${call}`);
    assert.deepEqual(seen(), previous, `${tool} ${call}`);
  }
});

test('an installer killed between two renames leaves programs that run, and the next one mends the rest', () => {
  const below = new Below(fresh, 'machine');
  installOlder(below);
  for (const [call, done] of [
    [1, MOVES_ONE],
    [3, ''],
    [2, ''],
  ] as const) {
    const path = wrapTool(fresh, 'mv', `[ $count -ne ${call} ] || { ${done} kill -9 $PPID; exit 1; }`);
    assert.equal(upgrade(below, ['dash'], path).code, null);
    for (const name of ['client', 'report'])
      assert.equal(
        run(below.path('usr/bin', `banshare-${name}`), ['--version']).out,
        `${VERSION}\n`,
        `${name}, rename ${call}`,
      );
  }
  const mended = upgrade(below, ['dash'], process.env['PATH'] ?? '');
  assert.equal(mended.code, 0, mended.err);
  const leftovers = [...below.files().keys()].filter((path) => /banshare-(new|old|install)/.test(path));
  assert.deepEqual(leftovers, []);
  assert.ok(below.read('usr/lib/banshare/report.cjs').length > 0);
});

test('two installers at once: the second one says so and stops', () => {
  const below = new Below(fresh, 'machine');
  const installer = join(fresh.dist, 'client-install.sh');
  const path = wrapTool(
    fresh,
    'mv',
    `[ $count -ne 1 ] || { PATH=/usr/bin:/bin dash ${installer} >${below.root}.second 2>&1; echo $? >>${below.root}.second; }`,
  );
  assert.equal(below.install('client', [], { env: { PATH: path } }).code, 0);
  assert.match(
    readFileSync(`${below.root}.second`, 'utf8'),
    /another installer is at work \(process \d+\)\n1\n$/,
  );
});

test('as an ordinary user a real installation is refused, and unknown options print the usage', () => {
  const installer = fresh.path('readable.sh');
  copyFileSync(join(fresh.dist, 'client-install.sh'), installer);
  chmodSync(installer, 0o755);
  chmodSync(fresh.folder, 0o755);
  if (process.getuid?.() === 0) {
    const ran = run('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'sh', installer]);
    assert.equal(ran.code, 1);
    assert.match(ran.err, /as root/);
  }
  const usage = run('sh', [installer, '--nonsense']);
  assert.equal(usage.code, 64);
  assert.match(usage.err, /^Usage: sh client-install\.sh/);
  assert.equal(run('sh', [installer, '--help']).code, 0);
});

/** A client with older files in several folders too, each of which an upgrade renames by a process of its own. */
function installOlder(below: Below): void {
  below.install('client');
  for (const path of [
    'usr/share/man/man8/banshare-client.8.gz',
    'usr/bin/banshare-client',
    'usr/lib/systemd/system/banshare-client.service',
  ])
    appendFileSync(below.path(path), '\n');
}

function upgrade(below: Below, [command, ...words]: readonly string[], path: string): Ran {
  const shell = [...words, join(next.dist, 'client-install.sh')];
  return run(command ?? 'sh', shell, { DESTDIR: below.root, PATH: path });
}

function scriptEnd(path: string): number {
  return readFileSync(path).indexOf('\nmain "$@"; exit $?\n') + '\nmain "$@"; exit $?\n'.length;
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
  writeFileSync(path, bytes);
}

function spoilLineEnds(path: string): void {
  writeFileSync(path, readFileSync(path, 'latin1').replaceAll('\n', '\r\n'), 'latin1');
}
