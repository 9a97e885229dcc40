import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LARGEST_SEQ } from '@banshare/protocol';
import { askBy, serveAdmin, type AdminTable } from '@banshare/runtime';
import { ACTIONS } from '../../src/operator/actions.ts';
import { ackOf, startFleet } from '../../../../test/fleet/index.ts';

const EVIL = '\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e';
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const STEERS = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/;

test('neither a daemon’s answer nor a file that is imported steers the terminal of whoever runs a command', async () => {
  await using fleet = await startFleet();
  const list = join(fleet.server.root, 'list');
  writeFileSync(list, `203.0.113.7\n${EVIL}\n"${EVIL}",203.0.113.8\n[${EVIL}`);
  const said = [await fleet.server.command('import', list), await fleet.server.command('import', EVIL)];
  said.push(await fleet.server.command(EVIL), await fleet.server.command('ban', `${EVIL}203.0.113.1`));
  await fleet.server.stop();
  const ban = { ip: EVIL, prog: EVIL, jail: EVIL, host: EVIL, seq: 1, at: 1, until: null };
  const answers = [
    { ok: true, result: { bans: [ban], frozen: null } },
    { ok: false, code: 'x', reason: `${EVIL}\nsecond line` },
  ] as const;
  const ended = new AbortController();
  let next = 0;
  const path = fleet.server.paths.serverSocket;
  const handle = () => answers[next++ % answers.length] ?? answers[0];
  assert.ok((await serveAdmin({ path, handle, signal: ended.signal })).ok);
  for (const words of [['bans'], ['bans'], ['bans', '--json'], ['bans', '--json']])
    said.push(await fleet.server.command(...words));
  ended.abort();
  for (const { stdout, stderr } of said) {
    assert.doesNotMatch(stdout, STEERS);
    assert.doesNotMatch(stderr, STEERS);
  }
  assert.ok(said.some(({ stdout }) => stdout.includes('owned')));
  assert.match(said.at(-1)?.stderr ?? '', /^banshare-server: .*second line\n$/);
});

test('what a daemon that is no longer ours answers ends no command by a stack: each says in one sentence that it is odd', async (t) => {
  await using fleet = await startFleet();
  await fleet.server.stop();
  const path = fleet.server.paths.serverSocket;
  const ended = new AbortController();
  t.after(() => ended.abort());
  let result: unknown = {};
  assert.ok((await serveAdmin({ path, handle: () => ({ ok: true, result }), signal: ended.signal })).ok);
  const table: AdminTable = ACTIONS;
  const names = Object.keys(table).filter((name) => table[name]?.gives !== 'anything');
  for (const odd of [null, 7, 'x', [], { hosts: 'all', bans: [null], entries: {}, says: 1, count: '1' }])
    for (const command of names.filter((name) => name !== 'ping')) {
      result = odd;
      const reply = await askBy(ACTIONS, path, { command, args: { action: 'list' } }, 5000);
      assert.ok(!reply.ok && reply.code === 'odd-answer', `${command}: ${JSON.stringify(odd)}`);
    }
  const commands = [['status'], ['bans'], ['undo', '--all', '--since', '1h'], ['hosts'], ['export']];
  for (const words of commands) {
    result = { bans: [{ ip: '203.0.113.9', until: 1e300 }], urgent: 'all is well' };
    const { code, stdout, stderr } = await fleet.server.command(...words);
    assert.equal(code, 1, words.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, /^banshare-server: The daemon at .* answers .*: it is of another version, .*\n$/);
  }
});

test('nothing that a host tells of itself keeps status and hosts from an operator', async () => {
  await using fleet = await startFleet();
  const peer = await fleet.peer('liar');
  const { epoch } = await fleet.server.json<{ epoch: string }>('status');
  const most = LARGEST_SEQ;
  const beyond = await peer.ask(ackOf({ epoch, applied: most + 1 }));
  assert.ok(beyond.ok && beyond.reply.code === 'malformed', JSON.stringify(beyond));
  const acked = await peer.ask(ackOf({ epoch, applied: most, lacking: most, generation: 'constructor' }));
  assert.ok(acked.ok && acked.reply.status === 'OK', JSON.stringify(acked));
  for (const words of [['status'], ['hosts'], ['status', '--json']]) {
    const { stdout, stderr } = await fleet.server.command(...words);
    assert.equal(stderr, '');
    assert.match(stdout, /liar/);
  }
});
