import { parseTarget, type Event } from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import type { HostBook } from '../../fleet/hosts.ts';
import type { Enrichment } from '../../enrich/enrichment.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { droppedOf, type DroppedThere } from '../../fleet/worth.ts';
import type { BanTimes, LatencyBook } from '../../metrics/latency.ts';
import { textOf, type Args } from '../deeds/bans.ts';
import type { Host } from '../../words/hosts/host.ts';
import type { History } from '../../words/history.ts';

/** What became of an event on a host; `at` epoch seconds, null while it is not known. */
type HostOutcome = {
  host: string;
  outcome: string;
  reason: string | null;
  at: number | null;
  /** Milliseconds from the report to the ban in place there, as the host has measured; null where it did not. */
  ms: number | null;
};

/** The shape that `explain IP --json` prints: every report, event and outcome, and who stands behind what is active. */
export type Explanation = {
  ip: string;
  country?: string;
  network?: string;
  reports: History['reports'];
  supporters: History['supporters'];
  events: (Event & {
    outcomes: HostOutcome[];
    /** Milliseconds from the report to the commit and to its publication; null of what was before this server started. */
    committedMs: number | null;
    publishedMs: number | null;
  })[];
  /** What each host's own sets have dropped of it. */
  dropped: DroppedThere[];
};

/** `explain IP|RANGE`: why, who and where. */
export async function explain(
  args: Args,
  parts: {
    ledger: Ledger;
    book: HostBook;
    latency: Pick<LatencyBook, 'of'>;
    enrichment: Enrichment;
    now: () => number;
  },
): Promise<AdminReply> {
  const ip = parseTarget(textOf(args, 'ip') ?? '');
  if (!ip.ok) return { ok: false, code: 'address', reason: ip.fault };
  const { reports, events, supporters } = await parts.ledger.history(ip.value);
  const { epoch } = parts.ledger.head();
  const explained = events.map((event) => {
    const times = parts.latency.of(event);
    return {
      ...event,
      outcomes: outcomesOf(event, parts, epoch, times),
      committedMs: times?.committedMs ?? null,
      publishedMs: times?.publishedMs ?? null,
    };
  });
  const where = (await parts.enrichment.open())(ip.value);
  const dropped = events.length === 0 ? [] : droppedOf(parts.book.active(), ip.value);
  return {
    ok: true,
    result: { ip: ip.value, ...where, reports, supporters, events: explained, dropped } satisfies Explanation,
  };
}

/** A host tells what was not simply applied; all else up to its position was. */
function outcomesOf(
  event: Event,
  { book, now: clock }: { book: HostBook; now: () => number },
  epoch: string,
  times: BanTimes | undefined,
): HostOutcome[] {
  const now = clock();
  const told = book.outcomesOf(event.seq);
  const concerned = book.all().filter(({ id, state }) => state === 'active' || told.has(id));
  return concerned.map((host): HostOutcome => {
    const outcome = told.get(host.id);
    const common = { host: host.name, ms: times?.hosts.get(host.id) ?? null };
    if (outcome !== undefined) return { ...common, ...outcome };
    if (!hasReached(host, event, epoch)) return { ...common, outcome: 'waiting', reason: null, at: null };
    return { ...common, outcome: 'applied', reason: null, at: book.reachedAt(host, event, now) ?? null };
  });
}

function hasReached(host: Host, event: Event, epoch: string): boolean {
  return host.position?.epoch === epoch && host.position.applied >= event.seq;
}
