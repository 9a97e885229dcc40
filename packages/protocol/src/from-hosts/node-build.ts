import { LATEST_SECONDS } from '../words/bounds.ts';
import { FieldReader, type Fields } from '../words/json.ts';

/** The Node that a program runs on: its version, and until when that was known to be the newest of its kind, epoch seconds. */
export type NodeBuild = { version: string; asOf?: number };

/** Reads it; undefined where it cannot be read. */
export function parseNodeBuild(value: unknown): NodeBuild | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const read = new FieldReader(value as Fields);
  const version = read.token('version', 64);
  const asOf = read.described('asOf', (own) => own.integer('asOf', 0, LATEST_SECONDS));
  if (read.fault !== undefined || version === '') return undefined;
  return { version, ...(asOf === undefined ? {} : { asOf }) };
}
