import { version } from '../config/baked.ts';
import type { Family } from './exposition.ts';

/** What a program says of itself, whichever it is; `startedAt` is epoch seconds. */
export type ProgramMeasures = {
  version: string;
  startedAt: number;
  residentBytes: number;
  cpuSeconds: number;
};

/** Measures this process. */
export function measureProgram(startedAt: number): ProgramMeasures {
  const { user, system } = process.cpuUsage();
  return {
    version,
    startedAt,
    residentBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1e6,
  };
}

/**
 * The families that every program has, with the same words in each: node_exporter reads the files of several, and refuses one
 * family with two sentences. Without measures the program does not run.
 */
export function programFamilies(program: string, measures: ProgramMeasures | undefined): Family[] {
  const one = (value: number | undefined): { labels: Record<string, string>; value: number }[] =>
    value === undefined ? [] : [{ labels: { program }, value }];
  return [
    {
      name: 'banshare_up',
      help: 'Whether the program answers: 1, or 0 where it does not run.',
      type: 'gauge',
      samples: one(measures === undefined ? 0 : 1),
    },
    {
      name: 'banshare_build_info',
      help: 'The version of the program.',
      type: 'info',
      samples: measures === undefined ? [] : [{ labels: { program, version: measures.version }, value: 1 }],
    },
    {
      name: 'banshare_start_time_seconds',
      help: 'When the program started, in epoch seconds.',
      type: 'gauge',
      samples: one(measures?.startedAt),
    },
    {
      name: 'banshare_resident_memory_bytes',
      help: 'The memory of the program.',
      type: 'gauge',
      samples: one(measures?.residentBytes),
    },
    {
      name: 'banshare_cpu_seconds_total',
      help: 'The processor time that the program has taken.',
      type: 'counter',
      samples: one(measures?.cpuSeconds),
    },
  ];
}
