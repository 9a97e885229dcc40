import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { skipUnlessRootWith } from './surroundings.ts';

/** What a test file that runs in a network of its own is told by. */
const INSIDE = 'BANSHARE_TEST_NETWORK';

/** Whether this process is in a network of its own, where it may drop packets and lay cables. */
export const isInside = process.env[INSIDE] !== undefined;

/** Its processes are numbered anew there, so that all of them end with the first, whoever has started them and however they are detached. */
const OWN = ['--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
/** How long a test file has to tidy up once the process that started it is gone, seconds. */
const TIDY_SECONDS = 3;

/**
 * The first process there: it takes what others leave behind, and ends with the test file. Where the process outside ends first, by whatever
 * signal, the input of this one does, and the file is told to end; one that hears nothing, such as in the middle of a command, is killed.
 */
const FIRST = `ip link set lo up || exit 1
exec 3<&0
"$@" </dev/null 3<&- &
file=$!
{ cat; kill -TERM "$file"; sleep ${TIDY_SECONDS}; kill -KILL -1; } <&3 >/dev/null 2>&1 &
exec 3<&-
wait "$file"
exit "$?"`;

/** Why no network of its own can be had here, or false. */
export function ownNetworkSkip(...programs: readonly string[]): string | false {
  const missing = skipUnlessRootWith('unshare', 'ip', 'nft', ...programs);
  if (missing !== false) return missing;
  return spawnSync('unshare', [...OWN, 'true']).status === 0 ? false : 'needs network and PID namespaces';
}

/** Runs a test file once more, in a network with nothing but loopback that ends with it, as one test of this process. */
export function runInOwnNetwork(name: string, file: string): void {
  test(name, async (t) => {
    const words = [...OWN, 'sh', '-c', FIRST, 'sh', process.execPath, file];
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    // Its input ends with this process.
    const child = spawn('unshare', words, { stdio: 'pipe', env: { ...env, [INSIDE]: 'yes' } });
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
