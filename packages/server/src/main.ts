import {
  becomeOwner,
  complain,
  EXIT,
  hostPaths,
  makePrivateDirectory,
  METRICS_CHILD,
  orSayWhy,
  ownerOf,
  readRunOptions,
  runProgram,
  serveMetrics,
} from '@banshare/runtime';
import { chownSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Measures } from './metrics/measures.ts';

/** The argument that makes this program its own fan-out child. */
const FAN_OUT = '--fan-out-child';
/** The command that makes it the process that speaks to the world. */
const OUTSIDE = 'outside';
/** What the shells' completion asks. */
const COMPLETE = '__complete';
const STOP_WITHIN_SECONDS = 10;

const argv = process.argv.slice(2);
if (argv[0] === FAN_OUT) {
  const { runFanOut } = await import('./publish/fan-out.ts');
  runFanOut();
} else if (argv[0] === METRICS_CHILD) {
  const { serverFamilies } = await import('./metrics/families.ts');
  await serveMetrics((measures) => serverFamilies(measures as Measures));
} else if (argv[0] === COMPLETE) {
  await import('./complete.ts');
} else if (argv[0] === OUTSIDE && readRunOptions(argv.slice(1)) !== undefined) {
  await runOutside(readRunOptions(argv.slice(1)) ?? { root: '', config: undefined });
} else {
  const options = readRunOptions(argv);
  if (options === undefined) {
    // yargs and the commands are loaded only for a person at a terminal.
    const { runCommand } = await import('./cli/commands.ts');
    process.exitCode = await orSayWhy('banshare-server', () => runCommand(argv));
  } else {
    await runDaemon(options);
  }
}

async function runDaemon({ root, config }: { root: string; config: string | undefined }): Promise<void> {
  becomeServerUser(root);
  // What a child needs not, and the one that serves metrics may not load.
  const { readEverything } = await import('./setup/read-setup.ts');
  const ready = await readEverything(root, config);
  if (!ready.ok) {
    for (const fault of ready.faults) complain('banshare-server', fault);
    process.exitCode = EXIT.configuration;
    return;
  }
  const { serve } = await import('./serve.ts');
  const fanOut = { path: process.argv[1] ?? '', args: [FAN_OUT] };
  await runProgram({
    name: 'banshare-server',
    deadlineSeconds: STOP_WITHIN_SECONDS,
    start: (resources, signal) =>
      serve(
        { ...ready, paths: hostPaths(root), fanOut, reread: () => readEverything(root, config) },
        resources,
        signal,
      ),
  });
}

async function runOutside({ root, config }: { root: string; config: string | undefined }): Promise<void> {
  const { runOutside: run } = await import('./outside/run-outside.ts');
  process.exitCode = await run(hostPaths(root), config);
}

/**
 * Started by root, where systemd does not do it, the server goes on as the user who has its keys and ledger; root makes him the
 * folder of the socket first. @throws where it cannot be said whose they are.
 */
function becomeServerUser(root: string): void {
  const { generations, serverState, serverRun } = hostPaths(root);
  const owner = ownerOf(generations) ?? ownerOf(serverState);
  if (owner === undefined) {
    if (root !== '') becomeOwner(root);
    return;
  }
  if (ownerOf(dirname(serverRun)) === undefined) {
    makePrivateDirectory(serverRun);
    if (ownerOf(serverRun) === undefined) chownSync(serverRun, owner.uid, owner.gid);
  }
  becomeOwner(generations);
  becomeOwner(serverState);
}
