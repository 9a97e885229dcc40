import type { AdminTable, FieldsOf } from '@banshare/runtime';
import type { Health } from './speaker.ts';

/** What came of a test message. */
export type Tested = { name: string; fault: string | null };

const HEALTH: FieldsOf<Health> = {
  name: 'text',
  lastSent: { orNull: 'number' },
  failingSince: { orNull: 'number' },
  why: { orNull: 'text' },
};
const TESTED: FieldsOf<Tested> = { name: 'text', fault: { orNull: 'text' } };

/** Every action of the socket of the process outside. */
export const OUTSIDE_ACTIONS = {
  ping: { takes: {}, gives: 'text' },
  receivers: {
    takes: {},
    gives: { fields: { receivers: { list: { fields: HEALTH } }, deadMan: { orNull: { fields: HEALTH } } } },
  },
  test: { takes: {}, gives: { fields: { receivers: { list: { fields: TESTED } } } } },
} as const satisfies AdminTable;
