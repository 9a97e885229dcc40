import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { build } from 'esbuild';
import { bakedFleet, version } from '@banshare/runtime';

test('nothing is baked into the source', () => {
  assert.equal(bakedFleet, undefined);
  assert.equal(version, '0.0.0-development');
});

test('a build knows its fleet and version, and has the ban command of the fleet as default', async () => {
  const fleet = { generation: 'g', banCommand: '/bin/echo "SRCIP"' };
  const built = await build({
    stdin: {
      contents: `import { bakedFleet, readClientConfig, version } from '@banshare/runtime';
        const read = await readClientConfig('/nonexistent');
        console.log(JSON.stringify([bakedFleet, version, read.config.apply.command]));`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    define: { __BANSHARE_FLEET__: JSON.stringify(fleet), __BANSHARE_VERSION__: '"1.2.3"' },
  });
  const program = built.outputFiles[0]?.text ?? '';
  const said = execFileSync(process.execPath, ['--input-type=module'], { input: program, encoding: 'utf8' });
  assert.deepEqual(JSON.parse(said), [fleet, '1.2.3', '/bin/echo "SRCIP"']);
});
