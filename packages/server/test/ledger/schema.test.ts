import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { HostBook } from '../../src/fleet/hosts.ts';
import { Ledger } from '../../src/ledger/ledger.ts';

const DAY = 86_400;
const EARLIER = readFileSync(new URL('../ledger-of-version-3.sql', import.meta.url), 'utf8');

test('a ledger of an earlier version is brought to this one, and kept beside as it was', () => {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-schema-'));
  const path = join(folder, 'ledger.db');
  try {
    const before = new DatabaseSync(path);
    before.exec(EARLIER);
    before.close();
    const ledger = new Ledger(path, () => 'epoch');
    const [host, ...more] = new HostBook(ledger).all();
    assert.partialDeepStrictEqual(host, { id: 7, key: 'aa', name: 'web1', next: null, rotationAt: null });
    assert.deepEqual(more, []);
    const { user_version: version } = ledger.sql('PRAGMA user_version').get() as { user_version: number };
    ledger.close();
    const copy = `${path}.before-${version}`;
    assert.equal(statSync(copy).mode & 0o777, 0o600);
    const kept = new DatabaseSync(copy);
    assert.equal(kept.prepare('PRAGMA user_version').get()?.['user_version'], 3);
    kept.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what was banned by an earlier version counts in its /64, IPv4 and 6to4 in none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-schema-'));
  const path = join(folder, 'ledger.db');
  try {
    const before = new DatabaseSync(path);
    before.exec(EARLIER);
    const insert = before.prepare("INSERT INTO bans VALUES (?, 'psad', 'scan', ?, 1795257600, NULL)");
    const banned = ['203.0.113.9', '2001:db8:0:9::1', '2001:db8:0:9:f::2', '2002:cb00:7109::1'];
    for (const [seq, ip] of banned.entries()) insert.run(ip, seq);
    before.close();
    const ledger = new Ledger(path, () => 'epoch');
    const rows = ledger.sql('SELECT ip, block FROM in_block ORDER BY ip').all() as object[];
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      ['2001:db8:0:9::1', '2001:db8:0:9:f::2'].map((ip) => ({ ip, block: '2001:db8:0:9::/64' })),
    );
    ledger.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('votes of an earlier version count once for each host and ask for a day, less what was taken back or undone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-schema-'));
  const path = join(folder, 'ledger.db');
  try {
    const before = new DatabaseSync(path);
    before.exec(EARLIER);
    let id = 0;
    const add = (
      host: number,
      ip: string,
      received: number,
      kind: string,
      code: string | null = null,
    ): void => {
      const verdict = kind === 'report' ? 'counted' : 'duplicate';
      before
        .prepare("INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, 'psad', 'scan', ?, ?, NULL, NULL)")
        .run(host, `votes-${(id += 1)}`, received, received, kind, ip, verdict, code);
    };
    for (const at of [1, 2, 3]) add(91, '203.0.113.91', at, 'report');
    add(92, '203.0.113.91', 4, 'report');
    add(92, '203.0.113.91', 5, 'unban');
    add(93, '203.0.113.91', 6, 'unban');
    add(93, '203.0.113.91', 7, 'report');
    add(94, '203.0.113.91', 8, 'report', 'undone');
    before.close();
    const ledger = new Ledger(path, () => 'epoch');
    const rows = ledger
      .sql("SELECT host, received, until FROM votes WHERE ip = '203.0.113.91' ORDER BY host")
      .all();
    // What they asked for is not known: a day, and not for ever.
    assert.deepEqual(
      rows.map((row) => ({ ...(row as object) })),
      [
        { host: 91, received: 3, until: 3 + DAY },
        { host: 93, received: 7, until: 7 + DAY },
      ],
    );
    ledger.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('many supporters of a ban in an earlier ledger are a crowd, few are none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-schema-'));
  const path = join(folder, 'ledger.db');
  try {
    const before = new DatabaseSync(path);
    before.exec(EARLIER);
    const insert = before.prepare("INSERT INTO supporters VALUES (?, 'psad', 'scan', ?, 1795257600)");
    for (let host = 1; host <= 8; host += 1) insert.run('203.0.113.1', host);
    for (let host = 1; host <= 7; host += 1) insert.run('203.0.113.2', host);
    before.close();
    const ledger = new Ledger(path, () => 'epoch');
    const rows = ledger
      .sql('SELECT ip, crowd, count(*) AS n FROM supporters GROUP BY ip, crowd ORDER BY ip')
      .all();
    assert.deepEqual(
      rows.map((row) => ({ ...(row as object) })),
      [
        { ip: '203.0.113.1', crowd: 1, n: 8 },
        { ip: '203.0.113.2', crowd: null, n: 7 },
      ],
    );
    ledger.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
