import type { Dropped } from '@banshare/protocol';
import { RECEIPT, RELOADED, type AdminTable, type FieldsOf } from '@banshare/runtime';
import { MEASURES } from '../metrics/measures.ts';
import type { ClientStatus, SpoolStatus } from './status.ts';
import type { BanRow } from '../bans/ban-row.ts';

const TEXTS = { list: 'text' } as const;
const TEXT_OR_NULL = { orNull: 'text' } as const;
const NUMBER_OR_NULL = { orNull: 'number' } as const;

const SPOOL: FieldsOf<SpoolStatus> = { waiting: 'number', oldestSeconds: 'number', dead: 'number' };

const DROPPED: FieldsOf<Dropped> = {
  since: 'number',
  ago: 'number',
  every: 'number',
  v4: 'number',
  v6: 'number',
  found: 'number',
  addresses: 'number',
  before: 'number',
  partly: 'flag',
  top: {
    list: {
      fields: {
        ip: 'text',
        packets: 'number',
        isFound: 'flag',
        least: { optional: 'number' },
        most: { optional: 'number' },
      },
    },
  },
};

const STATUS: FieldsOf<ClientStatus> = {
  name: 'text',
  pausedAt: NUMBER_OR_NULL,
  phase: 'text',
  trouble: 'text',
  server: 'text',
  serverSince: NUMBER_OR_NULL,
  otherServers: TEXTS,
  serverIsStale: 'flag',
  epoch: TEXT_OR_NULL,
  position: NUMBER_OR_NULL,
  heardSecondsAgo: NUMBER_OR_NULL,
  clockAheadSeconds: 'number',
  enforcer: 'text',
  ways: TEXTS,
  advice: TEXTS,
  bans: { each: 'number' },
  lacking: 'number',
  earlierEnforcers: TEXTS,
  unlifted: TEXTS,
  unproven: TEXTS,
  unprotected: TEXTS,
  spool: { fields: SPOOL },
  receipt: { optional: { fields: RECEIPT } },
  dropped: { optional: { fields: DROPPED } },
  uncounted: { optional: 'text' },
  needsRestart: { optional: TEXTS },
};

const ROW: FieldsOf<ToldBan> = {
  ip: 'text',
  prog: 'text',
  jail: 'text',
  seq: 'number',
  at: 'number',
  host: 'text',
  until: NUMBER_OR_NULL,
  port: 'text',
  protocol: 'text',
  localJail: 'text',
  status: 'text',
  reason: 'text',
  isOurs: 'flag',
  attempts: 'number',
  retryAt: NUMBER_OR_NULL,
  isForced: 'flag',
  isEveryJail: 'flag',
  keptBack: 'text',
  origin: 'text',
  finder: 'text',
};

const PAUSED: FieldsOf<Paused> = { bans: 'number', left: 'number' };

/** Every action of the client's socket: the daemon answers by this table, and banshare-client's commands ask by it. */
export const ACTIONS = {
  ping: { takes: {}, gives: 'text' },
  status: { takes: {}, gives: { fields: STATUS } },
  metrics: { takes: {}, gives: { fields: MEASURES } },
  pause: { takes: {}, gives: { fields: PAUSED } },
  resume: { takes: {}, gives: { fields: PAUSED } },
  reload: { takes: {}, gives: { fields: RELOADED } },
  /** A command has taken this host into a fleet. */
  joined: { takes: {}, gives: { fields: { startsAgain: 'flag' } } },
  rotate: { takes: {}, gives: { fields: { says: 'text' } } },
  bans: { takes: {}, gives: { fields: { bans: { list: { fields: ROW } } } } },
} as const satisfies AdminTable;

/**
 * What pausing did, or ending the pause: bans concerned, and those that are still in place, or still kept back. Where any are still
 * kept back, bans counts those too.
 */
export type Paused = { bans: number; left: number };

/** A ban as people and programs are told of it. */
export type ToldBan = Omit<BanRow, 'reason' | 'keptBack'> & { reason: string; keptBack: string };
