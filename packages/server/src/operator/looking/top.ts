import type { AdminReply } from '@banshare/runtime';
import type { Target } from '@banshare/protocol';
import type { Enrichment, LookUp } from '../../enrich/enrichment.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { eachReportSince, eachSince } from '../../ledger/past-events.ts';
import { MostNamed } from '../../words/most-named.ts';
import { MOMENT_FAULT, readMoment } from '../../words/moment.ts';
import type { Whereabouts } from '../../words/whereabouts.ts';
import { networkOf } from '../../words/network.ts';
import { decline, textOf, type Args } from '../deeds/bans.ts';
import type { LookedBack } from './history.ts';

/** By what `top` counts. */
export const TOP_BY = ['ip', 'jail', 'host', 'net', 'country'] as const;
type TopBy = (typeof TOP_BY)[number];

/**
 * What was reported and banned most since a time, epoch seconds: most reports first. `names` is how many different ones there were,
 * null where there were more than are counted at once.
 */
export type Top = {
  by: string;
  since: number;
  at: number;
  names: number | null;
  rows: ({ name: string; reports: number; bans: number } & Whereabouts)[];
  /** What is wrong with the files that say where addresses are. */
  faults: string[];
};

type TopParts = { ledger: Ledger; lookedBack: LookedBack; enrichment: Enrichment; now: () => number };
/** What a report or a ban is counted under. */
type NameOf = (of: { ip: Target; jail: string; who: string }, lookUp: LookUp) => string;

const DEFAULT_SINCE = '7d';
const DEFAULT_ROWS = 20;
export const MOST_ROWS = 1000;
/** The name of a host that is forgotten. */
const FORGOTTEN = '(forgotten)';
/** The country of an address that no file knows. */
const UNKNOWN = 'unknown';

const NAMES: Readonly<Record<TopBy, NameOf>> = {
  ip: ({ ip }) => ip,
  jail: ({ jail }) => jail,
  host: ({ who }) => who,
  net: ({ ip }, lookUp) => lookUp(ip).network ?? networkOf(ip),
  country: ({ ip }, lookUp) => lookUp(ip).country ?? UNKNOWN,
};

/** `top [--by ip|jail|host|net|country] [--since 7d] [--limit N]` */
export async function top(
  args: Args,
  { ledger, lookedBack, enrichment, now }: TopParts,
): Promise<AdminReply> {
  const by = (textOf(args, 'by') ?? 'ip') as TopBy;
  const text = textOf(args, 'since') ?? DEFAULT_SINCE;
  const since = readMoment(text, now());
  if (since === null || since === undefined) return decline('duration', MOMENT_FAULT);
  if (by === 'country' && !enrichment.isOn)
    return decline('country', 'nothing here knows countries: name a file in server.toml, [enrich] mmdb');
  const lookUp = await enrichment.open();
  const limit = Math.min(MOST_ROWS, typeof args['limit'] === 'number' ? args['limit'] : DEFAULT_ROWS);
  const { at, rows, names } = await lookedBack.once(`top ${by} ${text}`, async () =>
    mostOf(await count(ledger, (of) => NAMES[by](of, lookUp), since, now())),
  );
  const shown = rows.slice(0, limit).map((row) => (by === 'ip' ? { ...row, ...lookUp(row.name) } : row));
  return {
    ok: true,
    result: { by, since, at, names, rows: shown, faults: enrichment.faults } satisfies Top,
  };
}

type Counts = { reports: MostNamed; bans: MostNamed; at: number };

/** What is shown at most, and kept for whoever asks again: two hundred thousand names for each question would fill the memory. */
function mostOf({ reports, bans, at }: Counts): Pick<Top, 'at' | 'names' | 'rows'> {
  const named = new Set([...reports.top(MOST_ROWS), ...bans.top(MOST_ROWS)].map(([name]) => name));
  const rows = [...named]
    .map((name) => ({ name, reports: reports.get(name), bans: bans.get(name) }))
    .toSorted(
      (one, other) =>
        other.reports - one.reports || other.bans - one.bans || (one.name < other.name ? -1 : 1),
    )
    .slice(0, MOST_ROWS);
  return { at, names: reports.isRough || bans.isRough ? null : reports.countWith(bans), rows };
}

async function count(
  ledger: Ledger,
  nameOf: (of: Parameters<NameOf>[0]) => string,
  since: number,
  now: number,
): Promise<Counts> {
  const [reports, bans] = [new MostNamed(), new MostNamed()];
  await eachReportSince(ledger.sql, since, ({ ip, jail, who }) =>
    reports.add(nameOf({ ip, jail, who: who ?? FORGOTTEN })),
  );
  await eachSince(ledger.sql, since, ({ kind, ip, jail, host }) => {
    if (kind === 'ban') bans.add(nameOf({ ip, jail, who: host }));
  });
  return { reports, bans, at: now };
}
