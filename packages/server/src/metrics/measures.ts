import {
  DISTRIBUTION,
  PROGRAM,
  type Distribution,
  type FieldsOf,
  type ProgramMeasures,
} from '@banshare/runtime';
import type { ReportCount } from './tally.ts';

/**
 * What a server tells to be measured by, as numbers; families.ts gives them their names. What is not known is null. Times are epoch
 * seconds.
 */
export type Measures = {
  program: ProgramMeasures;
  /** Whether the ledger takes a commit, whether events are published, and whether hosts are told to look for another server. */
  isCommitting: boolean;
  isPublishing: boolean;
  isStale: boolean;
  /** Whether an operator has stopped everything new. */
  isFrozen: boolean;
  /** The log that several servers share: whether its database can be written, and how many entries are not applied here yet. */
  shared: { isConnected: boolean; behindEntries: number } | null;
  bansActive: { ipv4: number; ipv6: number };
  head: number;
  held: number;
  pendingHosts: number;
  /** The file and its write-ahead log. */
  ledgerBytes: number | null;
  hosts: { active: number; behind: number; outOfPlace: number; muted: number };
  /** How many things a person has to know, as `status` says them; every kind is there. */
  attention: { level: string; kind: string; count: number }[];
  reports: ReportCount[];
  progsLeftOut: number;
  reportSeconds: Distribution;
  appliedSeconds: Distribution;
  events: { ban: number; unban: number };
  /** The last drill, where there was one: when, and for each host how long until it said so, null where it did not in time. */
  drill: { at: number; limitSeconds: number; hosts: DrilledHost[] } | null;
  /** When this server's last good backup was; null where none is known. */
  backupAt: number | null;
  /** Those that are told of one by one, and how many more there are. */
  eachHost: HostMeasures[];
  hostsLeftOut: number;
};

/** What became of the last drill on a host. */
type DrilledHost = { host: string; seconds: number | null; isDrilled: boolean };

/** The same of one host. */
export type HostMeasures = {
  host: string;
  version: string | null;
  node: string | null;
  generation: string | null;
  server: string | null;
  lagEvents: number;
  wanted: number | null;
  inPlace: number | null;
  lastContact: number | null;
  clockAhead: number | null;
  isPaused: boolean | null;
  isMuted: boolean;
  /** Reports that wait there for a server. */
  spool: number | null;
  /** Packets that its own sets have dropped. */
  dropped: { ipv4: number; ipv6: number } | null;
};

const HOST_MEASURES: FieldsOf<HostMeasures> = {
  host: 'text',
  version: { orNull: 'text' },
  node: { orNull: 'text' },
  generation: { orNull: 'text' },
  server: { orNull: 'text' },
  lagEvents: 'number',
  wanted: { orNull: 'number' },
  inPlace: { orNull: 'number' },
  lastContact: { orNull: 'number' },
  clockAhead: { orNull: 'number' },
  isPaused: { orNull: 'flag' },
  isMuted: 'flag',
  spool: { orNull: 'number' },
  dropped: { orNull: { fields: { ipv4: 'number', ipv6: 'number' } } },
};

/** The shape of what the daemon answers, by which whoever asks checks it. */
export const MEASURES: FieldsOf<Measures> = {
  program: { fields: PROGRAM },
  isCommitting: 'flag',
  isPublishing: 'flag',
  isStale: 'flag',
  isFrozen: 'flag',
  shared: { orNull: { fields: { isConnected: 'flag', behindEntries: 'number' } } },
  bansActive: { fields: { ipv4: 'number', ipv6: 'number' } },
  head: 'number',
  held: 'number',
  pendingHosts: 'number',
  ledgerBytes: { orNull: 'number' },
  hosts: { fields: { active: 'number', behind: 'number', outOfPlace: 'number', muted: 'number' } },
  attention: { list: { fields: { level: 'text', kind: 'text', count: 'number' } } },
  reports: { list: { fields: { prog: 'text', verdict: 'text', count: 'number' } } },
  progsLeftOut: 'number',
  reportSeconds: { fields: DISTRIBUTION },
  appliedSeconds: { fields: DISTRIBUTION },
  events: { fields: { ban: 'number', unban: 'number' } },
  backupAt: { orNull: 'number' },
  drill: {
    orNull: {
      fields: {
        at: 'number',
        limitSeconds: 'number',
        hosts: { list: { fields: { host: 'text', seconds: { orNull: 'number' }, isDrilled: 'flag' } } },
      },
    },
  },
  eachHost: { list: { fields: HOST_MEASURES } },
  hostsLeftOut: 'number',
};
