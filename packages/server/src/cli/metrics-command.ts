import { exposed } from '@banshare/runtime';
import type { Ask, Command } from './ask-daemon.ts';
import { serverFamilies } from '../metrics/families.ts';
import type { Measures } from '../metrics/measures.ts';

/** `metrics`: what a monitoring reads. */
export function metricsCommand(ask: Ask): Command {
  return {
    command: 'metrics',
    describe: 'figures for Prometheus, in its text format 0.0.4',
    builder: { openmetrics: { type: 'boolean', default: false, describe: 'in the form of OpenMetrics 1.0' } },
    handler: (words) => {
      const form = words['openmetrics'] === true ? 'openmetrics' : 'text';
      const show = (measures: Measures): string => exposed(serverFamilies(measures), form).trimEnd();
      return ask(words, { command: 'metrics' }, show);
    },
  };
}
