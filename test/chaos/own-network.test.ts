import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { test } from 'node:test';
import { untilAnswered } from '../fleet/index.ts';
import { isInside, ownNetworkSkip, runInOwnNetwork } from './own-network.ts';

/** This file is the test; run by it with this, one that hangs in a network of its own. */
const HANGS = 'BANSHARE_TEST_HANGS';
const PROGRAM = 'sleep';

/** The processes of this machine that have the mark in their command line. */
function marked(mark: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const [program, ...words] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return program === PROGRAM && words.includes(mark);
    } catch {
      return false;
    }
  });
}

const given = process.env[HANGS];
if (given !== undefined && isInside) {
  // One that belongs to nobody any more, and one for which this process waits and hears nothing meanwhile.
  spawn('setsid', ['--fork', PROGRAM, given], { stdio: 'ignore' });
  spawnSync(PROGRAM, [given]);
} else if (given !== undefined) {
  runInOwnNetwork('it hangs', import.meta.filename);
} else {
  test(
    'all that a test in a network of its own has started ends with its process, whatever it waits for and however that is ended',
    { skip: ownNetworkSkip('setsid') },
    async () => {
      await Promise.all((['SIGTERM', 'SIGKILL'] as const).map(endsBy));
    },
  );
}

async function endsBy(signal: NodeJS.Signals): Promise<void> {
  // A number of seconds to sleep, of this process and this signal alone.
  const mark = `${9000 + process.pid}.${constants.signals[signal]}`;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const runs = spawn(process.execPath, [import.meta.filename], {
    stdio: 'ignore',
    env: { ...env, [HANGS]: mark },
  });
  const have = (count: number) => async (): Promise<true | undefined> =>
    marked(mark).length === count ? true : undefined;
  const ended = once(runs, 'exit');
  try {
    await untilAnswered(have(2), 20_000, () => 'what hangs');
    runs.kill(signal);
    await ended;
  } finally {
    runs.kill('SIGKILL');
  }
  await untilAnswered(have(0), 20_000, () => `the end of what hangs, by ${signal}`);
}
