import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Target } from '@banshare/protocol';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';
import { recordOne } from '../../src/ledger/record.ts';
import { BanBook } from '../../src/ledger/tables/bans.ts';
import type { Decide } from '../../src/words/submission.ts';

const accepting: Decide = () => ({
  verdict: 'accepted',
  publish: { kind: 'ban', until: Math.ceil(NOW) + 600 },
});

/** Where a report, or a host's unban, asks the ledger, and what is removed beside it. */
const FILES = [
  'tables/events',
  'record',
  'tables/bans',
  'tables/held-bans',
  'tables/votes',
  'undo',
  'tables/reports',
];

/** Everything of a table is read only where an operator, or the clock, wants all of it: the beginning of each such statement. */
const WHOLE = [
  // The last one only.
  'SELECT seq, tail FROM events ORDER BY seq DESC LIMIT 1',
  'SELECT count(*) AS n FROM held',
  'SELECT id, ip FROM held',
  // So many of the oldest, and by the index what else there is of their bans.
  'SELECT * FROM held WHERE (ip, prog, jail) IN (SELECT ip, prog, jail FROM held ORDER BY id LIMIT ?) ORDER BY id',
  'SELECT ip, prog, jail, name AS host, at, until FROM held ORDER BY id DESC LIMIT ?',
  'DELETE FROM held',
];

test('every statement on the way of a report finds its rows by an index, however full the ledger is', () => {
  using shelf = new LedgerOfTest();
  for (const file of FILES) {
    const source = readFileSync(new URL(`../../src/ledger/${file}.ts`, import.meta.url), 'utf8');
    const statements = statementsIn(source);
    assert.equal(
      statements.length,
      [...source.matchAll(/\b#?sql\(/g)].length,
      `${file}: a statement was not found`,
    );
    for (const statement of statements) {
      const steps = shelf.ledger.sql(`EXPLAIN QUERY PLAN ${statement}`).all() as { detail: string }[];
      const scans = steps.map(({ detail }) => detail).filter(isScan);
      const isWhole = WHOLE.some((beginning) => statement === beginning);
      assert.ok(isWhole || scans.length === 0, `${file}: ${statement}: ${scans.join(', ')}`);
    }
  }
});

test('a report looks up a new ban, whether its address is banned and who stands behind it once each', async () => {
  using shelf = new LedgerOfTest();
  const host = shelf.host('web');
  const asked: string[] = [];
  await shelf.ledger.write((books) => {
    const sql: typeof books.sql = (text) => {
      asked.push(text.trim());
      return books.sql(text);
    };
    const bans = new BanBook(sql);
    const aim = (): { targets: Target[]; isCrowded: boolean } => ({
      targets: [submission.report.ip],
      isCrowded: false,
    });
    const submission = shelf.report(host, '203.0.113.9');
    recordOne({ ...books, sql, bans }, submission, accepting, aim);
  });
  const count = (beginning: string): number => asked.filter((text) => text.startsWith(beginning)).length;
  assert.equal(count('SELECT seq, at, until FROM bans'), 1);
  assert.equal(count('SELECT 1 FROM bans WHERE ip'), 1);
  assert.equal(count('SELECT count(*) AS n, max(crowd)'), 0);
});

test('a ledger of some thousand bans stays in memory: reports lie all over its tables', () => {
  using shelf = new LedgerOfTest();
  assert.deepEqual({ ...(shelf.ledger.sql('PRAGMA cache_size').get() as object) }, { cache_size: -16_384 });
});

test('the latest end that other supporters ask for is read from the end of an index, not sorted out of all of them', () => {
  using shelf = new LedgerOfTest();
  const source = readFileSync(new URL('../../src/ledger/tables/bans.ts', import.meta.url), 'utf8');
  const [statement = ''] = statementsIn(source).filter((text) => text.includes('supporters_end'));
  const steps = shelf.ledger.sql(`EXPLAIN QUERY PLAN ${statement}`).all() as { detail: string }[];
  const said = steps.map(({ detail }) => detail).join('\n');
  assert.match(
    said,
    /SEARCH other USING INDEX supporters_end \(ip=\? AND prog=\? AND jail=\? AND <expr>>\?\)/,
  );
  assert.doesNotMatch(said, /TEMP B-TREE/);
});

test('how many bans are active is counted in an index alone, also of ranges and of IPv6', () => {
  using shelf = new LedgerOfTest();
  const source = readFileSync(new URL('../../src/ledger/tables/bans.ts', import.meta.url), 'utf8');
  const counts = statementsIn(source).filter((text) => text.startsWith('SELECT (SELECT count'));
  assert.equal(counts.length, 3);
  for (const statement of counts) {
    const steps = shelf.ledger.sql(`EXPLAIN QUERY PLAN ${statement}`).all() as { detail: string }[];
    const reads = steps.map(({ detail }) => detail).filter((detail) => detail.includes('bans'));
    assert.equal(reads.length, 2);
    for (const detail of reads) assert.match(detail, /^SEARCH bans USING COVERING INDEX/);
  }
});

test('what an undo looks at is read in the order of an index from where the last part ended: nothing is sorted', () => {
  using shelf = new LedgerOfTest();
  const source = readFileSync(new URL('../../src/ledger/undo.ts', import.meta.url), 'utf8');
  const pages = statementsIn(source).filter((text) => text.includes('LIMIT ?'));
  const said = pages.map((statement) =>
    (shelf.ledger.sql(`EXPLAIN QUERY PLAN ${statement}`).all() as { detail: string }[])
      .map(({ detail }) => detail)
      .join('\n'),
  );
  assert.deepEqual(said, [
    [
      'SEARCH support USING COVERING INDEX supporters_host (host=? AND (since,ip,prog,jail)>(?,?,?,?))',
      'SEARCH bans USING PRIMARY KEY (ip=? AND prog=? AND jail=?) LEFT-JOIN',
    ].join('\n'),
    'SEARCH bans USING INDEX bans_import (import=? AND (ip,prog,jail)>(?,?,?))',
    'SEARCH bans USING INDEX bans_seq (seq>?)',
  ]);
});

test('the check of statements sees one that reads a whole table', () => {
  using shelf = new LedgerOfTest();
  const steps = shelf.ledger.sql("EXPLAIN QUERY PLAN SELECT 1 FROM reports WHERE jail = 'sshd'").all() as {
    detail: string;
  }[];
  assert.equal(
    steps.some(({ detail }) => isScan(detail)),
    true,
  );
});

/** A list that a statement was given, or what another part of it made, is no table. */
function isScan(detail: string): boolean {
  return (
    detail.startsWith('SCAN ') &&
    !/^SCAN (\w+ VIRTUAL TABLE|CONSTANT ROW|\(subquery|either|some$|other$)/.test(detail)
  );
}

/** The texts of all statements in a source, in whatever quotes. */
function statementsIn(source: string): string[] {
  return [...source.matchAll(/\b#?sql\(\s*(['"`])([\s\S]*?)\1/g)].map(([, , text = '']) => text);
}
