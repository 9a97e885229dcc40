import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parsePublication, type Heartbeat } from '@banshare/protocol';
import type { Subscription } from '@banshare/transport';
import { Folder, startFleet, takePort, within } from '../../../../../test/fleet/index.ts';
import { Postgres, postgresSkip } from '../../../../../test/fleet/database/postgres.ts';
import { FleetServer } from '../../../../../test/fleet/server.ts';
import { Lag } from '../../../src/share.ts';
import { publish } from '../../reports.ts';

const canMount = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;
const skip = canMount ? postgresSkip() : 'needs root, for a mount of its own';
const folder = new Folder();
after(() => folder[Symbol.dispose]());

/** Words that give a server a disk of 3 MB for its ledger. */
function onSmallDisk(state: string): string[] {
  const mount = 'mount -t tmpfs -o size=3m none "$1" && shift && exec "$@"';
  return ['unshare', '-m', 'sh', '-c', mount, 'sh', state];
}

function fillUp(path: string): void {
  assert.throws(() => writeFileSync(path, Buffer.alloc(4_000_000)), { code: 'ENOSPC' });
}

/** Reads on until a heartbeat is as wanted. */
function heartbeat(subscription: Subscription, isWanted: (beat: Heartbeat) => boolean): Promise<Heartbeat> {
  const reading = (async (): Promise<Heartbeat> => {
    for (;;) {
      const message = await subscription.receive();
      const read = parsePublication(message?.subject ?? '', message?.body ?? '');
      assert.ok(read.ok);
      if (read.value.kind === 'heartbeat' && isWanted(read.value.heartbeat)) return read.value.heartbeat;
    }
  })();
  return within(reading, 20_000, () => 'a heartbeat');
}

test(
  'of two servers the one whose disk is full says that it is stale, though its database is there, and has all once there is room',
  { skip },
  async () => {
    await using postgres = await Postgres.start();
    await using fleet = await startFleet({});
    const { server: a } = fleet;
    const peer = await fleet.peer('h1');
    await publish(peer, '203.0.113.1');
    await a.says('ledger', 'move', postgres.url, '--durability', 'none');
    const toml = `[ledger]\nlog = "${postgres.url}"\ndurability = "none"`;
    const ports = { report: takePort(), publish: takePort() };
    const b = new FleetServer(join(folder.path, 'b'), toml, '127.0.0.1', ports);
    cpSync(a.root, b.root, { recursive: true, filter: (path) => !/\.sock$|\.db/.test(path) });
    const there = peer.at({ keys: fleet.keys, ports: () => b.ports });
    try {
      await b.start({ through: onSmallDisk(b.paths.serverState) });
      const subscription = there.subscribe();
      await heartbeat(subscription, ({ stale }) => stale !== true);
      const filler = join('/proc', String(b.pid), 'root', b.paths.serverState, 'filler');
      fillUp(filler);
      let last = 0;
      for (let n = 1; n <= 40; n += 1) last = await publish(peer, `198.51.100.${n}`);
      const beat = await heartbeat(subscription, ({ stale }) => stale === true);
      assert.ok(beat.seq < last);
      await b.line(/is not applied here/);
      // It says so as long as it is so.
      await heartbeat(subscription, ({ stale }) => stale === true);
      rmSync(filler);
      // Nothing new has to come for that.
      await heartbeat(subscription, ({ stale, seq }) => stale !== true && seq === last);
      subscription.close();
    } finally {
      there.leave();
      await b.close();
    }
  },
);

test('a replica is behind where what the log had is not applied after 3 s, and not because the log is ahead under load', () => {
  const lag = new Lag();
  const seen: boolean[] = [];
  for (let second = 0; second < 10; second += 1)
    seen.push(lag.isLong({ applied: 100 * second, last: 100 * second + 150 }, second));
  for (let second = 10; second < 15; second += 1)
    seen.push(lag.isLong({ applied: 900, last: 1500 + second }, second));
  assert.deepEqual(seen.slice(0, 11).includes(true), false);
  assert.equal(seen.at(-1), true);
  assert.equal(lag.isLong({ applied: 1520, last: 1520 }, 15), false);
});
