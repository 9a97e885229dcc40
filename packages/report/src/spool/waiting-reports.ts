import { readdirSync, readFileSync, renameSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import {
  cutEvidence,
  encodeJson,
  FieldReader,
  LATEST_SECONDS,
  parseFields,
  type Details,
  type Fields,
  wholeSeconds,
} from '@banshare/protocol';
import {
  DEAD_LETTERS,
  failpoint,
  isTemporary,
  makePrivateDirectory,
  spoolFilesIn,
  writePrivate,
} from '@banshare/runtime';
import { readDetail } from '../words/details.ts';
import { readReport } from '../words/read-report.ts';
import type { Waiting } from './spool.ts';

/** A file of the spool, read; or why it cannot be. */
export type Read = { ok: true; waiting: Waiting } | { ok: false; fault: string };

/** No reporter lives as long. */
const LEFTOVER_SECONDS = 3600;
/** As many as wait in a full spool, by default. */
const MOST_DEAD_LETTERS = 10_000;

/** The spool as it is emptied: oldest first, each file removed or moved once its report has its end. */
export class WaitingReports {
  readonly #directory: string;
  readonly #mostDead: number;
  /** The names of the dead letters, in the order in which they were given up as far as that is known, once one more is. */
  #dead: string[] | undefined;

  constructor(directory: string, mostDead = MOST_DEAD_LETTERS) {
    this.#directory = directory;
    this.#mostDead = mostDead;
  }

  /** The names of the files that wait, oldest first. */
  names(): string[] {
    return spoolFilesIn(this.#directory).sort();
  }

  /** Nothing, where there is no spool yet. */
  #all(): string[] {
    try {
      return readdirSync(this.#directory);
    } catch {
      return [];
    }
  }

  /** Removes what reporters left behind that were killed while they wrote; now is epoch seconds. */
  removeLeftovers(now: number): void {
    for (const name of this.#all().filter(isTemporary)) {
      const path = join(this.#directory, name);
      const file = statSync(path, { throwIfNoEntry: false });
      if (file !== undefined && now - file.mtimeMs / 1000 > LEFTOVER_SECONDS) rmSync(path, { force: true });
    }
  }

  /** Reads a file; undefined when another flush has sent it meanwhile. */
  read(name: string): Read | undefined {
    let text: string;
    try {
      text = readFileSync(join(this.#directory, name), 'utf8');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return code === 'ENOENT' ? undefined : { ok: false, fault: message };
    }
    return parseWaiting(text);
  }

  /** The report has its answer. */
  remove(name: string): void {
    failpoint('before-removal');
    try {
      unlinkSync(join(this.#directory, name));
    } catch (error) {
      // Another flush was faster; the id made the second sending harmless.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  /**
   * Gives a report up: it goes to the dead letters with the reason. Of those, what was given up first leaves where they are too many, since
   * with the disk full no report could wait any more. @throws the system's error.
   */
  bury(name: string, reason: string): void {
    const folder = join(this.#directory, DEAD_LETTERS);
    makePrivateDirectory(folder);
    this.#dead ??= spoolFilesIn(folder).sort();
    writePrivate(join(folder, reasonOf(name)), `${encodeJson({ reason })}\n`);
    try {
      renameSync(join(this.#directory, name), join(folder, name));
    } catch (error) {
      rmSync(join(folder, reasonOf(name)), { force: true });
      throw error;
    }
    this.#dead.push(name);
    for (const old of this.#dead.splice(0, this.#dead.length - this.#mostDead)) removeLetter(folder, old);
  }
}

function removeLetter(folder: string, name: string): void {
  try {
    for (const each of [name, reasonOf(name)]) rmSync(join(folder, each), { force: true });
  } catch {
    // It stays, and is the first to go the next time: what was just given up has left the spool all the same.
  }
}

function reasonOf(name: string): string {
  return `${name}.reason`;
}

function parseWaiting(text: string): Read {
  const fields = parseFields(text);
  if (!fields.ok) return fields;
  const read = new FieldReader(fields.value);
  const id = read.hex('id', 32);
  const at = read.number('at', 0, LATEST_SECONDS);
  const kind = read.text('kind', 16);
  const inner = fields.value[kind === 'unban' ? 'ban' : 'report'];
  if (read.fault !== undefined || typeof inner !== 'object' || inner === null) {
    return { ok: false, fault: read.fault ?? 'it holds no report' };
  }
  return parseInner({ id, at, kind }, inner as Fields);
}

/** Checked like a new report: the file may be of an older version, or not ours. */
function parseInner(head: { id: string; at: number; kind: string }, inner: Fields): Read {
  const { prog, jail, ip, durationSeconds } = inner;
  const seconds = typeof durationSeconds === 'number' ? wholeSeconds(durationSeconds) : undefined;
  const read = readReport([String(prog), String(jail), String(ip)], seconds, detailsOf(inner));
  if ('ending' in read) return { ok: false, fault: read.ending.says ?? 'it holds no report' };
  const { id, at } = head;
  const { report } = read;
  if (head.kind === 'unban') {
    return {
      ok: true,
      waiting: { id, at, kind: 'unban', ban: { ip: report.ip, prog: report.prog, jail: report.jail } },
    };
  }
  const evidence = typeof inner['evidence'] === 'string' ? cutEvidence(inner['evidence']) : undefined;
  const said = evidence === undefined ? report : { ...report, evidence };
  return { ok: true, waiting: { id, at, kind: 'report', report: said } };
}

/** What cannot be read of them is left out: a ban is not given up for that. */
function detailsOf(inner: Fields): Details {
  const details: Details = {};
  for (const name of ['failures', 'port', 'protocol'] as const) {
    const value = inner[name];
    const isPlain = typeof value === 'string' || typeof value === 'number';
    const detail = readDetail(name, isPlain ? `${value}` : '');
    if (detail.ok) Object.assign(details, detail.value);
  }
  return details;
}
