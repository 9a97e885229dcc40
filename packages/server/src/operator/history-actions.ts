import type { AdminTable, FieldsOf } from '@banshare/runtime';
import type { EventsPart } from './events.ts';
import type { PastBans } from './history.ts';
import { TOP_BY, type Top } from './top.ts';

const TEXT_OR_NULL = { orNull: 'text' } as const;
const NUMBER_OR_NULL = { orNull: 'number' } as const;
const COUNTED = { list: { fields: { name: 'text', bans: 'number' } } } as const;

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
      },
    },
  },
  place: 'text',
  isAll: 'flag',
  isAnew: 'flag',
  now: 'number',
};

const PAST_BANS: FieldsOf<PastBans> = {
  since: 'number',
  at: 'number',
  bans: 'number',
  hours: { list: { fields: { at: 'number', bans: 'number', lifted: 'number' } } },
  jails: COUNTED,
  networks: COUNTED,
  reporters: COUNTED,
  isRough: 'flag',
};

const TOP: FieldsOf<Top> = {
  by: 'text',
  since: 'number',
  at: 'number',
  names: NUMBER_OR_NULL,
  rows: { list: { fields: { name: 'text', reports: 'number', bans: 'number' } } },
};

/** The actions that look back: a part of the table of all. */
export const HISTORY_ACTIONS = {
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
  top: { takes: { 'by?': TOP_BY, 'since?': 'text', 'limit?': 'number' }, gives: { fields: TOP } },
  history: { takes: { 'since?': 'text' }, gives: { fields: PAST_BANS } },
} as const satisfies AdminTable;
