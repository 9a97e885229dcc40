import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { after, test } from 'node:test';
import { askAdmin } from '@banshare/runtime';
import { runProgram, startFleet } from '../../../../test/fleet/index.ts';
import { ACTIONS } from '../../src/operator/actions.ts';
import { ALLOWED, isDeed, refusalAt } from '../../src/operator/allowed.ts';

/** Any group that the one who asks is not in by himself. */
const GROUP = 54_321;
const USER = 54_322;

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());
const { serverSocket, operatorsSocket, pageSocket } = fleet.server.paths;
for (const path of [operatorsSocket, pageSocket]) {
  mkdirSync(dirname(path), { recursive: true });
  if (process.getuid?.() === 0) chownSync(dirname(path), 0, GROUP);
  chmodSync(dirname(path), 0o2750);
}
await fleet.server.restart();

type Entry = { what: string; details: Record<string, unknown> };

async function newestEntry(): Promise<Entry | undefined> {
  return (await fleet.server.json<{ entries: Entry[] }>('audit')).entries.at(-1);
}

function ask(path: string, command: string, args: Record<string, unknown> = {}, by?: string) {
  return askAdmin(path, { command, args, ...(by === undefined ? {} : { by }) }, 10_000);
}

test("operators and the page have sockets of their own, of their folders' groups, and root's is root's alone", () => {
  const modes = [serverSocket, operatorsSocket, pageSocket].map((path) => statSync(path).mode & 0o777);
  assert.deepEqual(modes, [0o600, 0o660, 0o660]);
  if (process.getuid?.() === 0) assert.equal(statSync(operatorsSocket).gid, GROUP);
});

test('who is in the group of operators needs no root, and the audit log has who he said that he is', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root, to become another user');
  for (let folder = dirname(operatorsSocket); folder !== '/tmp' && folder !== '/'; folder = dirname(folder))
    if ((statSync(folder).mode & 0o005) === 0 && folder !== dirname(operatorsSocket))
      chmodSync(folder, 0o755);
  chmodSync(dirname(serverSocket), 0o700);
  const asUser = (groups: number, ...words: string[]) =>
    runProgram('server', [...words, '--root', fleet.server.root], {
      through: ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, `--groups=${groups}`],
      env: { SUDO_USER: 'anna', NODE_COMPILE_CACHE: '' },
    });
  const banned = await asUser(GROUP, 'ban', '203.0.113.7');
  assert.equal(banned.code, 0, banned.stderr);
  assert.partialDeepStrictEqual(await newestEntry(), { what: 'ban', details: { by: 'anna', way: 'said' } });
  const refused = await asUser(GROUP, 'retire', '20200101T000000Z-aaaaaa');
  assert.match(refused.stderr, /only root may/);
  const stranger = await asUser(USER, 'status');
  assert.match(stranger.stderr, /only root and members of the group banshare-operators/);
});

test("the page may look and let people in by links of one use; its deeds wait for [web] acts, and root's are never its own", async () => {
  for (const command of ['status', 'hosts', 'bans', 'audit', 'held'])
    assert.equal((await ask(pageSocket, command)).ok, true, command);
  assert.partialDeepStrictEqual(await ask(pageSocket, 'ban', { ip: '203.0.113.8' }, 'anna'), {
    code: 'not-allowed',
  });
  assert.partialDeepStrictEqual(await ask(pageSocket, 'page-link', { as: 'anna' }), { code: 'not-allowed' });

  const link = await ask(operatorsSocket, 'page-link', { as: 'Änna von B' }, 'anna');
  assert.ok(link.ok);
  const { code } = link.result as { code: string };
  assert.deepEqual(await ask(pageSocket, 'page-login', { code }), {
    ok: true,
    result: { name: 'Änna von B' },
  });
  assert.partialDeepStrictEqual(await ask(pageSocket, 'page-login', { code }), { ok: false, code: 'link' });
  const more = await Promise.all(
    ['bea', 'carl'].map((as) => ask(operatorsSocket, 'page-link', { as }, 'anna')),
  );
  const [bea, carl] = more.map((each) => (each as { result: { code: string } }).result.code);
  assert.partialDeepStrictEqual(
    await ask(pageSocket, 'page-login', { codes: [bea, 'guessed', carl, bea, 7] }),
    {
      ok: true,
      result: { names: ['bea', null, 'carl', null, null] },
    },
  );
  assert.doesNotMatch(fleet.server.said.join('\n') + JSON.stringify(await newestEntry()), new RegExp(code));
  assert.partialDeepStrictEqual(await ask(operatorsSocket, 'page-link', { as: '<b>' }), { code: 'name' });

  await fleet.server.restart('[web]\nacts = true\n');
  // Nobody serves the page: whoever listens at its port in its place would be given the code.
  const early = await ask(operatorsSocket, 'page-link', { as: 'anna' });
  assert.partialDeepStrictEqual(early, { ok: false, code: 'page' });
  assert.match(early.ok ? '' : early.reason, /systemctl enable --now banshare-web, and then this again/);
  assert.equal((await ask(pageSocket, 'ping')).ok, true);
  assert.equal((await ask(operatorsSocket, 'page-link', { as: 'anna' })).ok, true);
  assert.equal((await ask(pageSocket, 'ban', { ip: '203.0.113.8' }, 'Änna von B')).ok, true);
  assert.partialDeepStrictEqual(await newestEntry(), {
    what: 'ban',
    details: { by: 'Änna von B', way: 'page' },
  });
  for (const command of ['copy-ledger', 'move-ledger', 'retire', 'start-again', 'enrolment'])
    assert.partialDeepStrictEqual(
      await ask(pageSocket, command, { mode: 'open' }, 'anna'),
      { code: 'not-allowed' },
      command,
    );
});

test('an action that no row of the table lets through is refused to all but root, also one that is unknown', () => {
  for (const command of ['constructor', 'toString', 'nothing', 'copy-ledger'])
    for (const door of ['operators', 'page'] as const)
      assert.notEqual(refusalAt(door, { command, args: {} }, true), undefined);
  for (const command of Object.keys(ACTIONS))
    assert.equal(refusalAt('root', { command, args: {} }, false), undefined);
  const looks = Object.entries(ALLOWED).flatMap(([command, kind]) => (kind === 'look' ? [command] : []));
  for (const command of looks) assert.equal(refusalAt('page', { command, args: {} }, false), undefined);
  assert.ok(looks.every((command) => !isDeed({ command, args: {} })));
  assert.ok(isDeed({ command: 'held', args: { action: 'publish' } }));
});

test('what others ask for meanwhile is theirs in the audit log, also in one commit', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `user${index}`);
  await Promise.all(
    names.map((name, index) => ask(serverSocket, 'ban', { ip: `203.0.113.${100 + index}` }, name)),
  );
  const { entries } = await fleet.server.json<{ entries: Entry[] }>('audit');
  for (const [index, name] of names.entries())
    assert.equal(
      entries.find(({ details }) => details['ip'] === `203.0.113.${100 + index}`)?.details['by'],
      name,
    );
});

test('whoever leaves lists of all whereabouts unread delays no look at how all is, and no deed, at the same socket', async () => {
  // More than a socket holds by itself.
  const entries = Array.from({ length: 1000 }, (_, n) => ({
    ip: `45.10.${n >> 8}.${n & 255}`,
    reason: 'x'.repeat(200),
  }));
  assert.ok((await ask(operatorsSocket, 'import', { entries, jail: 'sshd' })).ok);
  const unread = Array.from({ length: 8 }, () => connect(operatorsSocket));
  for (const peer of unread) {
    await once(peer, 'connect');
    peer.on('error', () => undefined);
    peer.pause().write('{"command":"bans"}\n');
  }
  for (const command of ['ping', 'status', 'hosts', 'thaw'])
    assert.equal((await ask(operatorsSocket, command)).ok, command !== 'thaw', command);
  for (const peer of unread) peer.destroy();
});
