import type { Receipt } from '@banshare/protocol';
import type { ServerPlace } from '@banshare/runtime';
import { monotonicSeconds } from '@banshare/runtime';
import { RANGE } from './enforcers/enforcer.ts';
import { placingOf } from './hand-over.ts';
import type { Phase, Progress } from './progress.ts';
import type { SpoolStatus } from './spool-status.ts';
import type { State } from './state.ts';

/** Above this a host does better with a set of the kernel. */
const MOST_IN_FAIL2BAN = 1000;

/** What `banshare-client status --json` prints of a running client. */
export type ClientStatus = {
  name: string;
  /** Since when an operator wants nothing applied here, epoch seconds; null where that is not so. */
  pausedAt: number | null;
  phase: Phase;
  trouble: string;
  server: string;
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
};

/** How this host's client is. */
export function statusOf(
  enforcer: {
    kind: string;
    missing: readonly string[];
    ways: readonly string[];
    unproven?: readonly string[];
    unprotected?: readonly string[];
  },
  place: ServerPlace,
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
    server: place.server,
    epoch: position?.epoch ?? null,
    position: position?.seq ?? null,
    heardSecondsAgo: heardAt === undefined ? null : Math.round(monotonicSeconds() - heardAt),
    clockAheadSeconds: Math.round(progress.clockAhead),
    enforcer: enforcer.kind,
    ways: [...enforcer.ways],
    advice: [...enforcer.missing, ...adviceFor(enforcer.kind, counts), ...adviceOnRanges(state)],
    bans: counts,
    lacking: state.lackingCount(),
    earlierEnforcers: Object.keys(placingOf(state)?.before ?? {}),
    unlifted: unliftedIn(state),
    unproven: [...(enforcer.unproven ?? [])],
    unprotected: [...(enforcer.unprotected ?? [])],
    spool,
  };
}

/** fail2ban takes 6 ms for each ban, again at each of its restarts, and lets attackers through meanwhile. */
function adviceFor(enforcer: string, { applied = 0, already = 0 }: Record<string, number>): string[] {
  if (!enforcer.includes('fail2ban') || applied + already <= MOST_IN_FAIL2BAN) return [];
  return [
    `${applied + already} bans are many for fail2ban. Set [apply] enforcer = "nftables" in client.toml: its bans take no time, and no restart of fail2ban touches them.`,
  ];
}

function adviceOnRanges(state: State): string[] {
  const missed = state.ranges().filter(({ status, reason }) => status === 'failed' && reason === RANGE);
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
          `${count === 1 ? 'A ban' : `${count} bans`} could not be lifted here yet, and ${count === 1 ? 'is' : 'are'} tried again: ${example.ip} in ${example.localJail}: ${example.reason}`,
        ];
  const earlier = Object.entries(placingOf(state)?.before ?? {}).flatMap(([place, { trouble }]) =>
    trouble === undefined
      ? []
      : [
          `What ${place} holds of banshare, from before the enforcer was changed, still stands, and its lifting is tried again: ${trouble}`,
        ],
  );
  return [...own, ...earlier];
}

/** Whether no person is needed for what a running client tells. */
export function isInOrder({ phase, pausedAt, lacking, ...status }: ClientStatus): boolean {
  const faults = [status.unlifted, status.unproven, status.unprotected];
  const isClear = faults.every((sentences) => sentences.length === 0) && lacking === 0;
  return phase === 'in-step' && pausedAt === null && isClear;
}

/** What has to be said before all else. */
export function showPaused(at: number): string {
  const since = new Date(at * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  return `PAUSED since ${since}: nothing is applied on this host until banshare-client resume.`;
}

/** The same for people. */
export function showStatus(status: ClientStatus): string {
  const { name, phase, trouble, server, position, heardSecondsAgo, enforcer, bans, spool } = status;
  const who = name === '' ? 'This host' : name;
  const first: Record<Phase, string> = {
    starting: `${who} is starting.`,
    enrolling: `${who} is not enrolled yet.`,
    connecting: `${who} is not connected to ${server}.`,
    'in-step': `${who} has received everything up to event ${position ?? 0} of ${server}.`,
    lagging: `${who} has more than ${server}, and keeps what it has.`,
    refused: `${who} is refused by ${server}.`,
  };
  const counts = Object.entries(bans).map(([word, count]) => `${count} ${word}`);
  return [
    first[phase],
    ...(trouble === '' ? [] : [`  ${trouble}`]),
    ...(heardSecondsAgo === null ? [] : [`The server was heard ${heardSecondsAgo} s ago.`]),
    `Bans here: ${counts.length === 0 ? 'none' : counts.join(', ')}. Enforcer: ${enforcer}.`,
    ...(status.lacking === 0 ? [] : [lackingText(status.lacking, server)]),
    ...status.ways,
    ...status.advice,
    ...status.unlifted,
    ...status.unproven,
    ...status.unprotected,
    ...status.earlierEnforcers.map(
      (place) => `Not lifted yet, from before the enforcer was changed: what ${place} holds of banshare.`,
    ),
    ...spoolLines(spool),
  ].join('\n');
}

function lackingText(count: number, server: string): string {
  return `${count} ${count === 1 ? 'ban' : 'bans'} here ${count === 1 ? 'is' : 'are'} in no ledger of ${server}, which has another history of the same epoch: they stay until their end, or until banshare-server unban ADDRESS.`;
}

function spoolLines({ waiting, oldestSeconds, dead }: SpoolStatus): string[] {
  const lines: string[] = [];
  if (waiting > 0)
    lines.push(`Spool: ${waiting} reports wait for the server, the oldest for ${oldestSeconds} s.`);
  if (dead > 0)
    lines.push(`Dead letters: ${dead} reports were given up; the reasons are in the spool's folder dead.`);
  return lines;
}
