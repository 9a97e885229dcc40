import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHook } from 'node:async_hooks';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { test } from 'node:test';
import { keepPoolAwake } from '../../src/process/thread-pool.ts';

test('the pool of threads is asked again and again, so that what it overslept is found', async () => {
  const asked = Promise.withResolvers<void>();
  let times = 0;
  const hook = createHook({
    init(_id, type) {
      if (type === 'FSREQCALLBACK' && ++times === 3) asked.resolve();
    },
  }).enable();
  // Only the questions' own timer is awaited, which keeps nobody: something else has to.
  const stay = setInterval(() => {}, 1000);
  keepPoolAwake(1);
  await asked.promise;
  hook.disable();
  clearInterval(stay);
});

test('a process that has nothing else to do ends all the same', () => {
  const source = join(import.meta.dirname, '../../src/process/thread-pool.ts');
  const text = `import { keepPoolAwake } from ${JSON.stringify(pathToFileURL(source).href)}; keepPoolAwake(1); console.log('done');`;
  const said = execFileSync(process.execPath, ['--input-type=module', '--eval', text], { timeout: 20_000 });
  assert.equal(said.toString(), 'done\n');
});
