import { programFamilies, type Family, type Sample } from '@banshare/runtime';
import type { ClientMeasures } from './measures.ts';

/**
 * The metrics of a host's client, by the names that alarms and dashboards go by: none changes. What is unknown has no series. Without
 * measures the client does not run.
 */
export function clientFamilies(measures: ClientMeasures | undefined): Family[] {
  const ofProgram = programFamilies('banshare-client', measures?.program);
  if (measures === undefined) return ofProgram;
  return [...ofProgram, ...linkFamilies(measures), ...banFamilies(measures), ...spoolFamilies(measures)];
}

function linkFamilies(measures: ClientMeasures): Family[] {
  return [
    gauge(
      'banshare_client_in_step',
      'Whether this host has received everything: 1, or 0.',
      flag(measures.isInStep),
    ),
    gauge(
      'banshare_client_paused',
      'Whether bans are paused on this host: 1, or 0.',
      flag(measures.isPaused),
    ),
    gauge(
      'banshare_client_last_contact_timestamp_seconds',
      'When the server was last heard of, in epoch seconds.',
      one(measures.lastContact),
    ),
    {
      name: 'banshare_client_server_info',
      help: 'The server that this host uses.',
      type: 'info',
      samples: [{ labels: { server: measures.server }, value: 1 }],
    },
    gauge(
      'banshare_client_server_stale',
      'Whether that server says that its database is away: 1, or 0.',
      flag(measures.isServerStale),
    ),
    gauge(
      'banshare_client_clock_ahead_seconds',
      "By how much this host's clock is ahead of the server's.",
      one(measures.clockAheadSeconds),
    ),
    gauge('banshare_client_position_seq', 'The number of the last event received.', one(measures.position)),
  ];
}

function banFamilies(measures: ClientMeasures): Family[] {
  return [
    gauge('banshare_client_bans_wanted', 'Bans that should be in place here.', one(measures.wanted)),
    gauge('banshare_client_bans_in_place', 'Bans that are in place here.', one(measures.inPlace)),
    gauge('banshare_client_bans_failed', 'Bans that could not be put in place.', one(measures.failed)),
    gauge(
      'banshare_client_bans_full',
      'Bans left out since this host has as many as it takes.',
      one(measures.full),
    ),
    gauge(
      'banshare_client_bans_unproven',
      'Bans that were carried out, and cannot be seen in the firewall.',
      one(measures.unproven),
    ),
    gauge('banshare_client_bans_unlifted', 'Bans that could not be lifted.', one(measures.unlifted)),
    gauge(
      'banshare_client_bans_lacking',
      "Bans in force here that the server's ledger lacks.",
      one(measures.lacking),
    ),
    gauge(
      'banshare_client_unprotected',
      'Things that are to be protected here and cannot be known.',
      one(measures.unprotected),
    ),
    gauge(
      'banshare_client_compared_seconds_ago',
      'Since when what is in place was not compared with what should be; only where it can be.',
      one(measures.comparedSecondsAgo),
    ),
    {
      name: 'banshare_client_outcomes_total',
      help: 'What became of bans that were to be put in place, since the client started.',
      type: 'counter',
      samples: measures.outcomes.map(({ outcome, count }) => ({ labels: { outcome }, value: count })),
    },
    {
      name: 'banshare_client_lifts_total',
      help: 'Bans that were lifted, since the client started.',
      type: 'counter',
      samples: one(measures.lifts),
    },
    droppedFamily(measures),
    {
      name: 'banshare_client_applied_seconds',
      help: "From when the server committed a ban until it was in place here, by the server's clock.",
      type: 'histogram',
      distributions: [{ distribution: measures.appliedSeconds }],
    },
  ];
}

function droppedFamily({ dropped }: ClientMeasures): Family {
  return {
    name: 'banshare_client_dropped_packets_total',
    help: "Packets that banshare's own sets here have dropped, by family of addresses; fail2ban counts none.",
    type: 'counter',
    samples:
      dropped === null
        ? []
        : [
            { labels: { family: 'ipv4' }, value: dropped.ipv4 },
            { labels: { family: 'ipv6' }, value: dropped.ipv6 },
          ],
  };
}

function spoolFamilies({ spool }: ClientMeasures): Family[] {
  return [
    gauge('banshare_client_spool_reports', 'Reports that wait here for a server.', one(spool.waiting)),
    gauge('banshare_client_spool_oldest_seconds', 'The age of the oldest of them.', one(spool.oldestSeconds)),
    gauge('banshare_client_spool_dead', 'Reports that were given up.', one(spool.dead)),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: 'gauge', samples };
}

/** One series, or none where its value is not known. */
function one(value: number | null): Sample[] {
  return value === null ? [] : [{ value }];
}

function flag(is: boolean): Sample[] {
  return [{ value: Number(is) }];
}
