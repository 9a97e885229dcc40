import { MetricsDoor, type FaultLog, type Log, type Resources, type ServerConfig } from '@banshare/runtime';
import { answerAdmin, type AdminParts } from './operator/admin.ts';

/** Serves the server's metrics where server.toml says so, by a process of their own: that asks as a command of the local socket does. */
export function openMetrics(
  { config, program }: { config: ServerConfig; program: string },
  parts: AdminParts & { log: Log; faults: FaultLog },
  resources: Resources,
): void {
  const { listen } = config.metrics;
  if (listen === undefined) return;
  const measure = async (): Promise<unknown> => {
    const reply = await answerAdmin({ command: 'metrics', args: {} }, parts);
    if (!reply.ok) throw new Error(reply.reason);
    return reply.result;
  };
  const { log, faults } = parts;
  const door = new MetricsDoor({ listen, program, measure, log, faults });
  resources.own('the metrics', () => door.close());
}
