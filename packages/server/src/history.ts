import type { BanKey, Target } from '@banshare/protocol';
import type { History, ToldReport } from './ledger.ts';
import { eventOf, type Row, type Sql } from './rows.ts';
import { widerRanges } from './wider-ranges.ts';

/** An administrator reads this: the newest say enough. */
const MOST = 200;

/** Gathers what is kept about an address or a range; a ban of a wider range is a ban of it too. */
export function historyOf(sql: Sql, epoch: string, ip: Target): History {
  const reports = sql(
    `SELECT hosts.name AS host, kind, ip, coalesce(target, ip) AS target, prog, jail, at, received, verdict, code, reason, seq
     FROM reports JOIN hosts ON hosts.id = reports.host WHERE ip = ? OR target = ? ORDER BY received DESC LIMIT ?`,
  ).all(ip, ip, MOST) as ToldReport[];
  const targets = JSON.stringify([...widerRanges(ip), ip]);
  const events = sql(
    'SELECT * FROM events WHERE ip IN (SELECT value FROM json_each(?)) ORDER BY seq DESC LIMIT ?',
  ).all(targets, MOST);
  const supporters = sql(
    `SELECT ip, prog, jail, group_concat(hosts.name) AS hosts FROM supporters JOIN hosts ON hosts.id = supporters.host
     WHERE ip IN (SELECT value FROM json_each(?)) GROUP BY ip, prog, jail`,
  ).all(targets) as (BanKey & { hosts: string })[];
  return {
    reports: reports.map((report) => ({ ...report })).toReversed(),
    events: events.map((row) => eventOf(row as Row, epoch)).toReversed(),
    supporters: supporters.map((row) => ({ ...row, hosts: row.hosts.split(',') })),
  };
}
