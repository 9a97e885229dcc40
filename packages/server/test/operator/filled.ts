import { NOW, type LedgerOfTest } from '../ledger-of-test.ts';

/** Fills a ledger with so many reports, bans, deeds and outcomes, a second for each. */
export function fill(shelf: LedgerOfTest, count: number): void {
  const { id } = shelf.host('h1');
  const numbers = `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})`;
  const ip = "'198.' || (n / 65536 % 256) || '.' || (n / 256 % 256) || '.' || (n % 256)";
  shelf.ledger
    .sql(
      `${numbers} INSERT INTO reports SELECT ${id}, 'r' || n, ${NOW} + n, ${NOW} + n, 'report', ${ip}, 'psad', 'scan', 'accepted', NULL, NULL, n, NULL, n FROM numbers`,
    )
    .run();
  shelf.ledger
    .sql(
      `${numbers} INSERT INTO events SELECT n, 'ban', ${ip}, 'psad', CASE n % 1000 WHEN 0 THEN 'rare' ELSE 'scan' END, 'h1', ${NOW} + n, ${NOW} + n + 60, 'tail', '{}' FROM numbers`,
    )
    .run();
  shelf.ledger
    .sql(
      `${numbers} INSERT INTO outcomes SELECT n, ${id}, 'failed', 'no such jail', ${NOW} + n + 1, n FROM numbers`,
    )
    .run();
  shelf.reopen();
}
