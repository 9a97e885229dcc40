import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../src/index.ts';

test('README.md names the exit codes of the two daemons and of banshare-report', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8');
  const lists = [...readme.matchAll(/exit codes: (.*)/gi)].map(([, list = '']) => list);
  const named = lists.flatMap((list) =>
    [...list.matchAll(/(?:^|[,;] )(\d+) /g)].map(([, code]) => Number(code)),
  );
  const { crashed, cannotWrite, ...ordinary } = EXIT;
  assert.deepEqual(new Set(named), new Set(Object.values(ordinary)));
  assert.ok(!named.includes(crashed) && !named.includes(cannotWrite));
});
