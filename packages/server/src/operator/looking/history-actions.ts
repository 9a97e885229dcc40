import type { AdminTable, FieldsOf } from '@banshare/runtime';
import { DROPPED_THERE } from '../../fleet/worth.ts';
import type { EventsPart } from './events.ts';
import type { Explanation } from './explain.ts';
import type { WhereaboutsAnswer } from './where.ts';
import type { ListedBan } from './list-bans.ts';
import { BAN, EVENT } from './event-shape.ts';
import { FROZEN, NUMBER_OR_NULL, TEXT_OR_NULL, TEXTS } from './shapes.ts';
import type { PastBans } from './history.ts';
import { TOP_BY, type Top } from './top.ts';

/** Where an address is, where a file says it. */
const WHERE = { country: { optional: 'text' }, network: { optional: 'text' } } as const;
const COUNTED = { list: { fields: { name: 'text', bans: 'number' } } } as const;

const LISTED_BAN: FieldsOf<ListedBan> = {
  ...BAN,
  seq: 'number',
  reason: { optional: 'text' },
  isLifted: { optional: 'flag' },
  ...WHERE,
};
const EXPLANATION: FieldsOf<Explanation> = {
  ip: 'text',
  ...WHERE,
  reports: {
    list: {
      fields: {
        ip: 'text',
        prog: 'text',
        jail: 'text',
        target: 'text',
        host: 'text',
        kind: 'text',
        at: 'number',
        received: 'number',
        verdict: 'text',
        code: TEXT_OR_NULL,
        reason: TEXT_OR_NULL,
        seq: NUMBER_OR_NULL,
        evidence: TEXT_OR_NULL,
      },
    },
  },
  supporters: { list: { fields: { ip: 'text', prog: 'text', jail: 'text', hosts: TEXTS } } },
  events: {
    list: {
      fields: {
        ...EVENT,
        outcomes: {
          list: {
            fields: {
              host: 'text',
              outcome: 'text',
              reason: TEXT_OR_NULL,
              at: NUMBER_OR_NULL,
              ms: NUMBER_OR_NULL,
            },
          },
        },
        committedMs: NUMBER_OR_NULL,
        publishedMs: NUMBER_OR_NULL,
      },
    },
  },
  dropped: { list: { fields: DROPPED_THERE } },
};

const EVENTS_PART: FieldsOf<EventsPart> = {
  events: {
    list: {
      fields: {
        id: 'text',
        at: 'number',
        kind: 'text',
        ip: TEXT_OR_NULL,
        prog: TEXT_OR_NULL,
        jail: TEXT_OR_NULL,
        who: TEXT_OR_NULL,
        seq: NUMBER_OR_NULL,
        until: NUMBER_OR_NULL,
        says: 'text',
        ...WHERE,
      },
    },
  },
  place: 'text',
  isAll: 'flag',
  isAnew: 'flag',
  isEnriched: 'flag',
  noHost: { optional: 'text' },
  now: 'number',
};

const PAST_BANS: FieldsOf<PastBans> = {
  since: 'number',
  at: 'number',
  bans: 'number',
  hours: { list: { fields: { at: 'number', bans: 'number', lifted: 'number' } } },
  jails: COUNTED,
  networks: COUNTED,
  countries: COUNTED,
  reporters: COUNTED,
  isRough: 'flag',
};

const TOP: FieldsOf<Top> = {
  by: 'text',
  since: 'number',
  at: 'number',
  names: NUMBER_OR_NULL,
  rows: { list: { fields: { name: 'text', reports: 'number', bans: 'number', ...WHERE } } },
  faults: TEXTS,
};

const WHEREABOUTS: FieldsOf<WhereaboutsAnswer> = {
  places: { list: { fields: { ip: 'text', ...WHERE } } },
  faults: TEXTS,
};

/** The actions that look back: a part of the table of all. */
export const HISTORY_ACTIONS = {
  bans: {
    takes: {
      'ip?': 'text',
      'jail?': 'text',
      'host?': 'text',
      'all?': 'flag',
      'since?': 'text',
      'until?': 'text',
      'limit?': 'number',
    },
    gives: {
      fields: { bans: { list: { fields: LISTED_BAN } }, older: { optional: 'number' }, frozen: FROZEN },
    },
  },
  explain: { takes: { ip: 'text' }, gives: { fields: EXPLANATION } },
  events: {
    takes: {
      'since?': 'text',
      'until?': 'text',
      'jail?': 'text',
      'host?': 'text',
      'ip?': 'text',
      'fromNow?': 'flag',
      'after?': 'text',
      'wait?': 'number',
      'limit?': 'number',
    },
    gives: { fields: EVENTS_PART },
  },
  where: { takes: { ips: 'list' }, gives: { fields: WHEREABOUTS } },
  top: { takes: { 'by?': TOP_BY, 'since?': 'text', 'limit?': 'number' }, gives: { fields: TOP } },
  history: { takes: { 'since?': 'text' }, gives: { fields: PAST_BANS } },
} as const satisfies AdminTable;
