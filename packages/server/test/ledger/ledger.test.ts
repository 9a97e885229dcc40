import { test } from 'node:test';
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseAddress, parseHostName, parseJail, parseProg, type Report } from '@banshare/protocol';
import { judge, judgeUnban } from '../../src/judging/judge.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { isActive } from '../../src/words/verdict.ts';
import type { Decide, Submission } from '../../src/words/submission.ts';

const NOW = 1_795_257_600;
const POLICY = { windowSeconds: 300, defaultDurationSeconds: 86_400, maxDurationSeconds: -1 };

/** A ledger in a folder of its own, that can be opened again. */
class Shelf implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'banshare-ledger-'));
  readonly path = join(this.folder, 'deep', 'ledger.db');
  #epochs = 0;
  #open: Ledger | undefined;

  open(): Ledger {
    this.#open?.close();
    this.#open = new Ledger(this.path, () => `epoch${(this.#epochs += 1)}`);
    return this.#open;
  }

  close(): void {
    this.#open?.close();
    this.#open = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
    rmSync(this.folder, { recursive: true });
  }
}

function decideAt(now: number): Decide {
  return (submission, known) =>
    submission.kind === 'report'
      ? judge(submission.report, POLICY, known.ban, now, known.past)
      : judgeUnban({ ...known, isActive: known.ban !== undefined && isActive(known.ban, now) });
}

let ids = 0;
function submission(
  more: { id?: string; at?: number; host?: number; last?: number; unban?: true } = {},
): Submission {
  const { host = 1, last = 9, at = NOW } = more;
  const name = parseHostName(`h${host}`);
  const ip = parseAddress(`203.0.113.${last}`);
  const prog = parseProg('fail2ban');
  const jail = parseJail('sshd');
  assert.ok(name.ok && ip.ok && prog.ok && jail.ok);
  const ban: Report = { ip: ip.value, prog: prog.value, jail: jail.value };
  const id = more.id ?? String((ids += 1)).padStart(32, '0');
  const common = { host: { id: host, name: name.value }, id, at, received: at };
  return more.unban ? { ...common, kind: 'unban', ban } : { ...common, kind: 'report', report: ban };
}

/** Records one submission and tells its verdict and seq. */
async function record(ledger: Ledger, one: Submission): Promise<string> {
  const [recorded] = await ledger.record([one], decideAt(one.received));
  return `${recorded?.verdict} ${recorded?.seq}${recorded?.events.length === 1 ? ' new' : ''}`;
}

test('record() gives the same id of the same host the same verdict, and makes nothing new', async () => {
  using shelf = new Shelf();
  const ledger = shelf.open();
  const once = submission({ id: 'a'.repeat(32) });
  assert.equal(await record(ledger, once), 'accepted 1 new');
  assert.equal(await record(ledger, once), 'accepted 1');
  assert.equal(await record(ledger, submission({ id: 'a'.repeat(32), last: 10 })), 'accepted 1');
  assert.equal(await record(ledger, submission({ id: 'a'.repeat(32), host: 2 })), 'duplicate 1');
  assert.equal(await record(shelf.open(), once), 'accepted 1');
  assert.equal(ledger.head().seq, 1);
});

test('record() answers the same id twice in one batch alike', async () => {
  using shelf = new Shelf();
  const ledger = shelf.open();
  const once = submission();
  const recorded = await ledger.record([once, once, submission({ last: 10 })], decideAt(NOW));
  assert.deepEqual(
    recorded.map(({ verdict, seq, events }) => [verdict, seq, events.length === 1]),
    [
      ['accepted', 1, true],
      ['accepted', 1, false],
      ['accepted', 2, true],
    ],
  );
});

test('a restart keeps epoch, head, tail and the window', async () => {
  using shelf = new Shelf();
  const ledger = shelf.open();
  await record(ledger, submission());
  await record(ledger, submission({ last: 10 }));
  const head = ledger.head();
  const again = shelf.open();
  assert.deepEqual(again.head(), head);
  assert.equal(await record(again, submission({ at: NOW + 299 })), 'duplicate 1');
  assert.equal(await record(again, submission({ at: NOW + 300 })), 'accepted 3 new');
});

test('each event follows the tail of the one before it, and another history has another tail', async () => {
  using one = new Shelf();
  using other = new Shelf();
  const ledgers = [one.open(), other.open()];
  const tails: string[][] = [];
  for (const [index, ledger] of ledgers.entries()) {
    for (const last of [1, 2 + index, 4]) await record(ledger, submission({ last }));
    tails.push((await ledger.since(0, 10)).map(({ tail }) => tail));
    assert.equal(ledger.head().tail, tails[index]?.[2]);
  }
  assert.equal(new Set(tails.flat()).size, 5);
  assert.equal(tails[0]?.[0], tails[1]?.[0]);
});

test('a ban lifted by its only supporter is published anew, one with another supporter stays', async () => {
  using shelf = new Shelf();
  const ledger = shelf.open();
  await record(ledger, submission());
  assert.equal(await record(ledger, submission({ host: 2 })), 'duplicate 1');
  assert.equal(await record(ledger, submission({ unban: true })), 'accepted undefined');
  assert.equal(await record(ledger, submission({ unban: true })), 'duplicate undefined');
  assert.equal(await ledger.countActive(NOW), 1);
  assert.equal(await record(ledger, submission({ unban: true, host: 3 })), 'duplicate undefined');
  assert.equal(await record(ledger, submission({ unban: true, host: 2 })), 'accepted 2 new');
  assert.equal(await ledger.countActive(NOW), 0);
  assert.equal(await record(ledger, submission({ at: NOW + 1 })), 'accepted 3 new');
});

test('what decides by throwing leaves nothing behind, and the ledger goes on', async () => {
  using shelf = new Shelf();
  const ledger = shelf.open();
  await record(ledger, submission());
  const head = ledger.head();
  const failing: Decide = (one, known) => {
    if (one.host.id === 2) throw new Error('no');
    return decideAt(NOW)(one, known);
  };
  const batch = [submission({ last: 10 }), submission({ host: 2 })];
  await assert.rejects(ledger.record(batch, failing), /Cannot write the ledger ".*": no/);
  assert.deepEqual(ledger.head(), head);
  assert.equal(await record(ledger, submission({ last: 10 })), 'accepted 2 new');
});

test('the database and its folder are for its user alone', () => {
  using shelf = new Shelf();
  shelf.open();
  for (const suffix of ['', '-wal']) {
    const path = shelf.path + suffix;
    if (existsSync(path)) assert.equal(statSync(path).mode & 0o777, 0o600, path);
  }
  assert.equal(statSync(join(shelf.path, '..')).mode & 0o777, 0o700);
});

test('a database of a newer program is refused and left as it is', () => {
  using shelf = new Shelf();
  shelf.open();
  shelf.close();
  const database = new DatabaseSync(shelf.path);
  database.exec('PRAGMA user_version = 999');
  database.close();
  assert.throws(
    () => shelf.open(),
    /has version 999, this program knows up to \d+; install the newer banshare-server/,
  );
  const after = new DatabaseSync(shelf.path);
  assert.equal(after.prepare('PRAGMA user_version').get()?.['user_version'], 999);
  after.close();
});

test('a database that another server uses is refused', () => {
  using shelf = new Shelf();
  shelf.open();
  assert.throws(() => new Ledger(shelf.path, () => 'x'), /another banshare-server uses it/);
});

test('a damaged database is refused, named, and left as it is', async () => {
  using shelf = new Shelf();
  const ledger = shelf.open();
  const many = Array.from({ length: 200 }, (_, last) => submission({ last }));
  await ledger.record(many, decideAt(NOW));
  shelf.close();
  const whole = readFileSync(shelf.path);
  const spoilings: [says: string, spoil: () => void][] = [
    ['cut', () => truncateSync(shelf.path, whole.length - 4096)],
    [
      'overwritten',
      () =>
        writeFileSync(
          shelf.path,
          Buffer.concat([whole.subarray(0, 4096), Buffer.alloc(whole.length - 4096, 0xab)]),
        ),
    ],
    [
      'none at all',
      () => writeFileSync(shelf.path, 'this is no database, but long enough to be looked at'.repeat(20)),
    ],
  ];
  for (const [says, spoil] of spoilings) {
    writeFileSync(shelf.path, whole);
    spoil();
    const spoilt = readFileSync(shelf.path);
    assert.throws(
      () => shelf.open(),
      new RegExp(`Cannot use the ledger "${shelf.path}": .*restore a backup`),
      says,
    );
    assert.ok(readFileSync(shelf.path).equals(spoilt), says);
  }
});
