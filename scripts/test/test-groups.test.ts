import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { groupsOf, OF_ALL_FILES } from '../making/test-groups.ts';
import { ROOT } from '../say.ts';

const top = mkdtempSync(join(tmpdir(), 'banshare-groups-'));
after(() => rmSync(top, { recursive: true }));

const read = (path: string): string => readFileSync(join(top, path), 'utf8');

function write(path: string, text: string): string {
  mkdirSync(dirname(join(top, path)), { recursive: true });
  writeFileSync(join(top, path), text);
  return path;
}

/** A test file that says what of it runs, and in which process. */
function telling(name: string, more = ''): string {
  const hooks = ['before', 'after', 'beforeEach'].map((hook) => `${hook}(() => say('${hook}'));`);
  return write(
    `packages/protocol/test/${name}.test.ts`,
    [
      "import { after, before, beforeEach, test } from 'node:test';",
      `const say = (what) => process.stderr.write(\`${name} \${what} \${process.pid}\\n\`);`,
      ...hooks,
      `test('one', () => say('test'));`,
      more,
    ].join('\n'),
  );
}

test('files of a row share a process, with the hooks of each around its own tests', () => {
  const { groups, alone } = groupsOf([telling('b'), telling('a')], top, read);
  assert.deepEqual(alone, []);
  assert.equal(groups.length, 1);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const path = join(top, write(groups[0]?.name ?? '', groups[0]?.text ?? ''));
  const { status, stderr } = spawnSync(process.execPath, [path], { encoding: 'utf8', env });
  assert.equal(status, 0);
  const lines = stderr
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  const said = ['a', 'b'].flatMap((name) =>
    ['before', 'beforeEach', 'test', 'after'].map((what) => `${name} ${what}`),
  );
  assert.deepEqual(
    lines.map(([name, what]) => `${name} ${what}`),
    said,
  );
  assert.equal(new Set(lines.map(([, , pid]) => pid)).size, 1);
});

test('a file that changes what others see, and one of no row or with no other of its row, run by themselves', () => {
  const [one, two] = [telling('one'), telling('two', "process.env['TZ'] = 'UTC';")];
  const elsewhere = write('elsewhere/x.test.ts', '');
  const { groups, alone } = groupsOf([one, two, elsewhere], top, read);
  assert.deepEqual(groups, []);
  assert.deepEqual(alone.toSorted(), [elsewhere, one, two]);
});

test('a row with many files is several groups of about as many each', () => {
  const files = Array.from({ length: 7 }, (_, at) => write(`packages/report/test/${at}.test.ts`, ''));
  const { groups } = groupsOf(files, top, read);
  assert.deepEqual(
    groups.map((group) => group.files.length),
    [4, 3],
  );
  assert.deepEqual(groups.flatMap((group) => group.files).toSorted(), files);
});

test('no helper has hooks that would be those of the first file that reads it', () => {
  const helpers = globSync(['test/**/*.ts', 'packages/*/test/**/*.ts', 'scripts/test/**/*.ts'], { cwd: ROOT })
    .filter((path) => !path.endsWith('.test.ts'))
    .filter((path) => /^(before|after)(Each)?\(/m.test(readFileSync(join(ROOT, path), 'utf8')));
  assert.deepEqual(
    helpers,
    OF_ALL_FILES.map(([path]) => path),
  );
});
