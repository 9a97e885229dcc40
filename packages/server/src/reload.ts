import { Reloader, serverOptions, type OpenLog, type Resources, type ServerConfig } from '@banshare/runtime';
import type { ServeOptions } from './core.ts';
import type { Membership } from './fleet/membership.ts';
import type { LimitKeeper } from './judging/limits.ts';
import type { Policy } from './judging/judge.ts';
import type { Audit } from './ledger/books/audit.ts';
import type { BannedAnywayWatch } from './never-ban/banned-anyway.ts';
import type { NeverBan } from './never-ban/never-ban.ts';

type Parts = {
  policy: Policy;
  neverBan: NeverBan;
  bannedAnyway: BannedAnywayWatch;
  limits: LimitKeeper;
  membership: Membership;
  audit: Audit;
  log: OpenLog;
  now: () => number;
};

/**
 * What a running server does for each option that a reload changes; all of it within one turn of the loop. SIGHUP has it reload from
 * now on.
 */
export function reloaderOf(
  { config, reread }: Pick<ServeOptions, 'config' | 'reread'>,
  parts: Parts,
  resources: Resources,
): Reloader<typeof serverOptions> {
  const policy = (): void => void Object.assign(parts.policy, policyOf(config));
  const limits = (): void => parts.limits.changed();
  const log = (): void => parts.log.set(config.log);
  const neverBan = (): void => {
    parts.neverBan.configure(config.neverBan);
    // What is banned there stays until a person lifts it, and status names it.
    void parts.bannedAnyway.look(parts.now()).catch(() => undefined);
  };
  const reloader = new Reloader({
    table: serverOptions,
    running: config,
    read: reread,
    takes: {
      'dedupe.window': policy,
      'bans.default-duration': policy,
      'bans.max-duration': policy,
      'bans.escalation': policy,
      'bans.ipv6-prefix': 'where-used',
      quorum: 'where-used',
      'never-ban.addresses': neverBan,
      'never-ban.fleet': neverBan,
      'limits.host-per-minute': limits,
      'limits.host-burst': limits,
      'limits.fleet-per-minute': limits,
      'limits.active': 'where-used',
      'enrolment.mode': () => parts.membership.configure(config.enrolment.mode),
      'enrolment.per-minute': () => parts.membership.takeAMinute(config.enrolment.perMinute),
      'backup.to': 'where-used',
      'backup.command': 'where-used',
      'backup.keep': 'where-used',
      'drill.every': 'where-used',
      'drill.limit': 'where-used',
      'ledger.keep': 'where-used',
      'ledger.keep-evidence': 'where-used',
      'web.acts': 'where-used',
      // The process that sends messages reads them by itself.
      notify: 'where-used',
      'dead-man.url': 'where-used',
      'dead-man.url-file': 'where-used',
      'log.level': log,
      'log.format': log,
    },
    log: parts.log,
    took: ({ changed }) =>
      void parts.audit
        .add('reload', { changed: changed.map(({ key }) => key) }, parts.now())
        .catch(() => undefined),
  });
  resources.onReload(() => void reloader.reload());
  return reloader;
}

/** By what reports are judged, of the configuration. */
export function policyOf(config: ServerConfig): Policy {
  return {
    windowSeconds: config.dedupe.windowSeconds,
    defaultDurationSeconds: config.bans.defaultDurationSeconds,
    maxDurationSeconds: config.bans.maxDurationSeconds,
    escalationSeconds: config.bans.escalation,
  };
}
