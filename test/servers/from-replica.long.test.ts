import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { untilAnswered, type FleetHost } from '../fleet/index.ts';
import { postgresSkip } from '../fleet/database/postgres.ts';
import type { FleetServer } from '../fleet/server.ts';
import { SharedServers } from '../fleet/database/shared-servers.ts';

const skip = postgresSkip();

type Shared = { applied: number; last: number; aheadBy: number | null };
type Status = { epoch: string; head: number; shared: Shared };

const started = skip === false ? SharedServers.start({ hosts: ['h1'] }) : undefined;
started?.catch(() => undefined);
after(async () => (await started?.catch(() => undefined))?.[Symbol.asyncDispose]());
const servers = async (): Promise<SharedServers> => (await started)!;

/** Bans an address once the server can write. */
async function ban(server: FleetServer, ip: string): Promise<void> {
  const done = async (): Promise<true | undefined> =>
    (await server.command('ban', ip)).code === 0 ? true : undefined;
  await untilAnswered(done, 20_000, () => `a ban of ${ip}`);
}

/** Waits until a server has a ban. */
async function has(server: FleetServer, ip: string): Promise<void> {
  const told = async (): Promise<true | undefined> =>
    (await server.command('bans', ip)).stdout.includes(ip) ? true : undefined;
  await untilAnswered(told, 20_000, () => `${ip} at another server`);
}

/** Waits until a server says by how much it is ahead, and returns that. */
async function aheadOf(server: FleetServer): Promise<{ aheadBy: number; urgent: string }> {
  const told = async (): Promise<{ aheadBy: number; urgent: string } | undefined> => {
    const { code, stdout } = await server.command('status');
    const by = /ahead by (\d+) entr/.exec(stdout)?.[1];
    if (by === undefined) return undefined;
    assert.equal(code, 1);
    return { aheadBy: Number(by), urgent: stdout };
  };
  return untilAnswered(told, 20_000, () => 'a server that is ahead');
}

/** What the host was told to do until an address was banned. */
async function untilBanned(host: FleetHost, ip: string): Promise<void> {
  for (;;) {
    const [, , how, what] = await host.commands.next();
    assert.equal(how, 'banip', `the host was told to ${how} ${what}`);
    if (what === ip) return;
  }
}

test(
  'where the database was put back to an older copy both servers stop and say by how much they are ahead; restore --from-replica brings all back, and no host lifts anything',
  { skip },
  async () => {
    const all = await servers();
    const { a, b } = all;
    const host = all.fleet.host('h1');
    await ban(a, '203.0.113.1');
    await untilBanned(host, '203.0.113.1');
    const putBack = await all.postgres.keep();
    await ban(b, '203.0.113.2');
    await ban(a, '203.0.113.3');
    await untilBanned(host, '203.0.113.3');
    await has(b, '203.0.113.3');
    const before = await a.json<Status>('status');
    await putBack();

    for (const server of [a, b]) {
      const { aheadBy, urgent } = await aheadOf(server);
      const { shared } = await server.json<Status>('status');
      assert.deepEqual([shared.aheadBy, aheadBy > 0], [aheadBy, true]);
      assert.match(urgent, /^URGENT: .*restore --from-replica/m);
      assert.equal((await server.command('ban', '203.0.113.9')).code, 1);
    }
    const beside = await a.command('restore', '--from-replica');
    assert.deepEqual([beside.code, /beside a running server/.test(beside.stderr)], [1, true]);
    // Who starts them again finds the same said, and no port open.
    await b.stop();
    b.launch();
    await b.line(/^banshare-server shut/);
    assert.match((await aheadOf(b)).urgent, /restore --from-replica.*opened no port/);
    await Promise.all([a.stop(), b.stop()]);
    assert.match(
      await a.says('restore', '--from-replica'),
      /in a new epoch\. It was ahead by \d+ entries; 2 bans and unbans.* are back\./,
    );
    await a.start();
    const now = await a.json<Status>('status');
    assert.notEqual(now.epoch, before.epoch);
    for (const last of [1, 2, 3]) await has(a, `203.0.113.${last}`);
    assert.match(await a.says('audit'), /replica restored/);
    await a.says('audit', '--verify');

    // The other one's replica is of the log before: it cannot replace this one by mistake.
    const again = await b.command('restore', '--from-replica');
    assert.equal(again.code, 1);
    assert.match(again.stderr, /begun anew since, in another epoch.*0 bans and unbans/);
    // It has nothing that is not there, and begins with that.
    await b.start();
    await b.line(/Began with the newest snapshot/);
    await ban(b, '203.0.113.4');
    await ban(a, '203.0.113.5');
    await untilBanned(host, '203.0.113.4');
    await untilBanned(host, '203.0.113.5');
    await has(b, '203.0.113.5');
    assert.deepEqual(
      host.commands.all.map(([, , how, ip]) => `${how} ${ip}`).toSorted(),
      [1, 2, 3, 4, 5].map((last) => `banip 203.0.113.${last}`),
    );
  },
);

test(
  'restore --from-replica refuses where the log has all, or has what this replica lacks, says what would be lost, and does it by --force',
  { skip },
  async () => {
    const all = await servers();
    const { a, b } = all;
    await a.stop();
    const needless = await a.command('restore', '--from-replica');
    assert.equal(needless.code, 1);
    assert.match(needless.stderr, /not ahead of the log/);
    await a.start();
    const putBack = await all.postgres.keep();
    await ban(a, '203.0.113.21');
    await Promise.all([a.stop(), b.stop()]);
    await putBack();
    // A server that has none of it goes on.
    const c = all.further('c');
    all.layAs(c);
    await c.start();
    await ban(c, '203.0.113.22');
    await c.stop();
    const refused = await a.command('restore', '--from-replica');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /has what this replica lacks\. What would be lost: 1 ban or unban/);
    assert.match(
      await a.says('restore', '--from-replica', '--force'),
      /1 ban or unban.* of the log are lost/,
    );
    await a.start();
    await has(a, '203.0.113.21');
    assert.doesNotMatch((await a.command('bans', '203.0.113.22')).stdout, /203\.0\.113\.22/);
    // Nothing is left of the database but its name.
    await a.stop();
    all.postgres.sql('DROP TABLE log, snapshots, parts', 'banshare');
    assert.match(await a.says('restore', '--from-replica'), /It was ahead by \d+ entries/);
    await a.start();
    await has(a, '203.0.113.21');
    await a.stop();
    for (const words of [['restore'], ['restore', 'x', '--from-replica'], ['restore', 'x', '--force']])
      assert.equal((await a.command(...words)).code, 64, words.join(' '));
  },
);

test(
  'after an asynchronous failover, which lost what was answered OK with durability "none", each server says by how much it is ahead, and restore --from-replica brings all back',
  { skip },
  async () => {
    const all = await servers();
    const { a, b, postgres } = all;
    const host = all.fleet.host('h1');
    const second = await postgres.standby('second');
    all.defer(() => second[Symbol.asyncDispose]());
    const both = `127.0.0.1:${postgres.port},127.0.0.1:${second.port}`;
    const toml = all.toml.replace(`127.0.0.1:${postgres.port}`, both);
    // It has begun with a snapshot a moment ago, and would do so again only after an hour.
    const forget = (): void => rmSync(`${b.paths.ledger}.started-over`, { force: true });
    for (const server of [a, b]) {
      await server.stop();
      forget();
      await server.start();
      await server.restart(toml);
    }
    await ban(a, '203.0.113.31');
    await untilBanned(host, '203.0.113.31');
    const isThere = async (): Promise<true | undefined> =>
      second.sql('SELECT max(n) FROM log', 'banshare') ===
        postgres.sql('SELECT max(n) FROM log', 'banshare') || undefined;
    await untilAnswered(isThere, 20_000, () => 'a standby that has all');
    // It is away for a moment; what is answered then is on one machine, which dies.
    await second.stop('SIGINT');
    await ban(b, '203.0.113.32');
    await ban(a, '203.0.113.33');
    await untilBanned(host, '203.0.113.32');
    await untilBanned(host, '203.0.113.33');
    await has(b, '203.0.113.33');
    await postgres.stop();
    await second.run();
    second.sql('SELECT pg_promote()');
    const before = await a.json<Status>('status');
    for (const server of [a, b]) assert.ok((await aheadOf(server)).aheadBy >= 2);
    await Promise.all([a.stop(), b.stop()]);
    assert.match(await a.says('restore', '--from-replica'), /It was ahead by \d+ entries; 2 bans and unbans/);
    forget();
    for (const server of [a, b]) await server.start();
    assert.notEqual((await b.json<Status>('status')).epoch, before.epoch);
    for (const server of [a, b]) for (const last of [31, 32, 33]) await has(server, `203.0.113.${last}`);
    assert.ok(host.commands.all.every(([, , how]) => how === 'banip'));
  },
);
