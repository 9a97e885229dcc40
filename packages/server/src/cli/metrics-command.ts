import { complain, EXIT, exposed, METRICS_OPTIONS, writeMetricsFile } from '@banshare/runtime';
import { askServer, type Ask, type Command } from './asking/ask-daemon.ts';
import { serverFamilies } from '../metrics/families.ts';
import type { Measures } from '../metrics/measures.ts';

/** `metrics`: what a monitoring reads. */
export function metricsCommand(ask: Ask, setCode: (code: number) => void): Command {
  return {
    command: 'metrics',
    describe: 'figures for Prometheus, in its text format 0.0.4',
    builder: METRICS_OPTIONS,
    handler: async (words) => {
      const { file } = words;
      if (typeof file === 'string') return setCode(await writeMetrics(words.root, file));
      const form = words['openmetrics'] === true ? 'openmetrics' : 'text';
      const show = (measures: Measures): string => exposed(serverFamilies(measures), form).trimEnd();
      return ask(words, { command: 'metrics' }, show);
    },
  };
}

/** That the server does not run stands in the file then, and that is all that whoever writes it has to do. */
async function writeMetrics(root: string, file: string): Promise<number> {
  const reply = await askServer(root, { command: 'metrics' });
  try {
    writeMetricsFile(file, serverFamilies(reply.ok ? (reply.result as Measures) : undefined));
  } catch (error) {
    complain('banshare-server', (error as Error).message);
    return EXIT.failed;
  }
  if (reply.ok || reply.code === 'no-daemon') return EXIT.done;
  complain('banshare-server', reply.reason);
  return EXIT.failed;
}
