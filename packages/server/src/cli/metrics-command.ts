import { exposed } from '@banshare/runtime';
import type { Ask, Command } from './ask-daemon.ts';
import { serverFamilies } from '../metrics/families.ts';
import type { Measures } from '../metrics/measures.ts';

/** `metrics`: what a monitoring reads. */
export function metricsCommand(ask: Ask): Command {
  return {
    command: 'metrics',
    describe: 'figures for Prometheus, in its text format 0.0.4',
    builder: {},
    handler: (words) => {
      const show = (measures: Measures): string => exposed(serverFamilies(measures), 'text').trimEnd();
      return ask(words, { command: 'metrics' }, show);
    },
  };
}
