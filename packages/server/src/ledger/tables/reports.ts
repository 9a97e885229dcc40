import { overlaps, type Address, type BanKey, type Event, type Range, type Target } from '@banshare/protocol';
import { type Row, type Sql, eventOf, MOST_LOOKED_BACK } from './rows.ts';
import { widerRanges } from '../../words/wider-ranges.ts';
import type { EarlierReport, History, ToldReport } from '../../words/history.ts';

/** A ban that hosts reported, and when one last did; epoch seconds. */
export type ReportedBan = BanKey & { received: number };

/**
 * What was reported within a range since a time, whatever became of it: the host that reports bans by itself, also where its
 * report was only counted, held or refused. What that host has taken back since is left out.
 */
export function reportedWithin(sql: Sql, range: Range, since: number): ReportedBan[] {
  return beginningsOf(range).flatMap((beginning) => {
    const rows = sql(
      `SELECT ip, prog, jail, max(received) AS received FROM reports AS report
       WHERE ip >= ? AND ip < ? AND received >= ? AND kind = 'report'
       AND NOT EXISTS (SELECT 1 FROM reports WHERE host = report.host AND kind = 'unban' AND received >= report.received
         AND ip = report.ip AND prog = report.prog AND jail = report.jail)
       GROUP BY ip, prog, jail`,
      // Behind every text that begins so: no address has such a character.
    ).all(beginning, `${beginning}~`, since) as (Row & ReportedBan)[];
    return rows
      .filter(({ ip }) => overlaps(ip as Address, range))
      .map(({ ip, prog, jail, received }) => ({ ip, prog, jail, received }));
  });
}

/**
 * The addresses whose reports became the ban of a range, with the prog and jail of each: the host that reported one bans that by
 * itself. What that host has taken back since is left out.
 */
export function reportedAs(
  sql: Sql,
  range: string,
  { jail, hostId }: { jail?: string | undefined; hostId?: number } = {},
): ReportedBan[] {
  const rows = sql(
    `SELECT ip, prog, jail, max(received) AS received FROM reports AS report
     WHERE target = ?1 AND (?2 IS NULL OR jail = ?2) AND (?3 IS NULL OR host = ?3) AND kind = 'report'
     AND NOT EXISTS (SELECT 1 FROM reports WHERE host = report.host AND kind = 'unban' AND received >= report.received
       AND ip = report.ip AND prog = report.prog AND jail = report.jail)
     GROUP BY ip, prog, jail`,
  ).all(range, jail ?? null, hostId ?? null) as (Row & ReportedBan)[];
  return rows.map(({ ip, prog, jail: of, received }) => ({ ip, prog, jail: of, received }));
}

/** How many of these events are bans that a report brought, and neither an operator nor what was held. */
export function countReported(sql: Sql, events: readonly Event[]): number {
  const isReported = ({ kind, ip, at }: Event): boolean =>
    kind === 'ban' &&
    sql(
      'SELECT 1 FROM reports WHERE ip = ?1 AND received = ?2 UNION ALL SELECT 1 FROM reports WHERE target = ?1 AND received = ?2 LIMIT 1',
    ).get(ip, at) !== undefined;
  return events.filter(isReported).length;
}

/** What was reported since a time, oldest first; epoch seconds. The newest are looked at in the order in which they came, until one is older. */
export function reportedSince(sql: Sql, since: number): EarlierReport[] {
  const { last } = sql('SELECT coalesce(max(n), 0) AS last FROM reports').get() as Row & { last: number };
  const most = last - MOST_LOOKED_BACK;
  const before = sql('SELECT n FROM reports WHERE n > ? AND received < ? ORDER BY n DESC LIMIT 1').get(
    most,
    since,
  ) as (Row & { n: number }) | undefined;
  const rows = sql(
    `SELECT host, received, kind = 'report' AND verdict = 'accepted' AS isPublished FROM reports WHERE n > ? ORDER BY n`,
  ).all(before?.n ?? most) as (Row & { host: number; received: number; isPublished: number })[];
  return rows.map(({ host, received, isPublished }) => ({ host, received, isPublished: isPublished === 1 }));
}

/** What hosts report at the other servers of a shared ledger: each of their commits adds some. */
export class ReportedElsewhere {
  readonly #ledger: { readonly sql: Sql };
  #seen: number;

  /** Each question goes to the file as it is open then: one that failed was opened again. */
  constructor(ledger: { readonly sql: Sql }) {
    this.#ledger = ledger;
    this.#seen = this.#last();
  }

  /** Behind a commit of this server, which has counted what that added. */
  skip(): void {
    this.#seen = this.#last();
  }

  /** Behind a commit of another server: how much each host reported there. */
  take(): ReadonlyMap<number, number> {
    const counts = new Map<number, number>();
    for (const row of this.#ledger.sql('SELECT host FROM reports WHERE n > ?').all(this.#seen) as Row[]) {
      const host = Number(row['host']);
      counts.set(host, (counts.get(host) ?? 0) + 1);
    }
    this.skip();
    return counts;
  }

  #last(): number {
    return Number((this.#ledger.sql('SELECT max(n) AS n FROM reports').get() as Row)['n'] ?? 0);
  }
}

/** How the text of every address of a range begins, so that the index finds them; and of those that embed one of IPv4. */
function beginningsOf(range: Range): string[] {
  const [first = '', prefixText = ''] = range.split('/');
  const prefix = Number(prefixText);
  if (!first.includes(':')) {
    const octets = first.split('.').slice(0, Math.floor(prefix / 8));
    const dotted = octets.map((octet) => `${octet}.`).join('');
    return [prefix === 32 ? first : dotted, '64:ff9b:', '2002:'];
  }
  if (prefix === 128) return [first];
  const [leading = ''] = first.split('::');
  const groups = leading === '' ? [] : leading.split(':').slice(0, Math.floor(prefix / 16));
  // Zeros may be left out of some addresses of the range, and not of others.
  const zero = groups.indexOf('0');
  return [(zero < 0 ? groups : groups.slice(0, zero)).map((group) => `${group}:`).join('')];
}

/** An administrator reads this: the newest say enough. */
const MOST = 200;
const MOST_SUPPORTERS = 1000;

/** Gathers what is kept about an address or a range; a ban of a wider range is a ban of it too. */
export function historyOf(sql: Sql, epoch: string, ip: Target): History {
  // An index for each part, read from its newest end: an address may have reports and bans without number.
  const reports = sql(
    `SELECT hosts.name AS host, kind, ip, coalesce(target, ip) AS target, prog, jail, at, either.received AS received, verdict, code, reason, seq,
       evidence.text AS evidence
     FROM (SELECT * FROM (SELECT * FROM reports WHERE ip = ?1 ORDER BY received DESC LIMIT ?2) UNION
       SELECT * FROM (SELECT * FROM reports WHERE target = ?1 ORDER BY received DESC LIMIT ?2)) AS either
     JOIN hosts ON hosts.id = either.host LEFT JOIN evidence ON evidence.host = either.host AND evidence.id = either.id
     ORDER BY either.received DESC LIMIT ?2`,
  ).all(ip, MOST) as ToldReport[];
  const targets = [...widerRanges(ip), ip];
  const events = targets
    .flatMap(
      (target) =>
        sql('SELECT * FROM events WHERE ip = ? ORDER BY seq DESC LIMIT ?').all(target, MOST) as Row[],
    )
    .toSorted((one, other) => Number(other['seq']) - Number(one['seq']))
    .slice(0, MOST);
  const supporters = sql(
    `SELECT ip, prog, jail, group_concat(hosts.name) AS hosts
     FROM (SELECT * FROM supporters WHERE ip IN (SELECT value FROM json_each(?)) AND (until IS NULL OR until > 0) ORDER BY ip, prog, jail LIMIT ?) AS some
     JOIN hosts ON hosts.id = some.host GROUP BY ip, prog, jail`,
  ).all(JSON.stringify(targets), MOST_SUPPORTERS) as (BanKey & { hosts: string })[];
  return {
    reports: reports.map((report) => ({ ...report })).toReversed(),
    events: events.map((row) => eventOf(row, epoch)).toReversed(),
    supporters: supporters.map((row) => ({ ...row, hosts: row.hosts.split(',') })),
  };
}
