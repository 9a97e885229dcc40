import type { ShapeOf } from '@banshare/runtime';
import type { Frozen } from '../../judging/freeze.ts';

/* Shapes of which several answers are made. */

export const TEXTS = { list: 'text' } as const;
export const TEXT_OR_NULL = { orNull: 'text' } as const;
export const NUMBER_OR_NULL = { orNull: 'number' } as const;

export const FROZEN: ShapeOf<Frozen | null> = {
  orNull: { fields: { since: 'number', until: NUMBER_OR_NULL } },
};
