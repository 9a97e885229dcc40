import { chmodSync, rmSync } from 'node:fs';
import type { Log as Lines, Resources } from '@banshare/runtime';
import type { Claims } from './ledger/books/claims.ts';
import type { Ledger } from './ledger/ledger.ts';
import { SCHEMA } from './ledger/schema.ts';
import type { Log, LogHealth } from './log/log.ts';

/** After so many entries a new server would have to apply too many. */
const MOST_ENTRIES = 20_000;
/** And the log would keep what nobody needs. */
const OLDEST_SECONDS = 86_400;
const LOOK_MS = 60_000;
/** A server that dies at it leaves it to another after so long. */
const CLAIM_SECONDS = 600;

/** Whether the log shall have a new snapshot: behind which it is pruned, and from which a new server starts. */
export function isSnapshotDue({ fault, last, snapshot }: LogHealth): boolean {
  const entries = last - snapshot.n;
  if (fault !== undefined || entries <= 0) return false;
  return entries >= MOST_ENTRIES || snapshot.ageSeconds >= OLDEST_SECONDS;
}

/** Puts the ledger as it is now into the log, by way of a copy beside it. @throws LogFault, and where the copy cannot be written */
export async function takeSnapshot(ledger: Ledger, shared: Log, path: string): Promise<void> {
  const copy = `${path}.snapshot`;
  try {
    rmSync(copy, { force: true });
    const position = await ledger.copyTo(copy);
    chmodSync(copy, 0o600);
    await shared.putSnapshot({ ...position, schema: SCHEMA }, copy);
  } finally {
    rmSync(copy, { force: true });
  }
}

/** Looks each minute; of several servers one does it, since to make the copy is much of the work. */
export function keepSnapshots(
  {
    ledger,
    shared,
    lines,
    claims,
  }: { ledger: Ledger; shared: Log | undefined; lines: Lines; claims: Claims },
  path: string,
  resources: Resources,
): void {
  if (shared === undefined) return;
  let isBusy = false;
  const look = async (): Promise<void> => {
    if (isBusy || !isSnapshotDue(shared.health()) || ledger.replica()?.stopped !== null) return;
    isBusy = true;
    try {
      if (await claims.claim('snapshot', CLAIM_SECONDS)) await takeSnapshot(ledger, shared, path);
    } catch (error) {
      lines.warning('Cannot put a snapshot into the shared log', { error: (error as Error).message });
      // Such as where the disk here is full: another server looks before this one does again.
      await claims.release('snapshot').catch(() => undefined);
    } finally {
      isBusy = false;
    }
  };
  const timer = setInterval(() => void look(), LOOK_MS);
  resources.own('the snapshots of the shared log', () => clearInterval(timer));
}
