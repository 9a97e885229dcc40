import type { ServerConfig } from '@banshare/runtime';
import { strangerIsRefused, type Listening, type ReportPort } from '@banshare/transport';
import { publishDomain, reportDomain } from './domains.ts';
import type { Generation } from './generations.ts';

/**
 * Opens the report port for every generation and proves each door shut.
 * @throws when a port is taken, or a stranger's key gets in.
 */
export async function openReportPort(port: ReportPort, endpoints: readonly Listening[]): Promise<string[]> {
  const bound: string[] = [];
  for (const to of endpoints) {
    let at: string;
    try {
      at = await port.listen(to);
    } catch (error) {
      throw new Error(`Cannot open the report port ${to.port}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    if (!(await strangerIsRefused(at, to.curve.publicKey))) {
      throw new Error(`Cannot serve: the report port ${at} lets a stranger's key in`);
    }
    bound.push(at);
  }
  return bound;
}

/** Where each generation listens; [listen] may override the ports of the only one. */
export function endpointsOf(
  generations: readonly Generation[],
  config: ServerConfig,
  which: 'report' | 'publish',
): Listening[] {
  const { address, reportPort, publishPort } = config.listen;
  return generations.map(({ name, curve, fleet }) =>
    which === 'report'
      ? { domain: reportDomain(name), curve, address, port: reportPort ?? fleet.reportPort }
      : { domain: publishDomain(name), curve, address, port: publishPort ?? fleet.publishPort },
  );
}
