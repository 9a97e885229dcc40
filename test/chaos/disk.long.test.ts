import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostName, Report } from '@banshare/protocol';
import { Fleet, Folder, makeFleetKeys, makeId, startFleet, type Peer } from '../fleet/index.ts';
import { addressOf, Chance } from './chance.ts';
import { Load, reporters } from './load.ts';
import { assertConverged, bansOfServer, statusOfServer, until, untilInStep } from './state-of.ts';
import {
  FailingFsync,
  fillDiskOf,
  onFullDisk,
  onSmallDisk,
  skipUnless,
  skipUnlessRootWith,
} from './surroundings.ts';

const needsMounts = { skip: skipUnlessRootWith('unshare', 'mount', 'dd') };

async function report(peer: Peer, ip: string, id = makeId()): Promise<{ status: string; code?: string }> {
  const report = { prog: 'fail2ban', jail: 'sshd', ip } as Report;
  const answer = await peer.ask({ kind: 'report', sender: peer.name as HostName, report }, { id });
  assert.ok(answer.ok, JSON.stringify(answer));
  return answer.reply;
}

test(
  'With its disk full the server says RETRY, loses nothing, and goes on when there is room',
  needsMounts,
  async (t) => {
    await using fleet = new Fleet(await makeFleetKeys());
    const { server } = fleet;
    await server.start({ through: onSmallDisk(server.paths.serverState, 8192) });
    await fleet.addHost('h1');
    using load = new Load(fleet, await reporters(fleet, 3), new Chance(t));
    await load.send(30);
    const makeRoom = fillDiskOf(server.pid, server.paths.serverState);
    const reporting = load.run(() => load.resent >= 10);
    await server.line(/Cannot write the ledger/);
    await until('reports were refused for now', 30_000, () => load.resent >= 10);
    const before = load.acknowledged.length;
    await assert.rejects(fleet.peer('late'), /cannot enrol late/);
    assert.equal(load.acknowledged.length, before);
    assert.equal((await statusOfServer(server))?.head, new Set(load.acknowledged.map(({ ip }) => ip)).size);
    makeRoom();
    await reporting;
    const bans = await bansOfServer(server);
    assert.equal(bans.length, load.addresses);
    assert.equal((await statusOfServer(server))?.head, load.addresses);
    await untilInStep(fleet, fleet.host('h1'), 60_000);
    t.diagnostic(`${load.acknowledged.length} reports, ${load.resent} answered RETRY`);
    assert.ok(load.resent > 0);
    await assertConverged(fleet);
  },
);

test(
  'With its disk full the spool says so with 75, in time, and a report still goes where a server is',
  needsMounts,
  async () => {
    await using fleet = await startFleet();
    await fleet.addReporter('r');
    const through = onFullDisk(fleet.pathsOf('r').spool);
    const words = ['fail2ban', 'sshd', addressOf(1)];
    const accepted = await fleet.report('r', words, { through });
    assert.equal(accepted.code, 0, accepted.stderr);
    await fleet.server.kill9();
    for (const option of [[], ['--strict']]) {
      const { code, stderr, ms } = await fleet.report('r', [...option, ...words], { through });
      assert.equal(code, 75, stderr);
      assert.match(stderr, /cannot keep the report in the spool: .*no space left on device/i);
      assert.ok(ms < 10_000, `it took ${ms} ms`);
    }
  },
);

test(
  'While fsync fails no report is answered OK, and the same id is one event afterwards',
  { skip: skipUnless('cc') },
  async () => {
    using folder = new Folder();
    const fsync = new FailingFsync(folder.path);
    await using fleet = new Fleet(await makeFleetKeys());
    await fleet.server.start({ env: fsync.env });
    const host = await fleet.addHost('h1');
    const peer = await fleet.peer('r');
    assert.equal((await report(peer, addressOf(0))).status, 'OK');
    const ids = Array.from({ length: 5 }, () => makeId());
    fsync.begin();
    for (const [n, id] of ids.entries()) {
      const { status, code } = await report(peer, addressOf(n + 1), id);
      assert.deepEqual([status, code], ['RETRY', 'ledger']);
    }
    fsync.end();
    // What a failed commit left on disk is published all the same: nobody reports anything new here.
    for (const [n, id] of ids.entries())
      assert.equal((await report(peer, addressOf(n + 1), id)).status, 'OK');
    await untilInStep(fleet, host);
    assert.equal((await assertConverged(fleet)).length, 1 + ids.length);
    assert.equal((await statusOfServer(fleet.server))?.head, 1 + ids.length);
  },
);
