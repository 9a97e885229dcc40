import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startFleet } from './fleet/index.ts';

// Sources load packages by their names; what the bundles load lazily is in scripts/test/build.test.ts.
delete process.env['BANSHARE_TEST_PROGRAMS'];

/** Has a program note each module that it loads, in a file: a pipe that nobody reads for a moment would end it. */
const NOTES_WHAT_IT_LOADS = `
import { registerHooks } from 'node:module';
import { appendFileSync } from 'node:fs';
const note = (url) => appendFileSync(process.env.BANSHARE_LOADED, url + '\\n');
registerHooks({ load(url, context, next) { note(url); return next(url, context); } });
`;

/** What a program is started with that notes what it loads. */
function noting(file: string): NodeJS.ProcessEnv {
  const hook = `--import=data:text/javascript,${encodeURIComponent(NOTES_WHAT_IT_LOADS)}`;
  return { NODE_OPTIONS: hook, BANSHARE_LOADED: file };
}

/** The packages of node_modules that a program noted. */
function packages(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  const names = lines.map((line) => /\/node_modules\/([^/]+)\//.exec(line)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].toSorted();
}

test('neither daemon of an enrolled fleet has loaded yargs or libsodium, nor a server alone what speaks to a database', async () => {
  await using fleet = await startFleet({ hosts: ['h1'] });
  const host = fleet.host('h1');
  await host.stop();
  await fleet.server.stop();
  const [byServer, byHost] = [join(fleet.server.root, 'loaded'), join(host.root, 'loaded')];
  await fleet.server.start({ env: noting(byServer) });
  await host.start({ env: noting(byHost) });
  for (const file of [byServer, byHost]) {
    const loaded = packages(file);
    assert.ok(loaded.includes('zeromq') && loaded.includes('winston'), loaded.join(' '));
    assert.deepEqual(
      loaded.filter((name) => /yargs|libsodium|^(?:pg|postgres)\b/.test(name)),
      [],
    );
  }
});
