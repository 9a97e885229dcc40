import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OPERATOR, SHARED_JAIL, type Event } from '@banshare/protocol';
import { HostBook } from '../../src/fleet/hosts.ts';
import { markApplied } from '../../src/ledger/books/backup-file.ts';
import { publishBans } from '../../src/ledger/deeds.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import type { Books } from '../../src/ledger/record.ts';
import { hostsOf } from '../../src/operator/status.ts';
import { ackOf } from '../../../../test/fleet/index.ts';
import { LogOfTest } from './log-of-test.ts';
import { addressOf, copyOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';

/** Two replicas, which have applied the first entry of their log. */
class Pair implements Disposable {
  readonly log = new LogOfTest();
  readonly #folder = mkdtempSync(join(tmpdir(), 'banshare-faults-'));
  readonly #ledgers = new Map<string, Ledger>();

  constructor() {
    using shelf = new LedgerOfTest();
    shelf.host('h1');
    const first = { schema: 1, kind: 'schema', n: 1, token: 'first', at: 0, data: Buffer.alloc(0) } as const;
    this.log.entries.push(first);
    for (const name of ['a', 'b']) {
      copyOf(shelf.ledger, this.pathOf(name));
      markApplied(this.pathOf(name), first);
      this.#ledgers.set(name, new Ledger(this.pathOf(name), () => 'epoch', this.log.server()));
    }
  }

  get a(): Ledger {
    return this.#ledgers.get('a')!;
  }

  get b(): Ledger {
    return this.#ledgers.get('b')!;
  }

  pathOf(name: string): string {
    return join(this.#folder, `${name}.db`);
  }

  [Symbol.dispose](): void {
    for (const ledger of this.#ledgers.values()) ledger.close();
    rmSync(this.#folder, { recursive: true });
  }
}

function ban(last: number): (books: Books) => Event[] {
  const draft = { ip: addressOf(`203.0.113.${last}`), prog: OPERATOR, jail: SHARED_JAIL, until: null };
  return (books) => publishBans(books, [draft], NOW, 'operator');
}

/** What SQLite says of a disk. */
function diskFault(): never {
  throw Object.assign(new Error('disk I/O error'), { errcode: 10 });
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('while its file cannot be opened again a replica lets its server do all else, and has what came meanwhile as soon as it can be', async () => {
  using pair = new Pair();
  const { a, b } = pair;
  const [path, aside] = [pair.pathOf('b'), `${pair.pathOf('b')}.aside`];
  const published: Event[] = [];
  const arrived = Promise.withResolvers<void>();
  b.onCommitted((events) => {
    published.push(...events);
    if (published.length > 0) arrived.resolve();
  });
  renameSync(path, aside);
  renameSync(`${path}-wal`, `${aside}-wal`);
  mkdirSync(path);
  await assert.rejects(b.write(diskFault), /disk I\/O error/);
  await a.write(ban(1));
  // News wakes b, which must not look for its file without an end and a pause.
  for (let turns = 0; turns < 20; turns += 1) await turn();
  await assert.rejects(b.catchUp(), /unable to open database file/);
  rmdirSync(path);
  for (const suffix of ['-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true });
  renameSync(aside, path);
  renameSync(`${aside}-wal`, `${path}-wal`);
  // Nobody appends anything, and nobody asks.
  await arrived.promise;
  assert.deepEqual([published.map(({ ip }) => ip), b.head()], [['203.0.113.1'], a.head()]);
});

test('a host that is at another server is silent only where that has written nothing of it for longer than it does', async () => {
  using pair = new Pair();
  const { a, b } = pair;
  const [there, book] = [new HostBook(a), new HostBook(b)];
  const host = there.byName('h1');
  assert.ok(host);
  there.hear(host, NOW);
  await there.flush();
  await b.catchUp();
  const parts = { ledger: b, book, goneAfterSeconds: 86_400, neverBan: { waiting: () => [] } };
  const awayAt = async (now: number): Promise<number | undefined> =>
    (await hostsOf(parts, now))[0]?.awaySeconds;
  assert.deepEqual([await awayAt(NOW + 64), await awayAt(NOW + 120)], [0, 50]);
  // One that was here last says so each 5 s.
  book.byName('h1')!.heardAt = NOW;
  assert.equal(await awayAt(NOW + 64), 64);
});

test('what a host is ahead by, lacks and has in its spool is known at every server, wherever it has said so, and of the newest word', async () => {
  using pair = new Pair();
  const servers = [pair.a, pair.b].map((ledger) => ({ ledger, book: new HostBook(ledger) }));
  const tellAt = async (server: number, lacking: number, spool: number, now: number): Promise<void> => {
    const { ledger, book } = servers[server]!;
    const { epoch, tail } = ledger.head();
    const ack = { ...ackOf({ epoch, applied: 7, tail }), addresses: [], outcomes: [], lacking, spool };
    await book.acknowledge(book.byName('h1')!, ack, 0, now);
    await book.flush();
    for (const each of servers) await each.ledger.catchUp();
  };
  const known = (): unknown[] =>
    servers.map(({ book }) => {
      const { ahead, lacking, spool } = book.byName('h1')!;
      return { ahead, lacking, spool };
    });
  await tellAt(0, 3, 12, NOW);
  assert.deepEqual(known(), Array(2).fill({ ahead: 7, lacking: 3, spool: 12 }));
  // It went over to the other one, and has sent what waited.
  await tellAt(1, 0, 0, NOW + 5);
  assert.deepEqual(known(), Array(2).fill({ ahead: 7, lacking: 0, spool: 0 }));
});
