import { test } from 'node:test';
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFleet } from '../../../../test/fleet/index.ts';
import type { Happening } from '../../src/words/happening.ts';
import { publish, reportOf, withdraw } from '../reports.ts';

type Audited = { entries: { what: string; details: { reason?: string } }[] };

test('the reason of an operator stands with his deed in the audit log and in events, and with what it lifts in explain', async () => {
  await using fleet = await startFleet();
  const [h1, h2] = [await fleet.peer('h1'), await fleet.peer('h2')];
  for (const last of [1, 2, 3, 4]) await publish(h1, `203.0.113.${last}`);
  const list = join(fleet.server.root, 'list.txt');
  writeFileSync(list, '198.51.100.77\n');
  const deeds: [what: string, ...words: string[]][] = [
    ['ban', 'ban', '198.51.100.1'],
    ['unban', 'unban', '203.0.113.1'],
    ['undo', 'undo', '--jail', 'sshd', '--since', '1h'],
    ['never-ban add', 'never-ban', 'add', '203.0.113.3'],
    ['never-ban remove', 'never-ban', 'remove', '203.0.113.3'],
    ['freeze', 'freeze', '--for', '1h'],
    ['thaw', 'thaw'],
    ['drop', 'held', 'discard'],
    ['revoked', 'hosts', 'revoke', 'h2'],
    ['forgotten', 'hosts', 'forget', 'h2'],
    ['enrolment', 'enrolment', 'approve'],
    ['muted', 'hosts', 'mute', 'h1'],
    ['import', 'import', list],
  ];
  for (const [what, ...words] of deeds)
    await fleet.server.says(...words, '--reason', `why ${what}\n${'x'.repeat(300)}`);
  const { entries } = await fleet.server.json<Audited>('audit');
  const { events } = await fleet.server.json<{ events: Happening[] }>('events');
  for (const [what] of deeds) {
    const { reason = '' } = entries.findLast((one) => one.what === what)?.details ?? {};
    assert.ok(reason.startsWith(`why ${what}\nxxx`), `${what}: ${reason}`);
    assert.equal(reason.length, 200);
    const deed = events.findLast(({ kind, says }) => kind === 'deed' && says.startsWith(what));
    assert.ok(deed?.says.includes(`reason why ${what}\\u000axxx`), JSON.stringify(deed));
  }
  assert.equal((await fleet.server.asks('audit', '--verify')).code, 0);
  assert.match(
    await fleet.server.says('explain', '203.0.113.1'),
    /#\d+ unban fail2ban\/sshd by operator: why unban\\u000axxx/,
  );
  assert.match(await fleet.server.says('explain', '203.0.113.3'), / by operator: why undo\\u000axxx/);
  // Whose word an end is, a host's own or that of nobody, has none.
  await publish(h1, '203.0.113.9', 'nginx');
  await withdraw(h1, '203.0.113.9', 'nginx');
  assert.match(await fleet.server.says('explain', '203.0.113.9'), /unban fail2ban\/nginx by h1\n/);
  assert.equal((await h2.ask(reportOf(h2, '203.0.113.5'))).ok, false);
});

test('a drill and a reload take a reason too, and the audit log has it', async () => {
  await using fleet = await startFleet();
  await fleet.server.command('drill', '--reason', 'after the move');
  appendFileSync(fleet.server.paths.serverConfig, '[drill]\nlimit = 9\n');
  await fleet.server.says('reload', '--reason', 'slower disks');
  const { entries } = await fleet.server.json<Audited>('audit');
  for (const [what, reason] of [
    ['drill', 'after the move'],
    ['reload', 'slower disks'],
  ])
    assert.equal(entries.findLast((one) => one.what === what)?.details.reason, reason, what);
});

test('a listing takes no reason, and says so', async () => {
  await using fleet = await startFleet();
  const { code, stderr } = await fleet.server.asks('hosts', '--reason', 'none');
  assert.equal(code, 64);
  assert.match(stderr, /reason/);
});
