import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFleet } from './fleet/index.ts';

/** Has a program say each module that it loads. */
const SAYS_WHAT_IT_LOADS = `
import { registerHooks } from 'node:module';
import { writeSync } from 'node:fs';
registerHooks({ load(url, context, next) { writeSync(2, 'loaded ' + url + '\\n'); return next(url, context); } });
`;
const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(SAYS_WHAT_IT_LOADS)}` };

/** The packages of node_modules that a program said it loaded. */
function packages(said: readonly string[]): string[] {
  const names = said.map((line) => /^loaded .*\/node_modules\/([^/]+)\//.exec(line)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].toSorted();
}

test('neither daemon of an enrolled fleet has loaded yargs or libsodium', async () => {
  await using fleet = await startFleet({ hosts: ['h1'] });
  const host = fleet.host('h1');
  await host.stop();
  await fleet.server.stop();
  await fleet.server.start({ env });
  await host.start({ env });
  for (const said of [fleet.server.said, host.said]) {
    const loaded = packages(said);
    assert.ok(loaded.includes('zeromq') && loaded.includes('winston'), loaded.join(' '));
    assert.deepEqual(
      loaded.filter((name) => name.includes('yargs') || name.includes('libsodium')),
      [],
    );
  }
});
