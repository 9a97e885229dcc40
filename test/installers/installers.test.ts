import assert from 'node:assert/strict';
import {
  chmodSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sharedFiles } from '../../scripts/making/payload.ts';
import { run, twoLightBuilds, VERSION, type FreshBuild, type Ran } from './fresh-build.ts';
import { Below, SHELLS } from './install-below.ts';

// Builds cost the most here: the same two do for all, and whoever changes one has a copy.
const { fresh, next } = twoLightBuilds();
const laid = new Map<string, Below>();

for (const role of ['client', 'server'] as const) {
  test(`${role}-install.sh is for its owner only, and shellcheck and dash read it`, (context) => {
    const path = join(fresh.dist, `${role}-install.sh`);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    const bytes = readFileSync(path);
    const end = bytes.indexOf('\nmain "$@"; exit $?\n');
    assert.ok(end > 0);
    const script = bytes.subarray(0, end + 20);
    if (run('sh', ['-c', 'command -v shellcheck']).code !== 0) {
      context.skip('shellcheck is not installed');
      return;
    }
    const checked = run('sh', [
      '-c',
      'printf %s "$1" | shellcheck --shell=sh --exclude=SC2015,SC2317 -',
      'sh',
      script.toString(),
    ]);
    assert.equal(checked.out, '');
  });
}

for (const [role, most] of [
  ['server', 2.5],
  ['web', 2.5],
  ['client', 3],
  ['server-metrics', 2],
  ['client-metrics', 2],
] as const) {
  test(`the sandbox of banshare-${role}.service leaves an exposure below ${most}`, (context) => {
    const unit = join(import.meta.dirname, `../../installers/systemd/banshare-${role}.service`);
    const rated = run('sh', [
      '-c',
      'command -v systemd-analyze >&2 && systemd-analyze security --offline=true "$1"',
      'sh',
      unit,
    ]);
    const exposure = /Overall exposure level[^:]*: ([\d.]+)/.exec(rated.out)?.[1];
    if (exposure === undefined) context.skip('systemd-analyze is not installed, or does not rate files');
    else assert.ok(Number(exposure) < most, exposure);
  });
}

for (const shell of SHELLS) {
  test(`under ${shell.join(' ')} both roles install below DESTDIR, side by side, and run from there`, () => {
    const below = new Below(fresh, 'machine');
    for (const role of ['server', 'client'] as const) {
      const ran = below.install(role, [], { shell });
      assert.equal(ran.code, 0, ran.err);
      assert.equal(ran.err, '');
    }
    for (const name of ['server', 'client', 'report'])
      assert.equal(
        run(below.path('usr/bin', `banshare-${name}`), ['--version'], { PATH: '' }).out,
        `${VERSION}\n`,
      );
    for (const role of ['server', 'client'])
      for (const end of ['.service', '-metrics.service', '-metrics.timer'])
        assert.equal(below.mode(`usr/lib/systemd/system/banshare-${role}${end}`), '644');
    const timer = 'etc/systemd/system/timers.target.wants/banshare-backup.timer';
    assert.equal(readlinkSync(below.path(timer)), '/usr/lib/systemd/system/banshare-backup.timer');
    assert.equal(below.mode('etc/banshare'), '755');
    assert.equal(below.mode('etc/banshare/keys'), '700');
    assert.equal(below.mode('etc/banshare/keys/join.key_secret'), '600');
    assert.equal(below.mode('etc/banshare/generations'), '700');
    assert.equal(below.mode('var/spool/banshare'), '700');
    assert.equal(below.mode('usr/bin/banshare-report'), '755');
    assert.equal(below.mode('usr/lib/banshare/node'), '755');
    assert.equal(below.mode('usr/lib/banshare/zeromq.node'), '644');
    assert.equal(below.mode('etc/fail2ban/jail.d/banshare.conf'), '644');
    for (const { path, bytes } of sharedFiles()) {
      assert.equal(below.mode(`usr/share/${path}`), '644');
      assert.ok(readFileSync(below.path('usr/share', path)).equals(bytes), path);
    }
    assert.ok(!below.has('usr/lib/.banshare-install'));
  });
}

test('a host gets the join pair and no secret of the server, the server all but the join secret', () => {
  const below = installed('machine', 'client');
  const serverSecret = secretOf('server');
  for (const path of below.plainFiles()) assert.ok(!readFileSync(path).includes(serverSecret), path);
  assert.equal(
    below.read('etc/banshare/keys/join.key_secret'),
    readFileSync(join(fresh.certs, 'join.key_secret'), 'utf8'),
  );

  const server = installed('server', 'server');
  const generation = `etc/banshare/generations/${generationOf(fresh)}`;
  assert.equal(server.mode(generation), '700');
  const names = [...server.files()].filter(([path]) => path.startsWith(`/${generation}/`));
  assert.deepEqual(
    names.map(([path, found]) => [path.slice(generation.length + 2), found.mode]),
    ['fleet.toml', 'join.key', 'server.key', 'server.key_secret'].map((name) => [name, '600']),
  );
  for (const path of server.plainFiles()) assert.ok(!readFileSync(path).includes(secretOf('join')), path);
});

test('a second run changes nothing, not even a file of the same content', () => {
  const below = installed('a machine', 'server', 'client');
  const inodes = () => below.plainFiles().map((path) => [path, statSync(path).ino]);
  const before = inodes();
  assert.equal(below.install('server').code, 0);
  assert.equal(below.install('client').code, 0);
  assert.deepEqual(inodes(), before);
});

for (const shell of SHELLS)
  test(`under ${shell.join(' ')} a second run puts modes right, replaces what was changed, and removes what a killed installer left`, () => {
    const below = installed("a 'machine' of $many * words", 'client');
    const before = below.files();
    const modes = { 'usr/bin/banshare-report': 0o600, 'etc/banshare/keys/join.key_secret': 0o644 };
    for (const [path, mode] of Object.entries(modes)) chmodSync(below.path(path), mode);
    for (const path of ['usr/lib/banshare/client.mjs', 'usr/lib/banshare/node', 'usr/bin/banshare-client'])
      writeFileSync(below.path(path), Buffer.from(readFileSync(below.path(path)).toReversed()));
    rmSync(below.path('usr/lib/banshare/psad.conf'));
    for (const left of [
      'usr/lib/banshare/.banshare-old.programs/client.mjs',
      'usr/lib/banshare/.banshare-new.programs/client.mjs',
      'usr/share/man/man8/.banshare-old.programs/banshare-client.8.gz',
      'usr/bin/banshare-client.banshare-new',
      'usr/bin/banshare-client.banshare-old',
    ])
      below.write(left, 'left');
    const ran = below.install('client', [], { shell });
    assert.equal(ran.code, 0, ran.err);
    assert.equal(ran.err, '');
    assert.deepEqual(below.files(), before);
  });

test('an upgrade keeps configuration, host key and state, and adds the new generation beside the old one', () => {
  const below = installed('machine', 'server', 'client');
  const kept = {
    'etc/banshare/client.toml': 'name = "h1"\n',
    'etc/banshare/server.toml': '[log]\nlevel = "debug"\n',
    'etc/banshare/keys/host.key_secret': 'a host key\n',
    'var/lib/banshare/client/state.db': 'state',
    'var/spool/banshare/1.json': '{}',
  };
  for (const [path, text] of Object.entries(kept)) below.write(path, text);
  const oldChunks = libraryNames(below).filter((name) => /-[A-Z0-9]{8}\./.test(name));

  for (const role of ['client', 'server'] as const) {
    const ran = run('dash', [join(next.dist, `${role}-install.sh`)], { DESTDIR: below.root });
    assert.equal(ran.code, 0, ran.err);
  }
  for (const [path, text] of Object.entries(kept)) assert.equal(below.read(path), text);
  for (const build of [fresh, next])
    assert.ok(below.has(`etc/banshare/generations/${generationOf(build)}/server.key_secret`));
  assert.equal(below.read('etc/banshare/keys/join.key'), readFileSync(join(next.certs, 'join.key'), 'utf8'));
  assert.match(below.read('etc/sysctl.d/60-banshare.conf'), /= \d+(,\d+){3}\n$/);
  const shipped = new Set(run('ls', [join(next.dist, 'lib/banshare')]).out.split('\n'));
  const left = libraryNames(below).filter((name) => oldChunks.includes(name) && !shipped.has(name));
  assert.deepEqual(left, [], 'chunks of the previous version');
});

test('CONFIG ships a configuration, never over one that is there, and a faulty one is refused when it is packed', () => {
  using own = fresh.copy();
  const config = own.path('host.toml');
  const below = new Below(own, 'machine');
  run('sh', ['-c', `printf 'name = "web7"\\n' >${config}`]);
  assert.equal(own.installer('client', `--config=${config}`).code, 0);
  below.install('client');
  assert.equal(below.read('etc/banshare/client.toml'), 'name = "web7"\n');
  below.write('etc/banshare/client.toml', 'name = "mine"\n');
  below.install('client');
  assert.equal(below.read('etc/banshare/client.toml'), 'name = "mine"\n');
  run('sh', ['-c', `printf 'nmae = "web7"\\n' >${config}`]);
  const refused = own.installer('client', `--config=${config}`);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /nmae/);
});

test('installers of a build that is not of this generation are refused', () => {
  using own = fresh.copy();
  own.regen();
  const ran = own.installer('client');
  assert.equal(ran.code, 1);
  assert.match(ran.err, /run make first/);
});

test('--uninstall keeps configuration, keys and state; --purge removes them', () => {
  const below = installed('machine', 'server', 'client');
  below.write('etc/banshare/client.toml', 'name = "h1"\n');
  assert.equal(below.install('client', ['--uninstall']).code, 0);
  assert.ok(!below.has('usr/bin/banshare-client') && !below.has('usr/bin/banshare-report'));
  assert.ok(below.has('etc/banshare/keys/join.key_secret') && below.has('etc/banshare/client.toml'));
  // What is of either role stays for the server; the purge below leaves none of it.
  for (const { path, role } of sharedFiles())
    assert.equal(below.has(`usr/share/${path}`), role !== 'client', path);
  assert.equal(
    run(below.path('usr/bin/banshare-server'), ['--version']).out,
    `${VERSION}\n`,
    'the other role goes on',
  );

  assert.equal(below.install('client', ['--purge']).code, 0);
  assert.ok(!below.has('etc/banshare/keys') && !below.has('etc/banshare/client.toml'));
  assert.ok(below.has('etc/banshare/generations'));
  assert.equal(below.install('server', ['--purge']).code, 0);
  assert.deepEqual([...below.files().keys()], []);
});

for (const how of ['--uninstall', '--purge'])
  for (const order of [
    ['client', 'server'],
    ['server', 'client'],
  ] as const)
    test(`${how} of the ${order[0]} and then of the ${order[1]} leaves no folder of their programs, not even an empty one`, () => {
      const below = installed('machine', 'server', 'client');
      assert.equal(below.install(order[0], [how]).code, 0);
      assert.ok(below.has('usr/lib/banshare/node'), 'the other role goes on');
      assert.equal(below.install(order[1], [how]).code, 0);
      const left = readdirSync(below.root, { recursive: true, encoding: 'utf8' });
      assert.deepEqual(
        left.filter((path) => path.includes('banshare') && !/^(etc|var|run)\//.test(path)),
        [],
      );
      if (how === '--purge')
        assert.deepEqual(
          left.filter((path) => path.includes('banshare')),
          [],
        );
    });

test("completion for zsh lies where the machine's zsh looks for it, and goes from there too", () => {
  const below = new Below(fresh, 'machine');
  below.write('etc/redhat-release', 'AlmaLinux release 9.4\n');
  assert.equal(below.install('client').code, 0);
  assert.ok(below.has('usr/share/zsh/site-functions/_banshare-client'));
  assert.ok(!below.has('usr/share/zsh/vendor-completions'));
  assert.equal(below.install('client', ['--purge']).code, 0);
  assert.deepEqual([...below.files().keys()], ['/etc/redhat-release']);
});

// Slim installers: bundles and keys for hosts that have the runtime from an earlier installation.

for (const role of ['client', 'server'] as const) {
  test(`${role}-install-slim.sh is below 1 MB and for its owner only`, () => {
    const { size, mode } = statSync(join(next.dist, `${role}-install-slim.sh`));
    assert.ok(size < 1e6, String(size));
    assert.equal(mode & 0o777, 0o700);
  });

  for (const shell of SHELLS) {
    test(`under ${shell.join(' ')} it lays the same files of a ${role} as the whole one, over an earlier generation`, () => {
      const [slim, full] = [installed('slim', role), installed('full', role)];
      const runtime = statSync(slim.path('usr/lib/banshare/node')).ino;
      const ran = installNext(slim, `${role}-install-slim.sh`, shell);
      assert.equal(ran.code, 0, ran.err);
      assert.equal(ran.err, '');
      assert.equal(installNext(full, `${role}-install.sh`, shell).code, 0);
      assert.deepEqual(slim.files(), full.files());
      assert.equal(statSync(slim.path('usr/lib/banshare/node')).ino, runtime, 'the runtime is left alone');
      const program = slim.program(`banshare-${role}`, '--version');
      assert.equal(program.out, `${VERSION}\n`, program.err);
    });
  }
}

for (const file of ['node', 'zeromq.node']) {
  test(`where ${file} is another one, or none, a slim installer changes nothing and names the whole one`, () => {
    const below = installed('machine', 'client');
    const path = below.path('usr/lib/banshare', file);
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('\n')]));
    const before = below.files();
    const refused = installNext(below, 'client-install-slim.sh');
    assert.equal(refused.code, 1);
    const words = new RegExp(`brings no Node runtime, and .*/${file} is not .* use client-install\\.sh`);
    assert.match(refused.err, words);
    assert.deepEqual(below.files(), before);

    const bare = new Below(fresh, 'bare');
    assert.match(installNext(bare, 'client-install-slim.sh').err, /^Cannot install: this slim installer/);
    assert.deepEqual([...bare.files().keys()], []);
  });
}

// That a second build has the same bytes scripts/test/build.test.ts shows: what differs is when they were written, and in which order.
test('installers of a second build of a generation are the same, so that nothing is restarted for it', () => {
  const read = () => ['', '-slim'].map((kind) => readFileSync(join(next.dist, `client-install${kind}.sh`)));
  const first = read();
  const library = join(next.dist, 'lib/banshare');
  // The runtime there is a link to this checkout's.
  const built = readdirSync(library).filter((name) => name !== 'node');
  for (const name of built.toReversed()) {
    const path = join(library, name);
    const [bytes, { mode }] = [readFileSync(path), statSync(path)];
    rmSync(path);
    writeFileSync(path, bytes, { mode });
    utimesSync(path, 1e9, 1e9);
  }
  assert.equal(next.installer('client').code, 0);
  for (const [index, bytes] of read().entries()) assert.ok(bytes.equals(first[index] ?? Buffer.of()));
});

/** A machine where these roles were installed, which happens once: whoever asks again has a copy. */
function installed(name: string, ...roles: readonly ('client' | 'server')[]): Below {
  const key = `laid-${roles.join('-')}`;
  let first = laid.get(key);
  if (first === undefined) {
    first = new Below(fresh, key);
    for (const role of roles) assert.equal(first.install(role).code, 0);
    laid.set(key, first);
  }
  const below = new Below(fresh, name);
  assert.equal(run('cp', ['-a', `${first.root}/.`, below.root]).code, 0);
  return below;
}

function installNext(below: Below, name: string, [command, ...words] = SHELLS[0]!): Ran {
  return run(command, [...words, join(next.dist, name)], { DESTDIR: below.root });
}

function libraryNames(below: Below): string[] {
  return run('ls', [below.path('usr/lib/banshare')]).out.split('\n');
}

function generationOf(build: FreshBuild): string {
  return /generation = "(.*)"/.exec(readFileSync(join(build.certs, 'fleet.toml'), 'utf8'))?.[1] ?? '';
}

function secretOf(name: string): string {
  return /secret-key = "(.*)"/.exec(readFileSync(join(fresh.certs, `${name}.key_secret`), 'utf8'))?.[1] ?? '';
}
