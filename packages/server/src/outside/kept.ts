import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { oddIn, writePrivate, type FieldsOf } from '@banshare/runtime';
import type { Memory, Noted } from './news.ts';

/** What was said to whom, over a restart: without it a start would say everything once more. */
export type Kept = Readonly<Record<string, Memory>>;

const NOTED: FieldsOf<Noted> = {
  code: 'text',
  text: 'text',
  level: 'text',
  firstSeen: 'number',
  goneSince: { orNull: 'number' },
  isSaid: 'flag',
};
const KEPT = {
  fields: {
    v: 'number',
    receivers: {
      each: { fields: { noted: { each: { fields: NOTED } }, sentAt: { list: 'number' } } },
    },
  },
} as const;

/** What was kept; a file that cannot be read, or is no such file, is as good as none. */
export function readKept(path: string): Kept {
  try {
    const document: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (oddIn(KEPT, document) !== undefined) return {};
    return (document as { receivers: Kept }).receivers;
  } catch {
    return {};
  }
}

/** @throws the system's error. */
export function keep(path: string, receivers: Kept): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writePrivate(path, `${JSON.stringify({ v: 1, receivers })}\n`);
}
