import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  becomeOwner,
  complain,
  EXIT,
  findServer,
  hostPaths,
  METRICS_CHILD,
  orSayWhy,
  readClientConfig,
  readRunOptions,
  runProgram,
  serveMetrics,
} from '@banshare/runtime';
import type { ClientMeasures } from './metrics/measures.ts';

/** Beside what a command takes: an answer and a run of the reporter that are under way. */
const STOP_WITHIN_SECONDS = 30;

const argv = process.argv.slice(2);
const options = readRunOptions(argv);
if (argv[0] === METRICS_CHILD) {
  const { clientFamilies } = await import('./metrics/families.ts');
  await serveMetrics((measures) => clientFamilies(measures as ClientMeasures));
} else if (options === undefined) {
  // yargs and the commands are loaded only for a person at a terminal.
  const { runCommand } = await import('./cli/commands.ts');
  const code = await orSayWhy('banshare-client', () => runCommand(argv));
  // What a check left open must not keep the program; but a long list may still be on its way to whoever reads it.
  // Where it cannot be written, that is what is said, and not this.
  process.exitCode = code;
  process.stdout.write('', (error) => {
    if (error === undefined || error === null) process.exit(code);
  });
} else {
  await runDaemon(options);
}

async function runDaemon({ root, config }: { root: string; config: string | undefined }): Promise<void> {
  if (root !== '') becomeOwner(root);
  const paths = hostPaths(root);
  const reread = (): ReturnType<typeof readClientConfig> =>
    readClientConfig(config ?? paths.clientConfig, { mustExist: config !== undefined });
  const read = await reread();
  // Only now: the child that serves metrics may load no addon, and this loads zeromq.
  const { generationToBegin, moveOn } = await import('./follow/generation-move.ts');
  const fleet = read.ok ? await generationToBegin({ paths, config: read.config }) : undefined;
  const serverEndpoint = read.ok ? findServer(read.config, fleet) : undefined;
  if (!read.ok || serverEndpoint?.ok !== true) {
    const faults = read.ok ? [serverEndpoint?.ok === false ? serverEndpoint.fault : ''] : read.faults;
    for (const fault of faults) complain('banshare-client', fault);
    process.exit(EXIT.configuration);
  }
  const { run } = await import('./run.ts');
  await runProgram({
    name: 'banshare-client',
    // A running ban command is waited for: it ends by its own timeout, and may run once more with missing-jail.
    deadlineSeconds: 2 * read.config.apply.timeoutSeconds + STOP_WITHIN_SECONDS,
    start: (resources, signal) => {
      void moveOn({ paths, config: read.config, fleet }, resources, signal);
      const reporter = reporterWords(root, config);
      const { config: settings } = read;
      return run(
        { config: settings, fleet, serverEndpoint: serverEndpoint.value, paths, reporter, reread },
        resources,
        signal,
      );
    },
  });
}

/** How this host's banshare-report is run: the bundle beside this one, or its source in development. */
function reporterWords(root: string, config: string | undefined): string[] {
  const here = import.meta.dirname;
  const bundle = join(here, 'report.cjs');
  const program = existsSync(bundle) ? bundle : join(here, '../../report/src/main.ts');
  const options = [
    ...(root === '' ? [] : ['--root', root]),
    ...(config === undefined ? [] : ['--config', config]),
  ];
  return [process.execPath, program, ...options];
}
