import { isDeepStrictEqual } from 'node:util';
import type { ReadConfig } from './config.ts';
import { fieldOf, type ConfigOf, type LiveKey, type Option, type OptionTable } from './option-table.ts';

/** A key whose value is another than before, with both values where they are short and no secrets. */
export type Changed = { key: string; was: string | null; is: string | null };

/** What a reload found: the files that were read, what counts from now on, and what waits for a restart. */
export type Reloaded = { files: readonly string[]; changed: Changed[]; needsRestart: string[] };

/** `reason` has every fault with its file and line. */
type Answer = { ok: true; result: Reloaded } | { ok: false; code: 'configuration'; reason: string };

/**
 * What has to be done once the configuration holds another value: nothing where it is read each time that it is used. It must not
 * wait, so that nothing is judged by a half of what is new.
 */
type Takes<T extends OptionTable> = { readonly [K in LiveKey<T>]: (() => void) | 'where-used' };

type Say = (text: string, fields: Readonly<Record<string, unknown>>) => void;

type ReloaderParts<T extends OptionTable> = {
  table: T;
  running: ConfigOf<T>;
  /** Reads everything anew, as at the start. */
  read: () => Promise<ReadConfig<ConfigOf<T>>>;
  takes: Takes<T>;
  log: { readonly notice: Say; readonly error: Say };
  /** Hears what was taken over, where anything was. */
  took?: (result: Reloaded) => void;
};

type Values = Record<string, unknown>;

/**
 * Takes over what was changed in the files of a daemon that runs. Its configuration is one object, which only this changes, and
 * only where an option says that a reload is enough: whoever reads a value when it is used has the new one at once.
 */
export class Reloader<T extends OptionTable> {
  readonly #parts: ReloaderParts<T>;
  #last: Promise<unknown> = Promise.resolve();
  #needsRestart: readonly string[] = [];
  #count = 0;

  constructor(parts: ReloaderParts<T>) {
    this.#parts = parts;
  }

  /** How often something was taken over. */
  get count(): number {
    return this.#count;
  }

  /** The keys that the files say otherwise than this daemon goes by, as of the last reload. */
  get needsRestart(): readonly string[] {
    return this.#needsRestart;
  }

  /** Takes over all of what the files say now, or nothing of it. One reload at a time. */
  reload(): Promise<Answer> {
    const next = this.#last.then(() => this.#reload());
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #reload(): Promise<Answer> {
    const { log, read, took } = this.#parts;
    const fresh = await read();
    const faults = fresh.ok ? this.#takeOver(fresh.config) : fresh.faults;
    if ('changed' in faults && fresh.ok) {
      const { changed, needsRestart } = faults;
      this.#needsRestart = needsRestart;
      const fields = { changed: changed.map(sayChanged).join(', ') || 'nothing' };
      const more = needsRestart.length === 0 ? {} : { 'needs-restart': needsRestart.join(', ') };
      log.notice('Reloaded', { ...fields, ...more });
      this.#count += 1;
      const result = { files: fresh.files, changed, needsRestart };
      if (changed.length > 0) took?.(result);
      return { ok: true, result };
    }
    const reason = `Nothing is changed, everything goes on as before: ${(faults as readonly string[]).join('; ')}. Mend that, and reload again`;
    log.error('Cannot reload', { reason });
    return { ok: false, code: 'configuration', reason };
  }

  #takeOver(fresh: ConfigOf<T>): { changed: Changed[]; needsRestart: string[] } | string[] {
    const { table, running } = this.#parts;
    const differing = Object.entries(table).filter(
      ([key, each]) => !isDeepStrictEqual(valueOf(running, key, each), valueOf(fresh, key, each)),
    );
    const changing = differing.filter(([, { takes }]) => takes === 'reload');
    const before = changing.map(([key, each]) => valueOf(running, key, each));
    const changed = changing.map(([key, each], index) => ({
      key,
      was: shown(each, before[index]),
      is: shown(each, valueOf(fresh, key, each)),
    }));
    for (const [key, each] of changing) put(running, key, each, valueOf(fresh, key, each));
    try {
      this.#carryOut(changing);
    } catch (error) {
      for (const [index, [key, each]] of changing.entries()) put(running, key, each, before[index]);
      this.#carryOut(changing);
      return [`it cannot be taken over: ${(error as Error).message}`];
    }
    return {
      changed,
      needsRestart: differing.filter(([, { takes }]) => takes === 'restart').map(([key]) => key),
    };
  }

  #carryOut(changing: readonly (readonly [string, Option<unknown>])[]): void {
    const takes = this.#parts.takes as Readonly<Record<string, (() => void) | 'where-used'>>;
    for (const take of new Set(changing.map(([key]) => takes[key]))) if (typeof take === 'function') take();
  }
}

/** What a reload did, for people. */
export function showReload({ files, changed, needsRestart }: Reloaded): string {
  const read = files.length === 0 ? 'There is no configuration file: every option has its default.' : '';
  return [
    ...(read === '' ? [`Read ${files.join(', ')}.`] : [read]),
    changed.length === 0 ? 'Nothing changes by it.' : `From now on: ${changed.map(sayChanged).join(', ')}.`,
    ...(needsRestart.length === 0
      ? []
      : [`Changed as well, and taken over only by a restart: ${needsRestart.join(', ')}.`]),
  ].join('\n');
}

/** A change in a few words. */
function sayChanged({ key, was, is }: Changed): string {
  return was === null || is === null ? key : `${key} (${was}, now ${is})`;
}

function valueOf(config: object, key: string, each: Option<unknown>): unknown {
  const { section, name } = fieldOf(key, each);
  return (section === undefined ? (config as Values) : ((config as Values)[section] as Values))[name];
}

function put(config: object, key: string, each: Option<unknown>, value: unknown): void {
  const { section, name } = fieldOf(key, each);
  (section === undefined ? (config as Values) : ((config as Values)[section] as Values))[name] = value;
}

const LONGEST = 60;

function shown({ unit, isSecret }: Option<unknown>, value: unknown): string | null {
  if (isSecret) return null;
  if (value === undefined) return 'not set';
  if (Array.isArray(value)) return value.length === 1 ? '1 entry' : `${value.length} entries`;
  if (typeof value === 'number') return unit === 'seconds' ? sayDuration(value) : String(value);
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value.length <= LONGEST ? `"${value}"` : null;
}

function sayDuration(seconds: number): string {
  return seconds === -1 ? 'without an end' : `${seconds} s`;
}
