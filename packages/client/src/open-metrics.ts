import { MetricsDoor, type ClientConfig, type FaultLog, type Log, type Resources } from '@banshare/runtime';
import { measure } from './admin/metrics.ts';

/** Serves this host's metrics where client.toml says so, by a process of their own. */
export function openMetrics(
  { config, log, faults }: { config: ClientConfig; log: Log; faults: FaultLog },
  parts: Parameters<typeof measure>[0],
  resources: Resources,
): void {
  const { listen } = config.metrics;
  if (listen === undefined) return;
  const program = process.argv[1] ?? '';
  const door = new MetricsDoor({ listen, program, measure: () => measure(parts), log, faults });
  resources.own('the metrics', () => door.close());
}
