import { test } from 'node:test';
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { parseHostName } from '@banshare/protocol';
import { hostPaths } from '@banshare/runtime';
import { makeIdentity } from '@banshare/transport';
import { type Peer, startFleet, within } from '../../../../test/fleet/index.ts';
import { fateOf, publish, reportOf } from '../reports.ts';

type Status = {
  hosts: number;
  pending: string[];
  renamed: { name: string; wanted: string }[];
  enrolment: string;
};
type Audited = { entries: { what: string; details: Record<string, unknown> }[] };
type Hosts = { hosts: { name: string; state: string }[] };

/** Whether the publish port lets a peer in. */
async function hears(peer: Peer): Promise<boolean> {
  const subscription = peer.subscribe();
  const first = await Promise.race([subscription.receive(), subscription.refused.then(() => undefined)]);
  subscription.close();
  return first !== undefined;
}

/** A peer takes the name that an operator gave its key. */
function renamed(peer: Peer, name: string): void {
  const parsed = parseHostName(name);
  assert.ok(parsed.ok);
  peer.name = parsed.value;
}

test('with enrolment approve a newcomer waits and is let in nowhere, until an operator says yes', async () => {
  await using fleet = await startFleet({ serverToml: '[enrolment]\nmode = "approve"' });
  const peer = await fleet.newcomer();
  const answer = await peer.enrol('web1');
  assert.ok(answer.ok);
  assert.equal(answer.reply.verdict, 'pending');
  assert.match(answer.reply.reason ?? '', /hosts approve web1/);
  assert.equal(await fateOf(peer, '203.0.113.1'), 'not-admitted');
  assert.equal(await hears(peer), false);
  const overJoinKey = await peer.ask(reportOf(peer, '203.0.113.1'), {}, fleet.keys.join);
  assert.ok(overJoinKey.ok);
  assert.deepEqual([overJoinKey.reply.status, overJoinKey.reply.code], ['REFUSED', 'pending']);
  assert.deepEqual((await fleet.server.json<Status>('status')).pending, ['web1']);
  // It has received nothing, although there was nothing to receive.
  assert.match(await fleet.server.says('hosts'), /^web1 +pending +heard of/m);
  await fleet.server.restart();
  assert.match(await fleet.server.says('hosts', 'approve', 'web1'), /web1 is in the fleet/);
  await publish(peer, '203.0.113.1');
  assert.equal(await hears(peer), true);
  peer.close();
});

for (const wanted of ['web1', 'a'.repeat(63)]) {
  test(`approve --replace hands a name of ${wanted.length} characters over, and revokes the key that had it`, async () => {
    await using fleet = await startFleet();
    const [first, second] = [await fleet.peer(wanted), await fleet.peer(wanted)];
    await publish(first, '203.0.113.1');
    const given = String(second.name);
    assert.notEqual(given, wanted);
    assert.deepEqual((await fleet.server.json<Status>('status')).renamed, [{ name: given, wanted }]);
    assert.match(await fleet.server.says('hosts', 'approve', given, '--replace'), /revoked, and called/);
    renamed(second, wanted);
    await publish(second, '203.0.113.2');
    assert.match(await fateOf(first, '203.0.113.1'), /^(revoked|not-admitted)$/);
    await fleet.server.restart();
    assert.equal(await fateOf(first, '203.0.113.1'), 'not-admitted');
    const { hosts } = await fleet.server.json<Hosts>('hosts');
    const old = hosts.find(({ state }) => state === 'revoked');
    assert.match(old?.name ?? '', /-old-[0-9a-f]{8}$/);
  });
}

test('a second machine of a name is let in beside the host that is alive, which nothing revokes unasked', async () => {
  await using fleet = await startFleet();
  const first = await fleet.peer('m1');
  await fleet.server.says('enrolment', 'approve');
  const second = fleet.peerWith(await makeIdentity());
  await second.enrol('m1');
  const given = String(second.name);
  const before = await fleet.server.says('hosts');
  assert.match(
    before,
    new RegExp(`${given}: m1 is another host, heard of \\d+s ago, and stays;.*--replace.*REVOKES`),
  );
  await publish(first, '203.0.113.1');
  assert.match(
    await fleet.server.says('hosts', 'approve', given),
    /is in the fleet under this name: m1 is another/,
  );
  await publish(second, '203.0.113.2');
  await publish(first, '203.0.113.3');
  assert.match(
    await fleet.server.says('hosts', 'approve', given),
    /stays in the fleet under this name.*--replace/,
  );
  await publish(first, '203.0.113.4');
  const { entries } = await fleet.server.json<Audited>('audit');
  const approved = entries.filter(({ what }) => what === 'approved').map(({ details }) => details);
  assert.deepEqual(
    approved.map(({ name, wanted, replaced }) => [name, wanted, replaced]),
    [[given, 'm1', null]],
  );
});

test('a host that is silent since another asked for its name hands that over, as status says before', async () => {
  await using fleet = await startFleet({ serverToml: '[enrolment]\nmode = "approve"' });
  const first = fleet.peerWith(await makeIdentity());
  await first.enrol('m1');
  await fleet.server.says('hosts', 'approve', 'm1');
  const second = fleet.peerWith(await makeIdentity());
  await second.enrol('m1');
  const given = String(second.name);
  await fleet.server.stop();
  const ledger = new DatabaseSync(hostPaths(fleet.server.root).ledger);
  ledger.exec("UPDATE hosts SET enrolled = enrolled - 7200, last_seen = last_seen - 7200 WHERE name = 'm1'");
  ledger.close();
  await fleet.server.start();
  const { stdout } = await fleet.server.asks('status');
  assert.match(
    stdout,
    new RegExp(`${given} waits.*hands it the name m1, and REVOKES the host that has it, silent for 2h`),
  );
  assert.match(
    await fleet.server.says('hosts', 'approve', given),
    /m1 is in the fleet.*is revoked, and called m1-old-/,
  );
  renamed(second, 'm1');
  await publish(second, '203.0.113.2');
  assert.equal(await fateOf(first, '203.0.113.1'), 'not-admitted');
});

test('with enrolment closed the join key opens nothing, and hosts that are in stay', async () => {
  await using fleet = await startFleet();
  const inside = await fleet.peer('h1');
  const early = await fleet.newcomer();
  await fleet.server.says('enrolment', 'closed');
  assert.deepEqual(await early.enrol('h2'), {
    ok: false,
    fault: 'not-admitted',
    reason: 'the server does not admit this key',
  });
  await publish(inside, '203.0.113.1');
  await fleet.server.restart();
  assert.equal((await fleet.server.json<Status>('status')).enrolment, 'closed');
  early.close();
});

test('a revoked host is refused at its next message and cut within 5 s, while every other host misses nothing', async (t) => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const [good, bad] = [await fleet.peer('good'), await fleet.peer('bad')];
  await publish(bad, '198.51.100.1');
  const subscription = bad.subscribe();
  await subscription.receive();
  let isOver = false;
  const reported: string[] = [];
  const load = (async (): Promise<void> => {
    for (let n = 1; !isOver; n += 1) {
      const [ip, jail] = [`203.0.113.${(n % 250) + 1}`, `jail${n}`];
      await publish(good, ip, jail);
      reported.push(`${jail} ${ip}`);
    }
  })();
  const began = performance.now();
  await fleet.server.says('hosts', 'revoke', 'bad');
  // By its connection, as long as that is not cut yet, or by the door.
  assert.match(await fateOf(bad, '198.51.100.2'), /^(revoked|not-admitted)$/);
  await within(subscription.refused, 5000, () => 'the cut of the revoked subscription');
  t.diagnostic(`cut ${Math.round(performance.now() - began)} ms after the command was started`);
  isOver = true;
  await load;
  for (const host of [fleet.host('h1'), fleet.host('h2')]) {
    const missing = new Set(reported);
    for (const [, jail, , ip] of host.commands.all) missing.delete(`${jail} ${ip}`);
    while (missing.size > 0) {
      const [, jail, , ip] = await host.commands.next();
      missing.delete(`${jail} ${ip}`);
    }
  }
  subscription.close();
});

test("revoking refuses the host's spool, asks for approval from then on, and unprotects its addresses", async () => {
  await using fleet = await startFleet();
  await fleet.addReporter('bad');
  const words = ['fail2ban', 'sshd', '203.0.113.1'];
  assert.equal((await fleet.report('bad', words)).code, 0);
  await fleet.server.stop();
  assert.equal((await fleet.report('bad', ['fail2ban', 'sshd', '203.0.113.2'])).code, 0);
  await fleet.server.start();
  assert.match(await fleet.server.says('hosts', 'revoke', 'bad'), /enrolment now needs your approval/);
  const flushed = await fleet.report('bad', ['--flush']);
  assert.equal(flushed.code, 77, flushed.stderr);
  assert.match(await fleet.server.says('bans'), /203\.0\.113\.1 /);
  assert.doesNotMatch(await fleet.server.says('bans'), /203\.0\.113\.2 /);
  const late = await fleet.newcomer();
  const answer = await late.enrol('late');
  assert.ok(answer.ok && answer.reply.verdict === 'pending');
  assert.doesNotMatch(await fleet.server.says('never-ban', 'list'), /the fleet's host/);
  await fleet.server.says('enrolment', 'open');
  assert.ok((await fleet.peer('later')).name);
  late.close();
});

test('a forgotten host has to enrol anew, and a newcomer does not inherit its reports', async () => {
  await using fleet = await startFleet();
  const gone = await fleet.peer('gone');
  await publish(gone, '203.0.113.1');
  await fleet.server.says('hosts', 'forget', 'gone');
  assert.match(await fateOf(gone, '203.0.113.2'), /^(unknown-key|not-admitted)$/);
  await fleet.peer('next');
  const { reports } = await fleet.server.json<{ reports: unknown[] }>('explain', '203.0.113.1');
  assert.deepEqual(reports, []);
  assert.match((await fleet.server.asks('hosts', 'forget', 'gone')).stderr, /no host is called "gone"/);
});

test('forgetting a revoked host says that its key may enrol again where enrolment is open', async () => {
  await using fleet = await startFleet();
  for (const [mode, warns] of [
    ['approve', false],
    ['open', true],
  ] as const) {
    const name = `bad-${mode}`;
    await fleet.peer(name);
    await fleet.server.says('hosts', 'revoke', name);
    await fleet.server.says('enrolment', mode);
    const forgotten = await fleet.server.says('hosts', 'forget', name);
    assert.equal(/can enrol it again/.test(forgotten), warns, forgotten);
    await fleet.server.says('enrolment', 'open');
  }
});
