import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { makePrivateDirectory, syncDirectory, writePrivate } from '@banshare/runtime';
import { appliedIn, stateOf, whatLacks } from '../ledger/books/backup-file.ts';
import { Ledger } from '../ledger/ledger.ts';
import { SCHEMA } from '../ledger/schema.ts';
import { LogFault, type Log, type LogPosition, type SnapshotHead } from '../log/log.ts';
import { whyNotInstead } from '../log/way-on.ts';
import { takeSteps } from './take-steps.ts';

/** When and why a server began with a snapshot instead of the replica that it had, and where that lies. */
export type StartedOver = {
  /** Epoch seconds. */
  readonly at: number;
  readonly code: string;
  readonly why: string;
  readonly kept: string;
};

const SIBLINGS = ['-journal', '-wal', '-shm'];

/** Lays the newest snapshot at a path where nothing is yet, whole or not at all. @throws LogFault, and where it cannot be written */
export async function beginWithSnapshot(shared: Log, path: string): Promise<SnapshotHead | undefined> {
  const arriving = `${path}.arriving`;
  makePrivateDirectory(dirname(path));
  const head = await fetchSnapshot(shared, arriving);
  if (head === undefined) return undefined;
  renameSync(arriving, path);
  syncDirectory(dirname(path));
  return head;
}

/**
 * Replaces a replica that stopped, whose file is closed and stays beside, by what the log has, by its own proofs, instead of an
 * earlier one. Nothing is changed before the new one is there as a whole and has what it has to have: returns why it has not, or what was done.
 * @throws LogFault, and where it cannot be written
 */
export async function startOver(
  shared: Log,
  { path, fault, before, now }: { path: string; fault: LogFault; before: LogPosition; now: number },
): Promise<{ refused: string } | StartedOver> {
  const arriving = `${path}.arriving`;
  const head = await fetchSnapshot(shared, arriving);
  if (head === undefined) return { refused: 'the log has no snapshot' };
  const there = await followToEnd(shared, arriving);
  const refused = whyNotInstead(fault, { before, there, lacks: whatLacks(arriving, path) });
  if (refused !== undefined) {
    removeAll(arriving);
    return { refused };
  }
  const kept = `${path}.before-snapshot`;
  const done = { at: now, code: fault.code, why: fault.message, kept };
  // First, so that whoever dies in between does not begin a second time at once.
  writePrivate(noteOf(path), `${JSON.stringify(done)}\n`);
  removeAll(kept);
  // Its siblings first: SQLite takes what lies beside a file for a part of it.
  for (const suffix of [...SIBLINGS, ''])
    if (existsSync(path + suffix)) renameSync(path + suffix, kept + suffix);
  renameSync(arriving, path);
  syncDirectory(dirname(path));
  return done;
}

/** When and why the server of a ledger began with a snapshot last; undefined where it never did, or its replica of before was taken away since. */
export function lastStartOver(path: string): StartedOver | undefined {
  try {
    const { at, code, why, kept } = JSON.parse(readFileSync(noteOf(path), 'utf8')) as Record<string, unknown>;
    if (typeof at !== 'number' || [code, why, kept].some((text) => typeof text !== 'string'))
      return undefined;
    return { at, code: String(code), why: String(why), kept: String(kept) };
  } catch {
    return undefined;
  }
}

/** @throws LogFault, `newer` where its tables are of a newer program */
async function fetchSnapshot(shared: Log, path: string): Promise<SnapshotHead | undefined> {
  removeAll(path);
  const head = await shared.getSnapshot(path);
  if (head !== undefined && head.schema > SCHEMA) {
    removeAll(path);
    const text = `Cannot take the snapshot of entry ${head.n}: a newer banshare-server made it, with tables of version ${head.schema}, and this one knows them up to ${SCHEMA}; install the banshare-server of the other servers here too`;
    throw new LogFault('newer', text, { n: head.n });
  }
  return head;
}

/** Applies all that the log has to a snapshot, and appends nothing; returns the entry that it stands for then. @throws LogFault */
export async function followToEnd(shared: Log, path: string): Promise<LogPosition> {
  const stepped = await takeSteps(shared, path, { mayAppend: false });
  const state = stateOf(path);
  if (stepped !== undefined && stepped.to < SCHEMA && state !== undefined) return state.applied;
  const ledger = new Ledger(path, () => '', shared);
  try {
    await ledger.catchUp();
    return appliedIn(ledger);
  } finally {
    ledger.close();
  }
}

function noteOf(path: string): string {
  return `${path}.started-over`;
}

function removeAll(path: string): void {
  for (const suffix of ['', ...SIBLINGS]) rmSync(path + suffix, { force: true });
}
