import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { hostPaths } from '@banshare/runtime';
import { Folder, Peer, Program, runProgram, type Ran } from '../../../../test/fleet/index.ts';
import { isOpen, isShut, layGeneration, type Generation } from '../generations.ts';
import { publish, reportOf } from '../reports.ts';

async function acknowledge(peer: Peer, generation: string): Promise<void> {
  const { reply } = (await peer.ask({ kind: 'sync', limit: 1 })) as {
    reply: { fields: Record<string, unknown> };
  };
  const { epoch, head, tail } = reply.fields as { epoch: string; head: number; tail: string };
  const told = { instance: 'i', version: '1', generation, addresses: [], outcomes: [] };
  const answer = await peer.ask({ kind: 'ack', epoch, applied: head, tail, ...told });
  assert.ok(answer.ok && answer.reply.status === 'OK');
}

test('retire refuses while a host is on the generation, then closes its ports, removes its keys and forgets them', async () => {
  using folder = new Folder();
  const root = folder.path;
  const old = await layGeneration(root, '20261101T000000Z-aaaaaa');
  const current = await layGeneration(root, '20261121T000000Z-bbbbbb');
  writeFileSync(hostPaths(root).serverConfig, '[listen]\naddress = "127.0.0.1"\n');
  const command = (...words: string[]): Promise<Ran> => runProgram('server', [...words, '--root', root]);
  const start = async (): Promise<Program> => {
    const program = new Program('server', ['--root', root]);
    await program.line(/^banshare-server ready /);
    return program;
  };
  let server = await start();
  try {
    const moving = await Peer.enrolled({ keys: old.keys, ports: () => old.ports }, 'moving');
    await publish(moving, '203.0.113.1');
    await acknowledge(moving, old.name);
    const refused = await command('retire', old.name);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /1 host is still on .*moving/);
    assert.equal(await isOpen(old.ports.report), true);

    const moved = moving.at({ keys: current.keys, ports: () => current.ports });
    await acknowledge(moved, current.name);
    const retired = await command('retire', old.name);
    assert.equal(retired.code, 0, retired.stderr);
    assert.match(retired.stdout, new RegExp(`${old.ports.report}.*${old.ports.publish}`));
    for (const port of [old.ports.report, old.ports.publish]) await isShut(port);
    assert.equal(existsSync(join(hostPaths(root).generations, old.name)), false);
    await publish(moved, '203.0.113.2');
    const stale = await moved.ask(reportOf(moved, '203.0.113.3'), { to: old.keys.server.publicKey });
    assert.ok(stale.ok && stale.reply.code === 'wrong-server');
    assert.match((await command('retire', current.name)).stderr, /the only generation/);

    await server.stop();
    server = await start();
    assert.equal(await isOpen(old.ports.report), false);
    await publish(moved, '203.0.113.4');
    moving.close();
    moved.close();
  } finally {
    await server.stop();
  }
});

test('retire --force ends a generation although a host is on it, and events has the reason of that and of its undo', async () => {
  using folder = new Folder();
  const root = folder.path;
  const old = await layGeneration(root, '20261101T000000Z-aaaaaa');
  await layGeneration(root, '20261121T000000Z-bbbbbb');
  writeFileSync(hostPaths(root).serverConfig, '[listen]\naddress = "127.0.0.1"\n');
  const server = new Program('server', ['--root', root]);
  try {
    await server.line(/^banshare-server ready /);
    const left = await Peer.enrolled({ keys: old.keys, ports: () => old.ports }, 'left');
    await acknowledge(left, old.name);
    const why = ['--reason', 'its join key <leaked>\n'];
    const forced = await runProgram('server', ['retire', old.name, '--force', ...why, '--root', root]);
    assert.equal(forced.code, 0, forced.stderr);
    await isShut(old.ports.report);
    const { stdout } = await runProgram('server', ['audit', '--json', '--root', root]);
    assert.match(stdout, /"what":"retired".*"hostsLeft":\["left"\]/);
    const undone = ['retire', old.name, '--undo', '--reason', 'it was another'];
    assert.equal((await runProgram('server', [...undone, '--root', root])).code, 0);
    const said = (await runProgram('server', ['events', '--root', root])).stdout;
    assert.match(said, /retired: .*reason its join key <leaked>/);
    assert.match(said, /retired no more: .*reason it was another/);
    left.close();
  } finally {
    await server.stop();
  }
});

test('retire waits for a host that never said which generation it is on, and for none that is gone; which comes back by itself', async () => {
  using folder = new Folder();
  const root = folder.path;
  const old = await layGeneration(root, '20261101T000000Z-aaaaaa');
  const current = await layGeneration(root, '20261121T000000Z-bbbbbb');
  writeFileSync(hostPaths(root).serverConfig, '[listen]\naddress = "127.0.0.1"\n');
  const command = (...words: string[]): Promise<Ran> => runProgram('server', [...words, '--root', root]);
  const start = async (): Promise<Program> => {
    const program = new Program('server', ['--root', root]);
    await program.line(/^banshare-server ready /);
    return program;
  };
  let server = await start();
  try {
    const [silent, reporter] = [await enrolled(old, 'silent'), await enrolled(old, 'reporter')];
    const refused = await command('retire', old.name);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /2 hosts may be still on .*silent \(never said which it is on\)/);

    await server.stop();
    const ledger = new DatabaseSync(hostPaths(root).ledger);
    ledger.exec('UPDATE hosts SET enrolled = enrolled - 8 * 86400, last_seen = NULL');
    ledger.close();
    server = await start();
    await publish(reporter, '203.0.113.1');
    assert.match((await command('retire', old.name)).stderr, /1 host may be still on .*reporter/);
    assert.match((await command('hosts', '--json')).stdout, /"name":"silent","state":"gone"/);
    const moved = reporter.at({ keys: current.keys, ports: () => current.ports });
    await acknowledge(moved, current.name);
    const retired = await command('retire', old.name);
    assert.equal(retired.code, 0, retired.stderr);

    const back = silent.at({ keys: current.keys, ports: () => current.ports });
    await publish(back, '203.0.113.2');
    assert.match((await command('hosts', '--json')).stdout, /"name":"silent","state":"active"/);
    for (const peer of [silent, reporter, moved, back]) peer.close();
  } finally {
    await server.stop();
  }
});

function enrolled({ keys, ports }: Generation, name: string): Promise<Peer> {
  return Peer.enrolled({ keys, ports: () => ports }, name);
}
