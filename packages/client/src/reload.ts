import {
  clientOptions,
  findServer,
  fleetInUse,
  Reloader,
  type ClientConfig,
  type HostPaths,
  type OpenLog,
  type ReadConfig,
  type Resources,
} from '@banshare/runtime';
import type { Applier } from './apply/apply.ts';
import { mostActive } from './decide/max-active.ts';
import type { DecideParts } from './decide/parts.ts';
import type { Protection } from './protection/protect.ts';

type Parts = {
  parts: DecideParts;
  protection: Pick<Protection, 'relist'>;
  applier: Pick<Applier, 'concurrency'>;
  log: OpenLog;
};

/**
 * What a running client does for each option that a reload changes. What is listed or above max-active from then on is lifted, and what is
 * so no more is applied, by those who look after that anyway, within a second. SIGHUP has it reload from now on.
 */
export function reloaderOf(
  {
    config,
    paths,
    reread,
  }: {
    config: ClientConfig;
    paths: Pick<HostPaths, 'joined' | 'fleetNote'>;
    reread: () => Promise<ReadConfig<ClientConfig>>;
  },
  host: Parts,
  resources: Resources,
): Reloader<typeof clientOptions> {
  const { parts, protection, applier } = host;
  const log = (): void => host.log.set(config.log);
  const choice = (): void => {
    parts.choice.jails = config.follow.jails;
    parts.choice.progs = config.follow.progs;
    parts.choice.ownReports = config.apply.ownReports;
  };
  const reloader = new Reloader({
    table: clientOptions,
    running: config,
    read: async () => {
      const read = await reread();
      const endpoint = read.ok ? findServer(read.config, fleetInUse(paths)) : undefined;
      return endpoint?.ok === false ? { ok: false, faults: [endpoint.fault] } : read;
    },
    takes: {
      addresses: 'where-used',
      'follow.jails': choice,
      'follow.progs': choice,
      'apply.own-reports': choice,
      'apply.max-active': () => void (parts.maxActive = mostActive(config)),
      'apply.concurrency': () => void (applier.concurrency = config.apply.concurrency),
      'never-ban.addresses': () => protection.relist(),
      // The reporter reads them for each report.
      'report.timeout': 'where-used',
      'report.spool-max': 'where-used',
      'report.evidence': 'where-used',
      'report.spool-max-age': 'where-used',
      'log.level': log,
      'log.format': log,
    },
    log: host.log,
  });
  resources.onReload(() => void reloader.reload());
  return reloader;
}
