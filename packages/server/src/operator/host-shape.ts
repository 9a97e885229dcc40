import { RECEIPT, type FieldsOf } from '@banshare/runtime';
import type { Namesake } from '../fleet/namesake.ts';
import { HOST_WORTH } from '../fleet/worth.ts';
import { NUMBER_OR_NULL, TEXT_OR_NULL, TEXTS } from './looking/shapes.ts';
import type { HostStatus } from './status.ts';

export const NAMESAKE: FieldsOf<Namesake> = { name: 'text', heardAt: 'number', isAlive: 'flag' };

/** What is told of one host. */
export const HOST: FieldsOf<HostStatus> = {
  name: 'text',
  state: 'text',
  applied: 'number',
  lag: 'number',
  lagSeconds: 'number',
  lastSeen: NUMBER_OR_NULL,
  version: TEXT_OR_NULL,
  node: TEXT_OR_NULL,
  nodeAsOf: NUMBER_OR_NULL,
  generation: TEXT_OR_NULL,
  token: TEXT_OR_NULL,
  server: TEXT_OR_NULL,
  clockAhead: NUMBER_OR_NULL,
  addresses: TEXTS,
  waitingAddresses: TEXTS,
  isBehind: 'flag',
  awaySeconds: 'number',
  ahead: 'number',
  lacking: 'number',
  ranges: { orNull: 'flag' },
  receipt: { orNull: { fields: RECEIPT } },
  outSince: NUMBER_OR_NULL,
  mutedUntil: NUMBER_OR_NULL,
  muteNote: TEXT_OR_NULL,
  spool: NUMBER_OR_NULL,
  dropped: { orNull: { fields: HOST_WORTH } },
  uncounted: TEXT_OR_NULL,
  isRotating: 'flag',
  namesake: { orNull: { fields: NAMESAKE } },
};
