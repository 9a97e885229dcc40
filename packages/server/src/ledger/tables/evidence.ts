import type { Submission } from '../../words/submission.ts';
import type { Sql } from './rows.ts';

/** So many pieces are kept at most, 100 MB of the longest. */
const MOST = 100_000;

/** Keeps what a report carried of evidence, where it did. */
export function keepEvidence(sql: Sql, submission: Submission): void {
  if (submission.kind !== 'report') return;
  const { host, id, received, report } = submission;
  if (report.evidence === undefined) return;
  // It may be kept for longer than its report: a host that takes an id again must not keep others' reports from being written.
  sql('INSERT OR REPLACE INTO evidence (host, id, received, text) VALUES (?, ?, ?, ?)').run(
    host.id,
    id,
    received,
    report.evidence,
  );
}

/** Removes so many of the oldest at most, of those before a time and of those that are too many; returns whether there may be more. */
export function sweepEvidence(sql: Sql, before: number, limit: number, most = MOST): boolean {
  const { changes } = sql(
    `DELETE FROM evidence WHERE n IN (SELECT n FROM (SELECT n, received FROM evidence ORDER BY n LIMIT ?) AS some
     WHERE received < ? OR n <= (SELECT max(n) FROM evidence) - ?)`,
  ).run(limit, before, most);
  return Number(changes) === limit;
}
