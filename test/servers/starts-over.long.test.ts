import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { untilAnswered, type FleetHost } from '../fleet/index.ts';
import { postgresSkip } from '../fleet/database/postgres.ts';
import type { FleetServer } from '../fleet/server.ts';
import { SharedServers } from '../fleet/database/shared-servers.ts';
import { Ledger } from '../../packages/server/src/ledger/ledger.ts';
import { parseSecret } from '../../packages/server/src/log/seal.ts';
import { takeSnapshot } from '../../packages/server/src/keep-snapshots.ts';
import { beginWithSnapshot } from '../../packages/server/src/sharing/start-over.ts';
import { openLog } from '../../packages/server/test/log/logs.ts';

const skip = postgresSkip();
const started = skip === false ? SharedServers.start({ servers: ['127.0.0.1', '127.0.0.2'] }) : undefined;
started?.catch(() => undefined);
after(async () => (await started?.catch(() => undefined))?.[Symbol.asyncDispose]());
const servers = async (): Promise<SharedServers> => (await started)!;

type Over = { code: string; kept: string };
type Status = { todo: { code: string; text: string }[]; shared: { startedOver: Over | null } };

/** Puts two snapshots of all that there is into the log, which is pruned behind the older of them, as the servers do within days. */
async function prune(all: SharedServers, name: string): Promise<void> {
  const secret = parseSecret(readFileSync(all.a.paths.ledgerSecret, 'utf8'));
  assert.ok(secret.ok);
  const log = await openLog(all.postgres.url, { secret: secret.value });
  try {
    const path = join(all.fileOf(name), 'ledger.db');
    await beginWithSnapshot(log, path);
    const ledger = new Ledger(path, () => 'epoch', log);
    await ledger.catchUp();
    for (let times = 0; times < 2; times += 1) await takeSnapshot(ledger, log, path);
    ledger.close();
  } finally {
    await log.close();
  }
}

/** The file of a server, which is stopped meanwhile. */
async function copyOf(server: FleetServer, path: string): Promise<string> {
  await server.stop();
  copyFileSync(server.paths.ledger, path);
  await server.start();
  return path;
}

/** Replaces the file of a stopped server. */
function putBack(server: FleetServer, older: string): void {
  for (const suffix of ['-wal', '-shm']) rmSync(server.paths.ledger + suffix, { force: true });
  copyFileSync(older, server.paths.ledger);
}

async function untilBanned(host: FleetHost, ...lasts: number[]): Promise<void> {
  const left = new Set(lasts.map((last) => `203.0.113.${last}`));
  while (left.size > 0) {
    const [, , how, ip = ''] = await host.commands.next();
    assert.ok(how === 'banip' && left.delete(ip), `the host was told to ${how} ${ip}`);
  }
}

type Hosts = { hosts: { server: string | null }[] };

/** Until each server says by which of them the host comes. */
async function untilToldByBoth({ a, b }: SharedServers): Promise<void> {
  const isTold = async (): Promise<true | undefined> => {
    const [one, other] = await Promise.all([a, b].map((server) => server.json<Hosts>('hosts')));
    const at = one?.hosts[0]?.server ?? null;
    return (at !== null && other?.hosts[0]?.server === at) || undefined;
  };
  await untilAnswered(isTold, 20_000, () => 'the same of the host at both servers');
}

test(
  'a server whose ledger file was replaced by an older copy on a pruned log begins with the newest snapshot before any port is open, and no host lifts anything',
  { skip },
  async () => {
    const all = await servers();
    const { a, b, fleet } = all;
    await fleet.addReporter('h1');
    const host = fleet.layHost('h1');
    await a.says('ban', '203.0.113.1');
    await host.start();
    await untilBanned(host, 1);
    const [ofA, ofB] = [await copyOf(a, all.fileOf('a.older')), await copyOf(b, all.fileOf('b.older'))];
    await a.says('ban', '203.0.113.2');
    await b.says('ban', '203.0.113.3');
    await untilBanned(host, 2, 3);
    await untilToldByBoth(all);
    await prune(all, 'first');

    // Alone, with less than the host has: there is no better one to go to.
    await Promise.all([a.stop(), b.stop()]);
    putBack(b, ofB);
    await b.start();
    await b.line(/Began with the newest snapshot/);
    await b.says('ban', '203.0.113.4');
    await untilBanned(host, 4);
    const { shared, todo } = await b.json<Status>('status');
    assert.equal(shared.startedOver?.code, 'pruned');
    assert.ok(existsSync(shared.startedOver?.kept ?? ''));
    assert.ok(!todo.some(({ code }) => code === 'started-over'));

    // The other, once the ledger has far more than its copy and the host.
    await prune(all, 'second');
    putBack(a, ofA);
    await a.start();
    await a.line(/Began with the newest snapshot/);
    await b.kill9();
    await a.says('ban', '203.0.113.5', '203.0.113.6');
    await untilBanned(host, 5, 6);
    assert.deepEqual(
      host.commands.all.map(([, , how, ip]) => `${how} ${ip}`).toSorted(),
      [1, 2, 3, 4, 5, 6].map((last) => `banip 203.0.113.${last}`),
    );

    // Whatever lays an older file there again and again is no matter of snapshots.
    putBack(b, ofB);
    b.launch();
    await b.line(/^banshare-server shut/);
    const status = await b.command('status');
    assert.equal(status.code, 1);
    assert.match(status.stdout, /began with a snapshot .* ago, and does not so again within an hour/);
    await b.stop();
    rmSync(`${b.paths.ledger}.started-over`);
    await b.start();
    assert.match(await b.says('bans', '203.0.113.6'), /203\.0\.113\.6/);
  },
);

test(
  'a server that meets an entry which does not fit its tables starts again by itself with the newest snapshot, keeps its file, and has status say so',
  { skip },
  async () => {
    const all = await servers();
    const { a } = all;
    const c = all.further('c');
    all.layAs(c);
    await a.says('ban', '198.51.100.1');
    await c.start();
    await c.stop();
    const file = new DatabaseSync(c.paths.ledger);
    file.exec("DELETE FROM bans WHERE ip = '198.51.100.1'");
    file.close();
    await c.start();
    await a.says('unban', '198.51.100.1');
    await c.line(/starts again, to begin with the newest snapshot/);
    await c.line(/Began with the newest snapshot/);
    await c.ready();
    await a.says('ban', '198.51.100.2');
    const has = async (): Promise<true | undefined> =>
      (await c.command('bans', '198.51.100.2')).stdout.includes('198.51.100.2') || undefined;
    await untilAnswered(has, 20_000, () => 'a ban at the server that began anew');
    const told = async (): Promise<Status> => c.json<Status>('status');
    const { todo, shared } = await told();
    const kept = shared.startedOver?.kept ?? '';
    assert.match(todo.find(({ code }) => code === 'started-over')?.text ?? '', /is not what the others have/);
    assert.ok(existsSync(kept));
    assert.equal((await c.command('audit', '--verify')).code, 0);
    rmSync(kept);
    assert.equal((await told()).shared.startedOver, null);
  },
);
