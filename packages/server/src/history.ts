import type { BanKey } from '@banshare/protocol';
import type { History, ToldReport } from './ledger.ts';
import { eventOf, type Row, type Sql } from './rows.ts';

/** An administrator reads this: the newest say enough. */
const MOST = 200;

/** Gathers what is kept about an address. */
export function historyOf(sql: Sql, epoch: string, ip: string): History {
  const reports = sql(
    `SELECT hosts.name AS host, kind, ip, prog, jail, at, received, verdict, code, reason, seq
     FROM reports JOIN hosts ON hosts.id = reports.host WHERE ip = ? ORDER BY received DESC LIMIT ?`,
  ).all(ip, MOST) as ToldReport[];
  const events = sql('SELECT * FROM events WHERE ip = ? ORDER BY seq DESC LIMIT ?').all(ip, MOST);
  const supporters = sql(
    `SELECT ip, prog, jail, group_concat(hosts.name) AS hosts FROM supporters JOIN hosts ON hosts.id = supporters.host
     WHERE ip = ? GROUP BY ip, prog, jail`,
  ).all(ip) as (BanKey & { hosts: string })[];
  return {
    reports: reports.map((report) => ({ ...report })).toReversed(),
    events: events.map((row) => eventOf(row as Row, epoch)).toReversed(),
    supporters: supporters.map((row) => ({ ...row, hosts: row.hosts.split(',') })),
  };
}
