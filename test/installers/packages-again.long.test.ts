import assert from 'node:assert/strict';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { builtPackages, makePackages, noRpm, skip } from './built-packages.ts';
import { run } from './fresh-build.ts';

// What is made a second time: of the same code, and of other code under the same version.
const fresh = builtPackages();

test('made twice, the packages have the same bytes', { skip }, () => {
  const bytes = () => globSync(join(fresh.dist, '*.{deb,rpm}')).map((path) => readFileSync(path));
  const first = bytes();
  assert.equal(makePackages(fresh).code, 0);
  for (const [index, each] of bytes().entries()) assert.ok(each.equals(first[index] ?? Buffer.of()));
});

test(
  'other code under the same version is told, with what to do, and refused where a repository has that version; a revision sorts behind',
  { skip: skip || noRpm },
  () => {
    const [client = ''] = globSync(join(fresh.dist, 'banshare-client_*.deb'));
    const bytes = readFileSync(client);
    const program = join(fresh.dist, 'lib/banshare/client.mjs');
    const code = readFileSync(program);
    try {
      writeFileSync(program, Buffer.concat([code, Buffer.from('// other code\n')]));
      const told = fresh.packages('--kinds=deb');
      assert.equal(told.code, 0, told.err);
      assert.match(
        told.out,
        /With other bytes than before under the same version: banshare-client_\S+_all\.deb\..*make packages REVISION=2/,
      );
      const pool = join(fresh.dist, 'repo/apt/pool');
      mkdirSync(pool, { recursive: true });
      writeFileSync(join(pool, basename(client)), bytes);
      const now = readFileSync(client);
      const refused = fresh.packages('--kinds=deb');
      assert.equal(refused.code, 1);
      assert.match(refused.err, /dist\/repo has this version with other bytes.*make packages REVISION=2/);
      assert.ok(readFileSync(client).equals(now));

      assert.equal(fresh.packages('--kinds=deb', '--revision=2').code, 0);
      const [second = ''] = globSync(join(fresh.dist, 'banshare-client_*.deb'));
      const version = (path: string): string => basename(path).split('_')[1] ?? '';
      assert.equal(version(second), `${version(client)}.2`);
      assert.equal(run('dpkg', ['--compare-versions', version(second), 'gt', version(client)]).code, 0);
      const words = ['--eval', `%{lua: print(rpm.vercmp('${version(second)}', '${version(client)}'))}`];
      assert.equal(run('rpm', words).out.trim(), '1');
      assert.match(fresh.packages('--revision=0').err, /make packages REVISION=2/);
    } finally {
      writeFileSync(program, code);
      rmSync(join(fresh.dist, 'repo'), { recursive: true });
      assert.equal(fresh.packages('--kinds=deb').code, 0);
    }
    assert.ok(readFileSync(client).equals(bytes));
  },
);
