import { quote, type Receipt } from '@banshare/protocol';
import { isTable } from '../config/kinds/is-table.ts';
import type { Distribution } from '../metrics/exposition.ts';
import type { ProgramMeasures } from '../metrics/program.ts';
import type { Reloaded } from '../config/reload.ts';

/** What an answer of a daemon, or a part of it, has to be. More fields than these are well: a newer daemon tells more. */
export type Shape =
  | 'anything'
  | 'text'
  | 'number'
  | 'flag'
  | { readonly list: Shape }
  | { readonly orNull: Shape }
  /** A field that may be left out. */
  | { readonly optional: Shape }
  /** A table with whatever names. */
  | { readonly each: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> };

/** The shape of a type: so no field of what a daemon tells is forgotten in the table by which its answer is checked. */
export type ShapeOf<T> = unknown extends T
  ? 'anything'
  : undefined extends T
    ? { readonly optional: ShapeOf<Exclude<T, undefined>> }
    : null extends T
      ? { readonly orNull: ShapeOf<Exclude<T, null>> }
      : [T] extends [string]
        ? 'text'
        : [T] extends [number]
          ? 'number'
          : [T] extends [boolean]
            ? 'flag'
            : [T] extends [readonly (infer Item)[]]
              ? { readonly list: ShapeOf<Item> }
              : string extends keyof T
                ? { readonly each: ShapeOf<T[keyof T]> }
                : { readonly fields: FieldsOf<T> };

/** The same of what is told of a thing, field by field. */
export type FieldsOf<T> = { readonly [K in keyof T]-?: ShapeOf<T[K]> };

/** What both daemons tell of what is in place on a host. */
export const RECEIPT: FieldsOf<Receipt> = {
  wanted: 'number',
  placed: 'number',
  failed: 'number',
  full: 'number',
  unproven: 'number',
  unfit: 'number',
  wantedDigest: 'text',
  placedDigest: 'text',
  enforcer: 'text',
  pausedSince: { optional: 'number' },
  comparedAgo: { optional: 'number' },
  comparesEvery: { optional: 'number' },
  blind: { optional: 'text' },
  why: { optional: 'text' },
};

/** What a histogram has seen, as both daemons tell it, and what they tell of themselves. */
export const DISTRIBUTION: FieldsOf<Distribution> = {
  count: 'number',
  sum: 'number',
  buckets: { list: { fields: { most: 'number', count: 'number' } } },
};
export const PROGRAM: FieldsOf<ProgramMeasures> = {
  version: 'text',
  startedAt: 'number',
  residentBytes: 'number',
  cpuSeconds: 'number',
};

/** What both daemons tell of a reload. */
export const RELOADED: FieldsOf<Reloaded> = {
  files: { list: 'text' },
  changed: { list: { fields: { key: 'text', was: { orNull: 'text' }, is: { orNull: 'text' } } } },
  needsRestart: { list: 'text' },
};

/** Seconds that a date can be: a larger number could not be shown as a time, and no count comes near it. */
const LARGEST = 8.64e12;
/** A daemon that was taken over could else end root's command by the depth of its answer. */
const DEEPEST = 64;

const WORDS = { text: 'text', number: 'number', flag: 'true or false' } as const;

/** What is wrong with an answer; undefined where it has the shape. */
export function oddIn(shape: Shape, value: unknown): string | undefined {
  const odd = findOdd(shape, value);
  if (odd === undefined) return undefined;
  return `${odd.path.length === 0 ? 'the answer' : quote(odd.path.toReversed().join('.'))} ${odd.says}`;
}

/** What is wrong, and the names that lead there, the innermost first: they are put together only where something is. */
type Odd = { readonly says: string; readonly path: (string | number)[] };

function findOdd(shape: Shape, value: unknown): Odd | undefined {
  if (shape === 'anything') return depthOf(value) > DEEPEST ? odd('is too deep') : undefined;
  if (typeof shape === 'string') return isOf(shape, value) ? undefined : odd(`is no ${WORDS[shape]}`);
  if ('optional' in shape) return value === undefined ? undefined : findOdd(shape.optional, value);
  if ('orNull' in shape) return value === null ? undefined : findOdd(shape.orNull, value);
  if ('list' in shape) return oddItem(shape.list, value);
  if (!isTable(value)) return odd('is no table');
  return 'each' in shape ? oddEach(shape.each, value) : oddField(shape.fields, value);
}

function oddItem(shape: Shape, value: unknown): Odd | undefined {
  if (!Array.isArray(value)) return odd('is no list');
  for (let index = 0; index < value.length; index += 1) {
    const found = findOdd(shape, value[index]);
    if (found !== undefined) return within(index, found);
  }
  return undefined;
}

function oddEach(shape: Shape, value: Readonly<Record<string, unknown>>): Odd | undefined {
  for (const name of Object.keys(value)) {
    const found = findOdd(shape, value[name]);
    if (found !== undefined) return within(name, found);
  }
  return undefined;
}

function oddField(
  fields: Readonly<Record<string, Shape>>,
  value: Readonly<Record<string, unknown>>,
): Odd | undefined {
  for (const name of Object.keys(value))
    if (!Object.hasOwn(fields, name) && depthOf(value[name]) > DEEPEST)
      return within(name, odd('is too deep'));
  for (const name of Object.keys(fields)) {
    const found = findOdd(fields[name] ?? 'anything', Object.hasOwn(value, name) ? value[name] : undefined);
    if (found !== undefined) return within(name, found);
  }
  return undefined;
}

function odd(says: string): Odd {
  return { says, path: [] };
}

function within(name: string | number, found: Odd): Odd {
  found.path.push(name);
  return found;
}

function isOf(word: 'text' | 'number' | 'flag', value: unknown): boolean {
  if (word === 'text') return typeof value === 'string';
  if (word === 'flag') return typeof value === 'boolean';
  return typeof value === 'number' && Math.abs(value) <= LARGEST;
}

function depthOf(value: unknown): number {
  let deepest = 0;
  for (let level = [value]; level.length > 0 && deepest <= DEEPEST; deepest += 1)
    level = level.flatMap((item): unknown[] =>
      typeof item === 'object' && item !== null ? Object.values(item) : [],
    );
  return deepest;
}
