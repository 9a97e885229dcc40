import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { skipUnlessRootWith } from './surroundings.ts';

/** What a test file that runs in a network of its own is told by. */
const INSIDE = 'BANSHARE_TEST_NETWORK';

/** Whether this process is in a network of its own, where it may drop packets and lay cables. */
export const isInside = process.env[INSIDE] !== undefined;

/** Why no network of its own can be had here, or false. */
export function ownNetworkSkip(...programs: readonly string[]): string | false {
  const missing = skipUnlessRootWith('unshare', 'setpriv', 'ip', 'nft', ...programs);
  if (missing !== false) return missing;
  return spawnSync('unshare', ['--net', 'true']).status === 0 ? false : 'needs network namespaces';
}

/** Runs a test file once more, in a network with nothing but loopback that ends with it, as one test of this process. */
export function runInOwnNetwork(name: string, file: string): void {
  test(name, async (t) => {
    const script = 'ip link set lo up && exec "$@"';
    const words = [
      '--net',
      'setpriv',
      '--pdeathsig',
      'KILL',
      'sh',
      '-c',
      script,
      'sh',
      process.execPath,
      file,
    ];
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = spawn('unshare', words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...env, [INSIDE]: 'yes' },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
    const [code] = (await once(child, 'close')) as [number | null];
    for (const [, figure = ''] of said.matchAll(
      /^ℹ (?!(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) )(.*)$/gm,
    ))
      t.diagnostic(figure);
    assert.equal(code, 0, said);
  });
}

/** Runs commands of ip(8) in the network of this process. */
export function ip(...commands: readonly string[]): void {
  assert.ok(isInside);
  const { status, stderr } = spawnSync('ip', ['-batch', '-'], {
    input: commands.join('\n'),
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
}
