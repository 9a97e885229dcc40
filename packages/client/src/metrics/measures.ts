import {
  DISTRIBUTION,
  PROGRAM,
  type Distribution,
  type FieldsOf,
  type ProgramMeasures,
} from '@banshare/runtime';

/** What a client tells to be measured by, as numbers; families.ts gives them their names. What is not known is null. */
export type ClientMeasures = {
  program: ProgramMeasures;
  /** Whether it has received everything, whether a person paused it, and whether its server says that it is stale. */
  isInStep: boolean;
  isPaused: boolean;
  isServerStale: boolean;
  server: string;
  /** Epoch seconds by this host's clock; null before the first word. */
  lastContact: number | null;
  clockAheadSeconds: number;
  position: number | null;
  wanted: number;
  inPlace: number;
  failed: number;
  full: number;
  unproven: number;
  unlifted: number;
  lacking: number;
  /** Things that are to be protected here and cannot be known. */
  unprotected: number;
  /** Seconds since what is in place was compared with what should be; null where it cannot be. */
  comparedSecondsAgo: number | null;
  /** Packets that its own sets have dropped; null where nothing is counted. */
  dropped: { ipv4: number; ipv6: number } | null;
  spool: { waiting: number; oldestSeconds: number; dead: number };
  outcomes: { outcome: string; count: number }[];
  lifts: number;
  appliedSeconds: Distribution;
};

/** The shape of what the daemon answers, by which whoever asks checks it. */
export const MEASURES: FieldsOf<ClientMeasures> = {
  program: { fields: PROGRAM },
  isInStep: 'flag',
  isPaused: 'flag',
  isServerStale: 'flag',
  server: 'text',
  lastContact: { orNull: 'number' },
  clockAheadSeconds: 'number',
  position: { orNull: 'number' },
  wanted: 'number',
  inPlace: 'number',
  failed: 'number',
  full: 'number',
  unproven: 'number',
  unlifted: 'number',
  lacking: 'number',
  unprotected: 'number',
  comparedSecondsAgo: { orNull: 'number' },
  dropped: { orNull: { fields: { ipv4: 'number', ipv6: 'number' } } },
  spool: { fields: { waiting: 'number', oldestSeconds: 'number', dead: 'number' } },
  outcomes: { list: { fields: { outcome: 'text', count: 'number' } } },
  lifts: 'number',
  appliedSeconds: { fields: DISTRIBUTION },
};
