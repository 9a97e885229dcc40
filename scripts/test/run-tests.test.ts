import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';

const RUNNER = join(import.meta.dirname, '../run-tests.ts');
const folder = mkdtempSync(join(tmpdir(), 'banshare-runner-'));
after(() => rmSync(folder, { recursive: true }));
// node:test runs nothing below a test unless this is gone.
const { NODE_TEST_CONTEXT: _, ...env } = process.env;

const FILES = {
  good: "test('good', () => {});",
  bad: "test('bad', () => { throw new Error('on purpose'); });",
  broken: "throw new Error('before any test');",
  skipped: "test('skipped', { skip: 'no root here' }, () => {});",
  long: "test('long', () => {});",
  programs:
    "import { readdirSync } from 'node:fs'; test(readdirSync(process.env.BANSHARE_TEST_PROGRAMS).join(), () => {});",
  hanging: "test('over', () => {}); setInterval(() => {}, 1000);",
  ending:
    "test('first', () => {}); test('ends', () => new Promise(() => process.once('SIGTERM', () => process.exit(1))));",
};
for (const [name, text] of Object.entries(FILES)) {
  const kind = name === 'long' ? '.long' : '';
  writeFileSync(join(folder, `${name}${kind}.test.ts`), `import { test } from 'node:test';\n${text}\n`);
}

function runner(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  const paths = words.map((word) => (word.startsWith('--') ? word : join(folder, `${word}.test.ts`)));
  return spawnSync(process.execPath, [RUNNER, ...paths], { encoding: 'utf8', env });
}

test('a run of tests that pass ends with 0, counts all groups together, and names the slowest files', () => {
  const { status, stdout, stderr } = runner('good', 'skipped', 'long.long');
  assert.equal(status, 0, stderr);
  for (const count of ['tests 3', 'pass 2', 'fail 0', 'skipped 1'])
    assert.match(stdout, new RegExp(`${count}\n`));
  assert.match(stdout, /The slowest files[^]* s {2}\S*good\.test\.ts\n/);
});

test('a run ends with 1 where a test fails, and where a file does before its tests', () => {
  const bad = runner('good', 'bad');
  assert.equal(bad.status, 1);
  assert.match(bad.stdout, /failing tests:[^]*on purpose/);
  assert.equal(runner('good', 'broken').status, 1);
});

test('a file is long by its name, and what names no file is refused', () => {
  assert.match(runner('--kind=long', '*').stdout, /✔ long [^]*tests 1\n/);
  assert.doesNotMatch(runner('--kind=short', '{good,long.long}').stdout, /✔ long /);
  const { status, stderr } = runner('none');
  assert.equal(status, 1);
  assert.match(stderr, /No test file is called ".*none\.test\.ts": give its path/);
});

test('files of the same rooms run in one process, each as a suite of its own, and one alone by its name', () => {
  const two = ['curve-key', 'duration'].map((name) => `packages/protocol/test/words/${name}.test.ts`);
  const ran = (...paths: string[]): string =>
    spawnSync(process.execPath, [RUNNER, ...paths, join(folder, 'good.test.ts')], { encoding: 'utf8', env })
      .stdout;
  const suites = (output: string): string[] => two.filter((path) => output.includes(`▶ ${path}\n`));
  const both = ran(...two);
  assert.match(both, /fail 0\n/);
  assert.deepEqual(suites(both), two);
  const [slow = ''] = /The slowest files[^]*/.exec(both) ?? [];
  assert.ok(two.every((path) => slow.includes(path)) && !slow.includes('together'), slow);
  const [one = ''] = two;
  assert.deepEqual(suites(ran(one)), []);
  assert.ok(ran(one).includes(` s  ${one}\n`));
});

test('a run bundles the programs as they stand, so that a process of a test reads no sources', () => {
  assert.match(runner('programs').stdout, /✔ \S*client\.mjs,\S*report\.cjs,\S*server\.mjs,zeromq\.node /);
});

test('a run that is told to end ends its files, and with 1', async () => {
  const child = spawn(process.execPath, [RUNNER, join(folder, 'ending.test.ts')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  createInterface({ input: child.stdout }).once('line', () => child.kill('SIGTERM'));
  const [code] = (await once(child, 'close')) as [number];
  assert.equal(code, 1);
});

test('a file that is still there after its time is ended and has failed, though its tests are over', () => {
  const { status, stdout } = runner('--file-seconds=3', 'good', 'hanging');
  assert.equal(status, 1);
  assert.match(stdout, /This file is ended after 3 s: a test of it hangs, or left something that does\./);
  assert.match(stdout, /✔ over [^]*✖ \S*hanging\.test\.ts /);
});
