import { StartFault } from '@banshare/runtime';
import type { ServerConfig } from '@banshare/runtime';
import { strangerIsRefused, type Listening, type ReportPort } from '@banshare/transport';
import { publishDomain, reportDomain } from './admissions.ts';
import type { Generation } from '../setup/generations.ts';

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
      throw new StartFault(`Cannot open the report port ${to.port}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    if (!(await strangerIsRefused(at, to.curve.publicKey))) {
      throw new StartFault(`Cannot serve: the report port ${at} lets a stranger's key in`);
    }
    bound.push(at);
  }
  return bound;
}

/**
 * Where each generation listens; [listen] may override the ports of the only one. A server on one address of its machine
 * listens on loopback too, behind the others in the list: programs of the same machine come that way.
 */
export function endpointsOf(
  generations: readonly Generation[],
  config: ServerConfig,
  which: 'report' | 'publish',
): Listening[] {
  const { address, reportPort, publishPort } = config.listen;
  const endpoints = generations.map(({ name, curve, fleet }) =>
    which === 'report'
      ? { domain: reportDomain(name), curve, address, port: reportPort ?? fleet.reportPort }
      : { domain: publishDomain(name), curve, address, port: publishPort ?? fleet.publishPort },
  );
  return needsLoopback(address) ? [...endpoints, ...endpoints.flatMap(onLoopback)] : endpoints;
}

function needsLoopback(address: string): boolean {
  return (
    address !== '*' &&
    address !== '::' &&
    address !== '::1' &&
    !address.startsWith('127.') &&
    address !== '0.0.0.0'
  );
}

/** A port that is taken at random is another one on loopback, where nobody would look for it. */
function onLoopback(to: Listening): Listening[] {
  return to.port === 0 ? [] : [{ ...to, address: '127.0.0.1' }];
}
