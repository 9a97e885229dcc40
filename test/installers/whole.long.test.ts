import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FreshBuild, run, VERSION } from './fresh-build.ts';
import { Below } from './install-below.ts';

// What is as handed out, with the pinned runtime in it: elsewhere a light one stands for that.
const whole = new FreshBuild();
before(() => {
  whole.everything();
});
after(() => {
  whole[Symbol.dispose]();
});

test('installers with the pinned runtime are below 60 MB, install both roles side by side, and what they laid runs by it alone', () => {
  const below = new Below(whole, 'machine');
  for (const role of ['server', 'client'] as const) {
    const { size } = statSync(join(whole.dist, `${role}-install.sh`));
    assert.ok(size < 60e6, String(size));
    const ran = below.install(role);
    assert.deepEqual([ran.code, ran.err], [0, '']);
  }
  assert.ok(statSync(below.path('usr/lib/banshare/node')).size > 60e6);
  for (const name of ['server', 'client', 'report'])
    assert.equal(
      run(below.path('usr/bin', `banshare-${name}`), ['--version'], { PATH: '' }).out,
      `${VERSION}\n`,
    );
});
