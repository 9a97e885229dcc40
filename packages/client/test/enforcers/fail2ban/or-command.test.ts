import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { changeOf } from '../../../src/bans/ban-row.ts';
import { commandEnforcer } from '../../../src/enforcers/command.ts';
import type { Enforcer } from '../../../src/enforcers/enforcer.ts';
import { fail2banOrCommand } from '../../../src/enforcers/fail2ban/or-command.ts';
import { Fail2banEnforcer } from '../../../src/enforcers/fail2ban/enforcer.ts';
import { exec } from '../../../src/host/exec.ts';
import { Notes } from '../../../src/host/echo-notes.ts';
import { folder, jail, NOW, rowOf } from '../../make.ts';
import { noFail2ban, RealFail2ban } from '../../fail2ban/real-fail2ban.ts';

/** As a host that has the default command, which here prints 0: the ban was there before. */
function firstOf(path: string, socket: string): Enforcer {
  const notes = new Notes(join(path, 'notes'));
  const nowMs = (): number => performance.now();
  const missingJail = jail('banshare');
  const memory = { recall: () => undefined, remember: () => undefined };
  const commands = { ban: ['/bin/echo', '0'], unban: ['/bin/echo', '0'], missingJail };
  const command = commandEnforcer(commands, notes, (words) => exec(words, 5000, nowMs));
  return fail2banOrCommand(
    new Fail2banEnforcer({ socket, missingJail, timeoutMs: 5000, notes, nowMs, memory }),
    command,
  );
}

const ban = changeOf(rowOf(), 'ban', NOW);
const outcome = async (enforcer: Enforcer): Promise<string | undefined> =>
  (await enforcer.carryOut([ban]))[0]?.outcome;

test(
  'Where fail2ban’s socket is there it is used, and without it the command',
  { skip: noFail2ban },
  async () => {
    await using server = new RealFail2ban();
    const enforcer = firstOf(server.path, server.socket);
    assert.equal(await outcome(enforcer), 'already');
    assert.deepEqual([enforcer.kind, enforcer.mostAtOnce], ['command', 1]);
    assert.equal((await enforcer.list?.([]))?.ok, false);
    await server.start();
    assert.equal(await outcome(enforcer), 'applied');
    assert.equal(enforcer.kind, 'fail2ban');
    await server.end('SIGKILL');
    assert.equal(await outcome(enforcer), 'failed');
    rmSync(server.socket);
    assert.equal(await outcome(enforcer), 'already');
  },
);

test('A fail2ban that is too old to be understood gets the command', async () => {
  using scratch = folder();
  const socket = join(scratch.path, 'f2b.sock');
  // (0, '0.10.2'), as Python 3 pickles it.
  const old = Buffer.from('80044b008c06302e31302e329486942e', 'hex');
  await using server = createServer((client) =>
    client.once('data', () => client.write(Buffer.concat([old, Buffer.from('<F2B_END_COMMAND>')]))),
  );
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const enforcer = firstOf(scratch.path, socket);
  assert.equal(await outcome(enforcer), 'already');
  assert.equal(enforcer.kind, 'command');
  const [says] = await enforcer.check();
  assert.match(
    says ?? '',
    /^fail2ban 0\.10\.2 is too old .* no lost rule or database is noticed and put back/,
  );
});
