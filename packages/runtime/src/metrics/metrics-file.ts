import { dirname } from 'node:path';
import { wallSeconds } from '../machine/clock.ts';
import { asOwner } from '../files/owner.ts';
import { removeUnfinished, writeAtomic } from '../files/private-file.ts';
import { exposed, type Family } from './exposition.ts';

/**
 * Writes families where node_exporter reads them, as whoever reads everything may: whole, or as it was before. In the text format, since
 * node_exporter drops a file that has a type of OpenMetrics. Root does it with the rights of whose the folder is. @throws when it cannot be
 * written.
 */
export function writeMetricsFile(path: string, families: readonly Family[]): void {
  const text = exposed(families, 'text');
  asOwner(dirname(path), () => {
    writeAtomic(path, text, 0o644);
    removeUnfinished(path, wallSeconds());
  });
}

/** The words that `metrics` takes, the same for every program. */
export const METRICS_OPTIONS = {
  openmetrics: { type: 'boolean', default: false, describe: 'in the form of OpenMetrics 1.0' },
  file: {
    type: 'string',
    describe:
      'writes the text format into FILE, for the textfile collector of node_exporter; banshare_up is 0 there where it does not run',
  },
} as const;
