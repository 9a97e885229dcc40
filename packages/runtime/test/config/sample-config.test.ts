import assert from 'node:assert/strict';
import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readClientConfig, readServerConfig } from '@banshare/runtime';
import { sampleConfig } from './sample-config.ts';

const readers = { server: readServerConfig, client: readClientConfig };

for (const program of ['server', 'client'] as const) {
  const read = async (content: string) => {
    using directory = mkdtempDisposableSync(join(tmpdir(), 'banshare-sample-'));
    const path = join(directory.path, 'sample.toml');
    writeFileSync(path, content);
    const result = await readers[program](path);
    return result.ok ? { ...result, files: [] } : result;
  };

  test(`the sample ${program}.toml changes nothing as it is`, async () => {
    assert.deepEqual(await read(sampleConfig(program)), await readers[program]('/nonexistent'));
  });

  test(`the sample ${program}.toml shows the defaults: uncommented it changes nothing either`, async () => {
    const bare = sampleConfig(program).replace(/^# ([a-z-]+ = )/gm, '$1');
    assert.notEqual(bare, sampleConfig(program));
    assert.deepEqual(await read(bare), await readers[program]('/nonexistent'));
  });

  test(`the examples of the sample ${program}.toml can be used`, async () => {
    const used = sampleConfig(program).replace(/^# for example: ([a-z-]+ = )/gm, '$1');
    const result = await read(used);
    assert.ok(result.ok, JSON.stringify(result));
  });
}
