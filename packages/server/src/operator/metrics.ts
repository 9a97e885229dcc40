import { statSync } from 'node:fs';
import { measureProgram, monotonicSeconds, type HostPaths } from '@banshare/runtime';
import type { HostMeasures, Measures } from '../metrics/measures.ts';
import type { Tally } from '../metrics/tally.ts';
import { lastDrill } from '../ledger/books/last-drill.ts';
import { isDrilled } from '../words/drill.ts';
import type { Attention } from './attention/attention.ts';
import { KINDS } from './attention/kinds.ts';
import { look, type HostStatus, type StatusParts } from './status.ts';

/** Whoever asks more often is told the same: a scraper that is wrongly set, or several of them, cost nothing. */
const KEPT_SECONDS = 1;
/** How often a commit is tried for nothing but these figures. */
const TRIED_SECONDS = 30;
/** So many hosts have series of their own. */
const MOST_HOSTS = 2000;

type MeasuringParts = StatusParts & {
  paths: Pick<HostPaths, 'ledger'>;
  tally: Tally;
  service: { distributor: { isStale: boolean } };
};

/** Measures a server, at most once a second. */
export class Measuring {
  #kept: { at: number; measures: Promise<Measures> } | undefined;
  #triedAt = -Infinity;

  /** What is so now, or was a moment ago; now is epoch seconds. */
  measure(parts: MeasuringParts, now: number): Promise<Measures> {
    const at = monotonicSeconds();
    if (this.#kept === undefined || at - this.#kept.at >= KEPT_SECONDS)
      this.#kept = { at, measures: measuresOf({ ...parts, tryWriting: this.#seldom(parts) }, now) };
    return this.#kept.measures;
  }

  /** While a write fails each look tries one, so that its end shows; else one that went well a moment ago is proof enough. */
  #seldom({ tryWriting }: MeasuringParts): () => Promise<void> {
    return async () => {
      const at = monotonicSeconds();
      if (at - this.#triedAt < TRIED_SECONDS) return;
      await tryWriting();
      this.#triedAt = at;
    };
  }
}

async function measuresOf(parts: MeasuringParts, now: number): Promise<Measures> {
  const { ledger, tally, service } = parts;
  const { status, hosts } = await look(parts, now);
  const active = hosts.filter(({ state }) => state === 'active');
  const told = worstFirst(active, MOST_HOSTS);
  const { shared } = status;
  const ipv6 = ledger.countIpv6(now);
  tally.keepOnly(new Set(parts.book.all().map(({ id }) => id)));
  return {
    program: measureProgram(parts.startedAt),
    isCommitting: status.cannotCommit === null && (shared?.stopped ?? null) === null,
    isPublishing: status.cannotPublish === null,
    isStale: service.distributor.isStale,
    isFrozen: status.frozen !== null,
    shared:
      shared === null
        ? null
        : { isConnected: shared.fault === null, behindEntries: Math.max(0, shared.last - shared.applied) },
    bansActive: { ipv4: status.activeBans - ipv6, ipv6 },
    head: status.head,
    held: status.held,
    pendingHosts: status.pending.length,
    ledgerBytes: bytesOf(parts.paths.ledger),
    hosts: {
      active: status.hosts,
      behind: status.behind.length,
      outOfPlace: status.outOfPlace.length,
      muted: status.muted.length,
    },
    attention: attentionCounts(status),
    reports: tally.reports,
    progsLeftOut: tally.progsLeftOut,
    reportSeconds: tally.reportSeconds,
    appliedSeconds: tally.appliedSeconds,
    events: tally.events,
    backupAt: status.backup.lastGood,
    drill: drillOf(parts, new Set(told.map(({ name }) => name))),
    eachHost: told.map(measuresOfHost),
    hostsLeftOut: active.length - told.length,
  };
}

/** The last drill, of those hosts that are told of. */
function drillOf({ ledger, drill }: MeasuringParts, names: ReadonlySet<string>): Measures['drill'] {
  const last = lastDrill(ledger);
  if (last === undefined) return null;
  const hosts = last.hosts
    .filter(({ host, isMuted }) => !isMuted && names.has(host))
    .map((each) => ({ host: each.host, seconds: each.seconds, isDrilled: isDrilled(each) }));
  return { at: last.at, limitSeconds: drill.limitSeconds, hosts };
}

/** Of more hosts than may have series of their own those that are in trouble have them, and of the others the first by name. */
export function worstFirst<T extends Pick<HostStatus, 'name' | 'isBehind' | 'outSince'>>(
  hosts: readonly T[],
  most: number,
): readonly T[] {
  if (hosts.length <= most) return hosts;
  const trouble = ({ isBehind, outSince }: T): number => Number(isBehind) + Number(outSince !== null);
  return hosts
    .toSorted((one, other) => trouble(other) - trouble(one) || (one.name < other.name ? -1 : 1))
    .slice(0, most);
}

function measuresOfHost(host: HostStatus): HostMeasures {
  const { name, version, node, generation, server, lag, receipt, lastSeen, clockAhead, mutedUntil } = host;
  const { spool, dropped } = host;
  return {
    host: name,
    version,
    node,
    generation,
    server,
    lagEvents: lag,
    wanted: receipt?.wanted ?? null,
    inPlace: receipt?.placed ?? null,
    lastContact: lastSeen,
    clockAhead,
    isPaused: receipt === null ? null : receipt.pausedSince !== undefined,
    isMuted: mutedUntil !== null,
    spool,
    dropped: dropped === null ? null : { ipv4: dropped.v4, ipv6: dropped.v6 },
  };
}

/** Each kind that there is, so that an alarm sees one end; and how many of it there are. */
function attentionCounts({ urgent, todo }: Attention): Measures['attention'] {
  const entries = { urgent, 'to-do': todo };
  return (['urgent', 'to-do'] as const).flatMap((level) =>
    KINDS[level].map((kind) => ({
      level,
      kind,
      count: entries[level].filter(({ code }) => code === kind).length,
    })),
  );
}

/** The size of a database with what stands beside it; null where there is none to see. */
function bytesOf(path: string): number | null {
  const sizes = [path, `${path}-wal`].map((file) => statSync(file, { throwIfNoEntry: false })?.size);
  return sizes[0] === undefined ? null : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}
