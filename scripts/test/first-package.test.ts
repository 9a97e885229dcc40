import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');
const ARCHITECTURE = process.arch;
const folder = mkdtempSync(join(tmpdir(), 'banshare-first-'));
after(() => rmSync(folder, { recursive: true }));
const ran = join(folder, 'ran');

/** A registry whose every package is a program that leaves a trace where it is run; returns the sha512 of the runtime's. */
function registry(): string {
  mkdirSync(join(folder, 'bin'), { recursive: true });
  mkdirSync(join(folder, 'package/bin'), { recursive: true });
  writeFileSync(join(folder, 'package/bin/node'), `#!/bin/sh\necho "$@" >>${ran}\n`, { mode: 0o755 });
  const packed = join(folder, 'packed.tgz');
  assert.equal(spawnSync('tar', ['-czf', packed, '-C', folder, 'package']).status, 0);
  const npm = `#!/bin/sh\nfor spec; do :; done\ncp ${packed} "\${spec%@*}-\${spec##*@}.tgz"\n`;
  writeFileSync(join(folder, 'bin/npm'), npm, { mode: 0o755 });
  return `sha512-${createHash('sha512').update(readFileSync(packed)).digest('base64')}`;
}

/** A checkout as far as `make deps` needs one; `change` is made to what it commits. */
function makeDeps(change: (text: string) => string): { code: number | null; err: string; checkout: string } {
  const checkout = mkdtempSync(join(folder, 'checkout-'));
  mkdirSync(join(checkout, 'scripts'));
  copyFileSync(join(ROOT, 'scripts/first-package.sh'), join(checkout, 'scripts/first-package.sh'));
  for (const file of ['Makefile', 'package.json', 'package-lock.json'])
    writeFileSync(join(checkout, file), change(readFileSync(join(ROOT, file), 'utf8')));
  const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH']}` };
  const { status, stderr } = spawnSync('make', ['-C', checkout, 'deps'], { encoding: 'utf8', env });
  return { code: status, err: stderr, checkout };
}

const integrity = registry();
const packages = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, { integrity: string }>;
};
const committed = packages.packages[`node_modules/node-linux-${ARCHITECTURE}`]?.integrity ?? '';

test('make deps runs no runtime that is not the one whose sha512 is in the lock file, and says so', () => {
  const { code, err, checkout } = makeDeps((text) => text);
  assert.equal(code, 2);
  assert.match(
    err,
    /Cannot use node-linux-\w+ 24[\d.]+: .* is committed\.\nSomebody may have tampered with it/,
  );
  assert.ok(!existsSync(ran), 'it was run');
  assert.deepEqual(readdirSync(join(checkout, 'build/runtime')), []);
});

test('make deps runs no npm that is not the one whose sha512 is in the Makefile, and not the runtime either', () => {
  const { code, err } = makeDeps((text) => text.replaceAll(committed, integrity));
  assert.equal(code, 2);
  assert.match(
    err,
    /Cannot use npm 11[\d.]+: what the registry or npm's cache gave has the sha512 [0-9a-f]{128}, and/,
  );
  assert.ok(!existsSync(ran), 'it was run');
});

test('make deps goes on with the two packages whose sha512 is committed, and fetches them once', () => {
  const { checkout } = makeDeps((text) =>
    text.replaceAll(committed, integrity).replace(/^NPM_INTEGRITY := .*/m, `NPM_INTEGRITY := ${integrity}`),
  );
  assert.match(readFileSync(ran, 'utf8'), /npm-cli\.js ci/);
  const first = join(checkout, 'scripts/first-package.sh');
  const again = spawnSync('sh', [first, join(checkout, 'build/runtime'), 'npm', '11.21.2', integrity], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', npm_config_registry: 'http://127.0.0.1:1' },
  });
  assert.deepEqual([again.status, again.stderr], [0, '']);
});

test('a package without a committed sha512 is refused', () => {
  const script = join(ROOT, 'scripts/first-package.sh');
  const { status, stderr } = spawnSync('sh', [script, join(folder, 'none'), 'npm', '1.0.0', ''], {
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.match(stderr, /no sha512 of it is committed/);
});

test('where the machine has no npm that fetches it, what is said to be needed is what README.md says', () => {
  const bin = join(folder, 'failing');
  mkdirSync(bin);
  writeFileSync(join(bin, 'npm'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const words = [join(ROOT, 'scripts/first-package.sh'), join(folder, 'none'), 'npm', '1.0.0', 'sha512-x'];
  const { status, stderr } = spawnSync('sh', words, {
    encoding: 'utf8',
    env: { PATH: `${bin}:/usr/bin:/bin` },
  });
  assert.equal(status, 1);
  const [, needed] = /\((npm [0-9.]+ or later) is needed\)/.exec(stderr) ?? [];
  assert.match(
    readFileSync(join(ROOT, 'README.md'), 'utf8'),
    new RegExp(`git, make, ${needed}, the npm registry`),
  );
});
