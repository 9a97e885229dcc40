import { existsSync } from 'node:fs';
import type { HostPaths } from '@banshare/runtime';
import type { Enrichment } from '../../enrich/enrichment.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { aheadOf, type Log } from '../../log/log.ts';
import { whyNotAgain } from '../../log/way-on.ts';
import { lastStartOver } from '../../sharing/start-over.ts';
import { backupFacts, type BackupWanted } from './backup-attention.ts';
import type { Facts } from './facts.ts';
import type { MessageWatch } from './messages.ts';

type OwnParts = {
  sharesLedger: boolean;
  reloader: { needsRestart: readonly string[] };
  messageWatch: Pick<MessageWatch, 'facts'>;
  startedAt: number;
  paths: Pick<HostPaths, 'serverState'>;
  enrichment: Pick<Enrichment, 'faults'>;
  /** What server.toml says of the daily backup. */
  backup: BackupWanted;
};

type SharedParts = {
  ledger: Pick<Ledger, 'replica' | 'stoppedBy'>;
  shared: Pick<Log, 'health' | 'time'> | undefined;
  paths: Pick<HostPaths, 'ledger'>;
};

/** What is so of this server, whatever the fleet does. */
export function ownFacts(
  { sharesLedger, reloader, messageWatch, startedAt, paths, backup, enrichment }: OwnParts,
  now: number,
): Pick<Facts, 'sharesLedger' | 'needsRestart' | 'messages' | 'backup' | 'enrichmentFaults'> {
  return {
    sharesLedger,
    needsRestart: reloader.needsRestart,
    messages: messageWatch.facts(startedAt, now),
    enrichmentFaults: enrichment.faults,
    backup: backupFacts(paths.serverState, backup, now),
  };
}

/** How the log is that several servers share, and the replica of it here. */
export function sharedFacts({ ledger, shared, paths }: SharedParts, now: number): Facts['shared'] {
  const replica = ledger.replica();
  if (replica === undefined || shared === undefined) return null;
  const { at = null, durability, last, fault } = shared.health();
  const { stoppedBy } = ledger;
  const over = lastStartOver(paths.ledger);
  // One that was shut at its start says why already.
  const refusal =
    stoppedBy === undefined || replica.isShut
      ? undefined
      : whyNotAgain({ fault: stoppedBy, last: over?.at }, now);
  return {
    at,
    durability,
    last: Math.max(last, replica.applied),
    clockAhead: aheadOf(shared, now) ?? null,
    ...replica,
    stopped: refusal ?? replica.stopped,
    startedOver: over !== undefined && existsSync(over.kept) ? over : null,
    fault: fault?.message ?? null,
  };
}
