import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { untilDone } from '../src/interrupted.ts';

const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0);

test(
  'signals that interrupt one in three calls into libzmq keep nothing from being opened, asked, heard, cut and closed',
  { skip: compiler === undefined ? 'needs a C compiler' : false },
  (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'banshare-interrupting-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const library = join(folder, 'interrupting.so');
    const source = join(import.meta.dirname, 'fixtures/interrupting.c');
    const built = spawnSync(compiler ?? '', ['-shared', '-fPIC', '-o', library, source, '-ldl']);
    assert.equal(built.status, 0, String(built.stderr));
    const ran = spawnSync(process.execPath, [join(import.meta.dirname, 'fixtures/interrupted-main.ts')], {
      env: { ...process.env, LD_PRELOAD: library, INTERRUPT_ONE_IN: '3' },
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.equal(ran.status, 0, ran.stderr);
    // Without trying again, one in three would have failed.
    const { bare } = JSON.parse(ran.stdout) as { bare: number };
    assert.ok(bare > 10, `only ${bare} of 100 bare calls were interrupted`);
  },
);

test('untilDone() tries what was interrupted again, throws all else at once, and does not try without end', () => {
  let calls = 0;
  const failing = (code: string, times: number) => (): number => {
    calls += 1;
    if (calls <= times) throw Object.assign(new Error(code), { code });
    return calls;
  };
  assert.equal(untilDone(failing('EINTR', 3)), 4);
  calls = 0;
  assert.throws(() => untilDone(failing('EMFILE', 1)), { code: 'EMFILE' });
  assert.equal(calls, 1);
  assert.throws(() => untilDone(failing('EINTR', 1e9)), { code: 'EINTR' });
});
