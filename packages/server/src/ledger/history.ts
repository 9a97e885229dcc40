import type { BanKey, Target } from '@banshare/protocol';
import { eventOf, type Row, type Sql } from './rows.ts';
import { widerRanges } from '../words/wider-ranges.ts';
import type { History, ToldReport } from '../words/history.ts';

/** An administrator reads this: the newest say enough. */
const MOST = 200;
const MOST_SUPPORTERS = 1000;

/** Gathers what is kept about an address or a range; a ban of a wider range is a ban of it too. */
export function historyOf(sql: Sql, epoch: string, ip: Target): History {
  // An index for each part, read from its newest end: an address may have reports and bans without number.
  const reports = sql(
    `SELECT hosts.name AS host, kind, ip, coalesce(target, ip) AS target, prog, jail, at, received, verdict, code, reason, seq
     FROM (SELECT * FROM (SELECT * FROM reports WHERE ip = ?1 ORDER BY received DESC LIMIT ?2) UNION
       SELECT * FROM (SELECT * FROM reports WHERE target = ?1 ORDER BY received DESC LIMIT ?2)) AS either
     JOIN hosts ON hosts.id = either.host ORDER BY received DESC LIMIT ?2`,
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
