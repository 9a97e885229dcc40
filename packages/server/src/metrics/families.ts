import { programFamilies, type Distribution, type Family, type Sample } from '@banshare/runtime';
import type { HostMeasures, Measures } from './measures.ts';

type Labels = Readonly<Record<string, string>>;

/**
 * The metrics of a server, by the names that alarms and dashboards go by: none changes. What is unknown has no series. Without
 * measures the server does not run.
 */
export function serverFamilies(measures: Measures | undefined): Family[] {
  const ofProgram = programFamilies('banshare-server', measures?.program);
  if (measures === undefined) return ofProgram;
  return [
    ...ofProgram,
    ...healthFamilies(measures),
    ...banFamilies(measures),
    ...fleetFamilies(measures),
    ...backupFamilies(measures.backupAt),
    ...drillFamilies(measures.drill),
    ...hostFamilies(measures.eachHost),
  ];
}

function healthFamilies(measures: Measures): Family[] {
  const { shared } = measures;
  return [
    gauge(
      'banshare_attention',
      'Things that a person has to know, by level and kind, as banshare-server status says them in words.',
      measures.attention.map(({ level, kind, count }) => ({ labels: { level, kind }, value: count })),
    ),
    gauge('banshare_can_commit', 'Whether the ledger can be written: 1, or 0.', flag(measures.isCommitting)),
    gauge('banshare_can_publish', 'Whether events are published: 1, or 0.', flag(measures.isPublishing)),
    gauge(
      'banshare_stale',
      'Whether this server tells its hosts to look for another: 1, or 0.',
      flag(measures.isStale),
    ),
    gauge(
      'banshare_frozen',
      'Whether an operator has stopped what is new: 1, or 0.',
      flag(measures.isFrozen),
    ),
    gauge(
      'banshare_log_connected',
      'Whether the database of the log that several servers share can be reached: 1, or 0; only where there is one.',
      shared === null ? [] : flag(shared.isConnected),
    ),
    gauge(
      'banshare_log_behind_entries',
      'Entries of the log that several servers share which are not applied here yet; only where there is one.',
      one(shared?.behindEntries),
    ),
    gauge(
      'banshare_ledger_bytes',
      'The size of the ledger with its write-ahead log.',
      one(measures.ledgerBytes),
    ),
  ];
}

function banFamilies(measures: Measures): Family[] {
  const { bansActive, events } = measures;
  return [
    gauge('banshare_bans_active', 'Active bans, by family of addresses.', [
      { labels: { family: 'ipv4' }, value: bansActive.ipv4 },
      { labels: { family: 'ipv6' }, value: bansActive.ipv6 },
    ]),
    gauge('banshare_held', 'New bans that are held until an operator decides.', one(measures.held)),
    counter('banshare_events_total', 'Bans and unbans that were committed, since the server started.', [
      { labels: { kind: 'ban' }, value: events.ban },
      { labels: { kind: 'unban' }, value: events.unban },
    ]),
    gauge('banshare_head_seq', 'The number of the last event.', one(measures.head)),
    counter(
      'banshare_reports_total',
      'Reports of bans that were answered, by verdict and program, since the server started.',
      measures.reports.map(({ verdict, prog, count }) => ({ labels: { verdict, prog }, value: count })),
    ),
    histogram(
      'banshare_report_seconds',
      'From when a report arrived until it was committed and answered.',
      measures.reportSeconds,
    ),
    histogram(
      'banshare_applied_seconds',
      'From when the report of a ban came until the ban was in place on a host, as that host measures; of hosts of an earlier version until they said so, up to 5 s later.',
      measures.appliedSeconds,
    ),
  ];
}

function fleetFamilies(measures: Measures): Family[] {
  const { active, behind, outOfPlace, muted } = measures.hosts;
  return [
    gauge('banshare_hosts', 'Hosts in the fleet.', one(active)),
    gauge('banshare_hosts_behind', 'Hosts that are behind or silent, without those muted.', one(behind)),
    gauge(
      'banshare_hosts_out_of_place',
      'Hosts on which not every ban is in place, as they tell, without those muted.',
      one(outOfPlace),
    ),
    gauge('banshare_hosts_muted', 'Hosts that an operator wants not to count.', one(muted)),
    gauge(
      'banshare_pending_hosts',
      'Hosts that wait for an operator to let them in.',
      one(measures.pendingHosts),
    ),
    gauge(
      'banshare_series_left_out',
      'Hosts, or programs that report, beyond those that have series of their own.',
      [
        { labels: { label: 'host' }, value: measures.hostsLeftOut },
        { labels: { label: 'prog' }, value: measures.progsLeftOut },
      ],
    ),
  ];
}

function backupFamilies(at: Measures['backupAt']): Family[] {
  if (at === null) return [];
  return [
    gauge(
      'banshare_last_backup_timestamp_seconds',
      "When this server's last good backup was, in epoch seconds.",
      one(at),
    ),
  ];
}

function drillFamilies(drill: Measures['drill']): Family[] {
  if (drill === null) return [];
  const { at, limitSeconds, hosts } = drill;
  return [
    gauge('banshare_last_drill_timestamp_seconds', 'When the last drill was, in epoch seconds.', one(at)),
    gauge(
      'banshare_drill_limit_seconds',
      'How long a host may take in a drill by the clock.',
      one(limitSeconds),
    ),
    gauge(
      'banshare_drill_seconds',
      'How long a host took in the last drill until it said that it bans; none where it did not in time.',
      hosts.flatMap(({ host, seconds }) => one(seconds, { host })),
    ),
    gauge(
      'banshare_drill_passed',
      'Whether a host did in the last drill what it should: 1, or 0.',
      hosts.map(({ host, isDrilled }) => ({ labels: { host }, value: Number(isDrilled) })),
    ),
  ];
}

function hostFamilies(hosts: readonly HostMeasures[]): Family[] {
  const each = (name: string, help: string, of: (host: HostMeasures) => number | null): Family =>
    gauge(
      name,
      help,
      hosts.flatMap((host) => one(of(host), { host: host.host })),
    );
  return [
    each('banshare_host_lag_events', 'Events that a host has not dealt with yet.', (host) => host.lagEvents),
    each(
      'banshare_host_wanted',
      'Bans that should be in place on a host, as it tells.',
      (host) => host.wanted,
    ),
    each('banshare_host_in_place', 'Bans that are in place on a host, as it tells.', (host) => host.inPlace),
    each(
      'banshare_host_last_contact_timestamp_seconds',
      'When the client of a host was last heard of, in epoch seconds.',
      (host) => host.lastContact,
    ),
    each(
      'banshare_host_clock_ahead_seconds',
      "By how much a host's clock is ahead of the server's.",
      (host) => host.clockAhead,
    ),
    each(
      'banshare_spool_reports',
      'Reports that wait on a host for a server, as it tells.',
      (host) => host.spool,
    ),
    each('banshare_host_paused', 'Whether bans are paused on a host: 1, or 0.', (host) => bit(host.isPaused)),
    each('banshare_host_muted', 'Whether an operator wants a host not to count: 1, or 0.', (host) =>
      bit(host.isMuted),
    ),
    droppedFamily(hosts),
    {
      name: 'banshare_host_info',
      help: 'The version, the Node, the generation of keys and, of several servers, the server of a host.',
      type: 'info',
      samples: hosts.map(({ host, version, node, generation, server }) => ({
        labels: {
          host,
          version: version ?? 'unknown',
          node: node ?? 'unknown',
          generation: generation ?? 'unknown',
          ...(server === null ? {} : { server }),
        },
        value: 1,
      })),
    },
  ];
}

function droppedFamily(hosts: readonly HostMeasures[]): Family {
  return counter(
    'banshare_dropped_packets_total',
    "Packets that shared bans have dropped on a host, by family of addresses, since the host counts; a host's own fail2ban counts none.",
    hosts.flatMap(({ host, dropped }) =>
      dropped === null
        ? []
        : [
            { labels: { host, family: 'ipv4' }, value: dropped.ipv4 },
            { labels: { host, family: 'ipv6' }, value: dropped.ipv6 },
          ],
    ),
  );
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: 'gauge', samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: 'counter', samples };
}

function histogram(name: string, help: string, distribution: Distribution): Family {
  return { name, help, type: 'histogram', distributions: [{ distribution }] };
}

/** One series, or none where its value is not known. */
function one(value: number | null | undefined, labels?: Labels): Sample[] {
  if (value === null || value === undefined) return [];
  return [labels === undefined ? { value } : { labels, value }];
}

function flag(is: boolean): Sample[] {
  return one(bit(is));
}

function bit(is: boolean | null): number | null {
  return is === null ? null : Number(is);
}
