import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { run, twoLightBuilds, VERSION, type Ran } from './fresh-build.ts';
import { Below, SHELLS } from './install-below.ts';

// Slim installers: bundles and keys for hosts that have the runtime from an earlier installation.
const { fresh, next } = twoLightBuilds();

for (const role of ['client', 'server'] as const) {
  test(`${role}-install-slim.sh is below 1 MB and for its owner only`, () => {
    const { size, mode } = statSync(join(next.dist, `${role}-install-slim.sh`));
    assert.ok(size < 1e6, String(size));
    assert.equal(mode & 0o777, 0o700);
  });

  for (const shell of SHELLS) {
    test(`under ${shell.join(' ')} it lays the same files of a ${role} as the whole one, over an earlier generation`, () => {
      const [slim, whole] = [new Below(fresh, 'slim'), new Below(fresh, 'whole')];
      for (const below of [slim, whole]) assert.equal(below.install(role).code, 0);
      const runtime = statSync(slim.path('usr/lib/banshare/node')).ino;
      const ran = install(slim, `${role}-install-slim.sh`, shell);
      assert.equal(ran.code, 0, ran.err);
      assert.equal(ran.err, '');
      assert.equal(install(whole, `${role}-install.sh`, shell).code, 0);
      assert.deepEqual(slim.files(), whole.files());
      assert.equal(statSync(slim.path('usr/lib/banshare/node')).ino, runtime, 'the runtime is left alone');
      const program = slim.program(`banshare-${role}`, '--version');
      assert.equal(program.out, `${VERSION}\n`, program.err);
    });
  }
}

for (const file of ['node', 'zeromq.node']) {
  test(`where ${file} is another one, or none, a slim installer changes nothing and names the whole one`, () => {
    const below = new Below(fresh, 'machine');
    below.install('client');
    const path = below.path('usr/lib/banshare', file);
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('\n')]));
    const before = below.files();
    const refused = install(below, 'client-install-slim.sh');
    assert.equal(refused.code, 1);
    const words = new RegExp(`brings no Node runtime, and .*/${file} is not .* use client-install\\.sh`);
    assert.match(refused.err, words);
    assert.deepEqual(below.files(), before);

    const bare = new Below(fresh, 'bare');
    assert.match(install(bare, 'client-install-slim.sh').err, /^Cannot install: this slim installer/);
    assert.deepEqual([...bare.files().keys()], []);
  });
}

test('a second build of a generation makes the same installers, so that nothing is restarted for it', () => {
  const read = () => ['', '-slim'].map((kind) => readFileSync(join(next.dist, `client-install${kind}.sh`)));
  const first = read();
  assert.equal(next.build().code, 0);
  assert.equal(next.installer('client').code, 0);
  for (const [index, bytes] of read().entries()) assert.ok(bytes.equals(first[index] ?? Buffer.of()));
});

function install(below: Below, name: string, [command, ...words] = SHELLS[0]!): Ran {
  return run(command, [...words, join(next.dist, name)], { DESTDIR: below.root });
}
