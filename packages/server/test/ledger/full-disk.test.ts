import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { makeIdentity } from '@banshare/transport';
import { Peer, startFleet } from '../../../../test/fleet/index.ts';
import { publish, reportOf } from '../reports.ts';

const canMount = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;

/** Words that give the server a disk of 3 MB for its ledger. */
function onSmallDisk(folder: string): string[] {
  return [
    'unshare',
    '-m',
    'sh',
    '-c',
    'mount -t tmpfs -o size=3m none "$1" && shift && exec "$@"',
    'sh',
    folder,
  ];
}

function fillUp(path: string): void {
  try {
    writeFileSync(path, Buffer.alloc(4_000_000));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
}

test(
  'a server whose disk is full asks senders to come again, serves on, and takes all once there is room',
  { skip: canMount ? false : 'needs root, for a mount of its own' },
  async () => {
    await using fleet = await startFleet();
    await fleet.server.stop();
    const { serverState } = fleet.server.paths;
    await fleet.server.start({ through: onSmallDisk(serverState) });
    const peer = await fleet.peer('h1');
    const before = await publish(peer, '203.0.113.1');
    // Enrolled over the join key; its own knocks for the first time when the disk is full.
    const silent = await fleet.peer('silent');
    const filler = join('/proc', String(fleet.server.pid), 'root', serverState, 'filler');
    fillUp(filler);

    let last = 2;
    let answer = await peer.ask(reportOf(peer, '203.0.113.2'));
    // What the write-ahead log has room for is still taken.
    for (; answer.ok && answer.reply.status === 'OK'; last += 1) {
      answer = await peer.ask(reportOf(peer, `198.51.100.${last % 250}`, `jail${last}`));
    }
    assert.ok(answer.ok);
    assert.deepEqual([answer.reply.status, answer.reply.code], ['RETRY', 'ledger']);
    const newcomer = new Peer(fleet.meeting, await makeIdentity());
    const refused = await newcomer.enrol('h2');
    assert.ok(refused.ok);
    assert.deepEqual([refused.reply.status, refused.reply.code], ['RETRY', 'ledger']);
    await fleet.server.line(/Cannot write the ledger/);
    const again = await newcomer.enrol('h2');
    assert.ok(again.ok);
    assert.equal(again.reply.status, 'RETRY');
    const first = await silent.ask(reportOf(silent, '203.0.113.4', 'another'));
    assert.ok(first.ok, 'a full disk shuts no door');
    assert.equal(first.reply.status, 'RETRY');

    const status = await fleet.server.command('status', '--urgent');
    assert.equal(status.code, 1);
    assert.match(status.stdout, /^URGENT: The ledger cannot be written since .*full/);

    rmSync(filler);
    assert.ok((await publish(peer, '203.0.113.3')) > before);
    assert.ok((await newcomer.enrol('h2')).ok);
    assert.equal(newcomer.name, 'h2');
    const { hosts } = await fleet.server.json<{ hosts: { name: string }[] }>('hosts');
    assert.deepEqual(
      hosts.map(({ name }) => name),
      ['h1', 'silent', 'h2'],
    );
    newcomer.close();
  },
);
