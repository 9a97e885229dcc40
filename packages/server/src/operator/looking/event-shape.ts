import type { Event } from '@banshare/protocol';
import type { FieldsOf } from '@banshare/runtime';

/** What an answer has of a ban: so that its shape is said once for all actions. */
export const BAN = {
  ip: 'text',
  prog: 'text',
  jail: 'text',
  host: 'text',
  at: 'number',
  until: { orNull: 'number' },
} as const;

export const EVENT: FieldsOf<Event> = {
  ...BAN,
  kind: 'text',
  epoch: 'text',
  seq: 'number',
  tail: 'text',
  failures: { optional: 'number' },
  port: { optional: 'text' },
  protocol: { optional: 'text' },
  reason: { optional: 'text' },
  everyJail: { optional: 'flag' },
  by: { optional: 'text' },
};
export const EVENTS = { list: { fields: EVENT } } as const;
