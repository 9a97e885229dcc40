import { sayReason } from '../bans/reason.ts';
import { join } from 'node:path';
import type { Dropped, Receipt, Uncounted } from '@banshare/protocol';
import { DEAD_LETTERS, monotonicSeconds, spooledAt, spoolFilesIn } from '@banshare/runtime';
import { notedEnforcers } from '../enforcer-change/hand-over.ts';
import type { Phase, Progress } from '../follow/progress.ts';
import type { ServerChoice } from '../server/server-choice.ts';
import type { State } from '../bans/state.ts';

/** Above this a host does better with a set of the kernel. */
const MOST_IN_FAIL2BAN = 1000;

/** What `banshare-client status --json` prints of a running client. */
export type ClientStatus = {
  name: string;
  /** Since when an operator wants nothing applied here, epoch seconds; null where that is not so. */
  pausedAt: number | null;
  phase: Phase;
  trouble: string;
  /** The server that this host uses, and since when it follows that, epoch seconds; null before. */
  server: string;
  serverSince: number | null;
  /** Those to which it would go, in their order. */
  otherServers: string[];
  /** Whether its server has said that its database is away. */
  serverIsStale: boolean;
  epoch: string | null;
  position: number | null;
  heardSecondsAgo: number | null;
  clockAheadSeconds: number;
  enforcer: string;
  /** Which way bans go where that depends on what runs here. */
  ways: string[];
  /** What the enforcer lacks, and what would do better on this host. */
  advice: string[];
  bans: Record<string, number>;
  /** Bans in force here that the server's ledger lacks; they stay until their end. */
  lacking: number;
  /** What earlier enforcers of this host still have to let go. */
  earlierEnforcers: string[];
  /** What could not be lifted when that was tried, in sentences: somebody may be locked out by it. */
  unlifted: string[];
  /** Why bans cannot be seen in the firewall where they should be, in sentences. */
  unproven: string[];
  /** What is to be protected here and cannot be known, in sentences. */
  unprotected: string[];
  spool: SpoolStatus;
  /** What is really in place; an older daemon does not tell. */
  receipt?: Receipt;
  /** What banshare's own sets here have dropped, or why that is unknown; an older daemon tells neither. */
  dropped?: Dropped;
  uncounted?: string;
  /** Keys of which client.toml says otherwise than what this client goes by since its start, as of the last reload. */
  needsRestart?: string[];
};

/** How this host's client is. */
export function statusOf(
  enforcer: {
    kinds: readonly string[];
    missing: readonly string[];
    ways: readonly string[];
    unproven?: readonly string[];
    unprotected?: readonly string[];
  },
  servers: Pick<ServerChoice, 'current' | 'others'>,
  state: State,
  progress: Progress,
  spool: SpoolStatus,
): ClientStatus {
  const position = state.position();
  const counts = state.counts();
  const { heardAt } = progress;
  return {
    name: progress.name,
    pausedAt: state.pausedAt() ?? null,
    phase: progress.phase,
    trouble: progress.trouble,
    server: servers.current,
    serverSince: progress.follows?.server === servers.current ? progress.follows.since : null,
    otherServers: servers.others,
    serverIsStale: progress.isStale,
    epoch: position?.epoch ?? null,
    position: position?.seq ?? null,
    heardSecondsAgo: heardAt === undefined ? null : Math.round(monotonicSeconds() - heardAt),
    clockAheadSeconds: Math.round(progress.clockAhead),
    enforcer: enforcer.kinds.join(' and '),
    ways: [...enforcer.ways],
    advice: [...enforcer.missing, ...adviceFor(enforcer.kinds, counts), ...adviceOnRanges(state)],
    bans: counts,
    lacking: state.lackingCount(),
    earlierEnforcers: Object.keys(notedEnforcers(state)?.before ?? {}),
    unlifted: unliftedIn(state),
    unproven: [...(enforcer.unproven ?? [])],
    unprotected: [...(enforcer.unprotected ?? [])],
    spool,
  };
}

/** fail2ban takes 6 ms for each ban, again at each of its restarts, and lets attackers through meanwhile. */
function adviceFor(kinds: readonly string[], { applied = 0, already = 0 }: Record<string, number>): string[] {
  if (!kinds.includes('fail2ban') || applied + already <= MOST_IN_FAIL2BAN) return [];
  return [
    `${applied + already} bans are many for fail2ban. Set [apply] enforcer = "nftables" in client.toml: its bans take no time, and no restart of fail2ban touches them.`,
  ];
}

function adviceOnRanges(state: State): string[] {
  const missed = state
    .ranges()
    .filter(({ status, reason }) => status === 'failed' && reason.code === 'range');
  if (missed.length === 0) return [];
  return [
    `${missed.length === 1 ? 'A range is' : `${missed.length} ranges are`} not banned here, since no enforcer of this host can: use nftables or ipset.`,
  ];
}

/** What could not be lifted when that was tried, of this host's enforcers and of those before, in sentences. */
export function unliftedIn(state: State): string[] {
  const { count, example } = state.unlifted();
  const own =
    example === undefined
      ? []
      : [
          `${count === 1 ? 'A ban' : `${count} bans`} could not be lifted here yet, and ${count === 1 ? 'is' : 'are'} tried again: ${example.ip} in ${example.localJail}: ${sayReason(example.reason)}`,
        ];
  const earlier = Object.entries(notedEnforcers(state)?.before ?? {}).flatMap(([holder, { trouble }]) =>
    trouble === undefined
      ? []
      : [
          `What ${holder} holds of banshare, from before the enforcer was changed, still stands, and its lifting is tried again: ${trouble}`,
        ],
  );
  return [...own, ...earlier];
}

/** Whether no person is needed for what a running client tells. */
export function isInOrder({ phase, pausedAt, lacking, serverIsStale, ...status }: ClientStatus): boolean {
  const faults = [status.unlifted, status.unproven, status.unprotected];
  const isClear = faults.every((sentences) => sentences.length === 0) && lacking === 0 && !serverIsStale;
  return phase === 'in-step' && pausedAt === null && isClear;
}

/** Reports that wait for the server, the age of the oldest in seconds, and those that were given up. */
export type SpoolStatus = { waiting: number; oldestSeconds: number; dead: number };

/** What was dropped, as status tells it. */
export function droppedStatus(dropped: Dropped | Uncounted): Pick<ClientStatus, 'dropped' | 'uncounted'> {
  return 'unknown' in dropped ? { uncounted: dropped.unknown } : { dropped };
}

/** Counts the spool; now is epoch seconds. */
export function spoolStatus(directory: string, now: number): SpoolStatus {
  const waiting = spoolFilesIn(directory).sort();
  return {
    waiting: waiting.length,
    oldestSeconds: Math.max(0, Math.round(now - (spooledAt(waiting[0] ?? '') ?? now))),
    dead: spoolFilesIn(join(directory, DEAD_LETTERS)).length,
  };
}
