import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { LATEST_SECONDS } from '@banshare/protocol';
import { State } from '../../src/bans/state.ts';
import { sayReason, type ReasonCode } from '../../src/bans/reason.ts';
import { folder, ip, NOW, rowOf } from '../make.ts';

/** The state as version 1 wrote it. */
const VERSION_1 = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE bans (
    ip TEXT NOT NULL, prog TEXT NOT NULL, jail TEXT NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL, host TEXT NOT NULL, until INTEGER,
    port TEXT NOT NULL, protocol TEXT NOT NULL, local_jail TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
    ours INTEGER NOT NULL, changed REAL NOT NULL, PRIMARY KEY (ip, prog, jail)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX bans_status ON bans (status);
  CREATE INDEX bans_until ON bans (until);
  CREATE INDEX bans_local ON bans (local_jail, ip);
  INSERT INTO meta VALUES ('position', '{"epoch":"e1","seq":1,"tail":"0123456789abcdef"}');
  INSERT INTO bans VALUES ('203.0.113.9', 'fail2ban', 'sshd', 1, ${NOW}, 'h1', ${NOW + 3600}, '', '', 'sshd', 'applied', '', 1, ${NOW});
  PRAGMA user_version = 1;`;

function database(path: string): DatabaseSync & Disposable {
  const opened = new DatabaseSync(path);
  return Object.assign(opened, { [Symbol.dispose]: () => opened.close() });
}

test('The state of an older program is taken over, and kept as it was', () => {
  using scratch = folder();
  const path = join(scratch.path, 'state.db');
  {
    using old = database(path);
    old.exec(VERSION_1);
  }
  const state = new State(scratch.path);
  assert.deepEqual(state.all(), [rowOf({ status: 'applied', isOurs: true })]);
  assert.deepEqual(state.position(), { epoch: 'e1', seq: 1, tail: '0123456789abcdef' });
  state.remove(rowOf());
  state.close();
  const kept = readdirSync(scratch.path).filter((name) => name.startsWith('state.db.before-'));
  assert.equal(kept.length, 1);
  const copy = join(scratch.path, kept[0] ?? '');
  assert.equal(statSync(copy).mode & 0o777, 0o600);
  using before = database(copy);
  assert.equal(before.prepare('PRAGMA user_version').get()?.['user_version'], 1);
  assert.equal(before.prepare('SELECT count(*) AS n FROM bans').get()?.['n'], 1);
});

test('Numbers beyond all sense that an earlier version took from a server are brought to what every command can show', () => {
  using scratch = folder();
  {
    using old = database(join(scratch.path, 'state.db'));
    old.exec(VERSION_1);
    old.exec(`UPDATE bans SET seq = 9e15, at = 9e15, until = 9000000000000000;
      UPDATE meta SET value = '{"epoch":"e1","seq":9000000000000000,"tail":"0123456789abcdef"}'`);
  }
  const state = new State(scratch.path);
  const [row] = state.all();
  // Of no event of any ledger, until somebody lifts it; and everything is asked for anew.
  assert.deepEqual([row?.seq, row?.until, row?.at], [0, null, LATEST_SECONDS]);
  assert.equal(state.position(), undefined);
  state.close();
});

test('What an earlier version kept as one sentence is read as what it meant', () => {
  const sentences: readonly [kept: string, code: ReasonCode, text: string][] = [
    ['full', 'full', ''],
    ['paused', 'paused', ''],
    ['expired', 'expired', ''],
    ['own', 'own', ''],
    ['range', 'range', ''],
    ['range: not by psad and log', 'range', 'psad and log'],
    [
      'never-ban: 10.1.0.0/16 of [never-ban] in client.toml',
      'listed',
      '10.1.0.0/16 of [never-ban] in client.toml',
    ],
    [
      "never-ban: 10.2.0.1 of fail2ban's ignoreip in jail sshd",
      'ignored',
      "10.2.0.1 of fail2ban's ignoreip in jail sshd",
    ],
    ['never-ban: a resolver of this host', 'protected', 'a resolver of this host'],
    ['a range wider than /16', 'wide', '/16'],
    ['jail nginx is not followed', 'jail', 'nginx'],
    ['prog psad is not followed', 'prog', 'psad'],
    ['unproven: not there', 'unproven', 'not there'],
    ['exit code 1; \'"', 'enforcer', 'exit code 1; \'"'],
    ['', '', ''],
  ];
  using scratch = folder();
  {
    using old = database(join(scratch.path, 'state.db'));
    old.exec(VERSION_1);
    const insert = old.prepare(
      `INSERT INTO bans VALUES (?, 'fail2ban', 'sshd', 1, ${NOW}, 'h1', NULL, '', '', 'sshd', 'skipped', ?, 0, ${NOW})`,
    );
    sentences.forEach(([kept], n) => insert.run(`203.0.113.${100 + n}`, kept));
  }
  const state = new State(scratch.path);
  sentences.forEach(([kept, code, text], n) => {
    const row = state.get(rowOf({ ip: ip(`203.0.113.${100 + n}`) }));
    assert.deepEqual(row?.reason, { code, text });
    assert.equal(sayReason(row.reason), kept);
  });
  state.close();
});

test('A fresh state and one that is of this version leave no copy', () => {
  using scratch = folder();
  new State(scratch.path).close();
  new State(scratch.path).close();
  assert.deepEqual(
    readdirSync(scratch.path).filter((name) => name.includes('before')),
    [],
  );
});
