import { test } from 'node:test';
import { userInfo } from 'node:os';
import assert from 'node:assert/strict';
import { Program, startFleet, type Fleet } from '../../../../test/fleet/index.ts';
import { SOURCES } from '../../src/ledger/tables/happenings.ts';
import type { Happening } from '../../src/words/happening.ts';
import { askAdmin } from '@banshare/runtime';
import { history, lookingBack } from '../../src/operator/looking/history.ts';
import { MostNamed } from '../../src/words/most-named.ts';
import { LedgerOfTest, NOW, quiet } from '../ledger-of-test.ts';
import { fill } from './filled.ts';
import { publish, reportOf, withdraw } from '../reports.ts';

const QUORUM = '[[quorum]]\nprog = "fail2ban"\njail = "nginx"\nreporters = 2\nwithin = "1h"\n';
const typist = process.env['SUDO_USER'] ?? userInfo().username;

/** What a fleet lives through: reports of each verdict, and an operator's deeds. */
async function live(fleet: Fleet): Promise<void> {
  const [h1, h2] = [await fleet.peer('h1'), await fleet.peer('h2')];
  await publish(h1, '203.0.113.1');
  await h2.ask(reportOf(h2, '203.0.113.1'));
  await h1.ask(reportOf(h1, '203.0.113.2', 'nginx'));
  await h1.ask(reportOf(h1, '10.0.0.1'));
  await withdraw(h1, '203.0.113.1');
  await fleet.server.says('ban', '198.51.100.0/24', '--for', '1h', '--reason', 'scans \u001b[31mall');
  await fleet.server.says('freeze', '--for', '1h');
  await h1.ask(reportOf(h1, '203.0.113.3'));
}

test('events has a line for each report with its verdict, each ban, and each deed: dated, aligned, with who and why, whatever a reason holds', async () => {
  await using fleet = await startFleet({ serverToml: QUORUM });
  await live(fleet);
  const lines = (await fleet.server.says('events')).trimEnd().split('\n');
  const told = lines.map((line) => {
    assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  [a-z-]+ +/);
    return line.slice(22).replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'THEN');
  });
  const row = (kind: string, ip: string, where: string, who: string, says: string): string =>
    [kind.padEnd(9), ip.padEnd(18), where.padEnd(18), who.padEnd(16), says].join('  ');
  const expected = [
    row('report', '203.0.113.1', 'fail2ban/sshd', 'h1', 'accepted as #1'),
    row('ban', '203.0.113.1', 'fail2ban/sshd', 'h1', '#1 until THEN'),
    row('report', '203.0.113.1', 'fail2ban/sshd', 'h2', 'duplicate as #1'),
    row('vote', '203.0.113.2', 'fail2ban/nginx', 'h1', 'counted: 1 of 2 hosts within 60m: h1'),
    row('take-back', '203.0.113.1', 'fail2ban/sshd', 'h1', 'accepted'),
    row('ban', '198.51.100.0/24', 'operator/banshare', 'operator', '#2 until THEN: scans \\u001b[31mall'),
    row(
      'deed',
      '198.51.100.0/24',
      'operator/banshare',
      typist,
      'ban until THEN: reason scans \\u001b[31mall',
    ),
    row('deed', '-', '-', typist, 'freeze until THEN'),
  ];
  assert.deepEqual(
    expected.filter((line) => !told.includes(line)),
    [],
    told.join('\n'),
  );
  assert.ok(told.some((line) => line.startsWith('refused    10.0.0.1') && line.includes('never banned')));
  assert.ok(told.some((line) => line.startsWith('held       203.0.113.3') && line.includes('FROZEN')));
  assert.equal(told.filter((line) => line.startsWith('deed') && line.includes('enrolled')).length, 2);
});

test('events takes a jail, a host, a range and times, and says so where a time is none', async () => {
  await using fleet = await startFleet({ serverToml: QUORUM });
  await live(fleet);
  const asked = async (...words: string[]): Promise<string[]> => {
    const { events } = await fleet.server.json<{ events: Happening[] }>('events', ...words);
    return events.map(({ kind, ip, who }) => `${kind} ${ip} ${who}`);
  };
  assert.deepEqual(await asked('--jail', 'nginx'), ['vote 203.0.113.2 h1']);
  assert.deepEqual((await asked('--host', 'h2')).toSorted(), ['deed null null', 'report 203.0.113.1 h2']);
  assert.deepEqual(await asked('--ip', '198.51.100.9'), [
    'ban 198.51.100.0/24 operator',
    `deed 198.51.100.0/24 ${typist}`,
  ]);
  assert.equal((await asked('--ip', '203.0.113.0/28')).length, 6);
  assert.deepEqual(await asked('--until', '2020-01-01'), []);
  assert.deepEqual(await asked('--until', '1h'), []);
  assert.equal((await asked('--since', '1h')).length, (await asked()).length);
  const odd = await fleet.server.asks('events', '--since', 'yesterday');
  assert.deepEqual([odd.code, odd.stdout], [64, '']);
  assert.match(odd.stderr, /"yesterday" is no time: 2h, 7d, or 2026-/);
  assert.equal((await fleet.server.asks('events', '--follow', '--until', '1h')).code, 64);
});

test('bans, events and undo of a host that there is not say so, with the name that was meant, and not that there is nothing', async (t) => {
  await using fleet = await startFleet();
  await publish(await fleet.peer('web1'), '203.0.113.1');
  const near =
    /^banshare-server: no host is called "wbe1": did you mean web1\?; see banshare-server hosts\n$/;
  for (const words of [['bans'], ['bans', '--all'], ['events'], ['undo', '--since', '1h']]) {
    for (const name of ['wbe1', 'Web1', 'nobody']) {
      const { code, stdout, stderr } = await fleet.server.asks(...words, '--host', name, '--json');
      assert.deepEqual([code, stdout], [1, ''], words.join(' '));
      if (name === 'wbe1') assert.match(stderr, near);
      if (name === 'Web1') assert.match(stderr, /did you mean web1\?/);
      if (name === 'nobody')
        assert.match(stderr, /^[^:]+: no host is called "nobody": see banshare-server hosts\n$/);
    }
  }
  assert.match((await fleet.server.asks('hosts', 'mute', 'wbe1', '--for', '1h')).stderr, near);
  assert.match((await fleet.server.asks('hosts', 'revoke', 'wbe1')).stderr, near);
  assert.deepEqual(await fleet.server.json('bans', '--host', 'operator'), { bans: [], frozen: null });
  const following = ['events', '--follow', '--host', 'web2', '--root', fleet.server.root];
  const follower = new Program('server', following);
  t.after(() => follower.stop('SIGKILL'));
  await follower.line(/no host is called "web2": did you mean web1\?/);
  await publish(await fleet.peer('web2'), '203.0.113.2');
  await follower.line(/report +203\.0\.113\.2 .* web2 /);
  // What a host did that was forgotten is there to be looked at.
  await fleet.server.says('hosts', 'revoke', 'web1');
  await fleet.server.says('hosts', 'forget', 'web1');
  assert.match(await fleet.server.says('bans', '--host', 'web1'), /203\.0\.113\.1/);
  assert.match(await fleet.server.says('events', '--host', 'web1'), /ban +203\.0\.113\.1/);
});

test('events --follow has each line once, in order, also what came while the server was killed, stopped and started again', async (t) => {
  await using fleet = await startFleet();
  const peer = await fleet.peer('h1');
  await publish(peer, '203.0.113.1');
  const words = ['events', '--follow', '--since', '1h', '--jail', 'sshd', '--root', fleet.server.root];
  const follower = new Program('server', words);
  t.after(() => follower.stop('SIGKILL'));
  await follower.line(/ban .*203\.0\.113\.1 /);
  await publish(peer, '203.0.113.2');
  await follower.line(/ban .*203\.0\.113\.2 /);
  await publish(peer, '203.0.113.3');
  await fleet.server.kill9();
  await follower.line(/this goes on when it is back/);
  await fleet.server.start();
  await publish(peer, '203.0.113.4');
  await fleet.server.stop();
  await fleet.server.start();
  await publish(peer, '203.0.113.5');
  await follower.line(/ban .*203\.0\.113\.5 /);
  const bans = follower.said.filter((line) => /  ban  /.test(line)).map((line) => line.split(/ +/)[2]);
  const reports = follower.said.filter((line) => /  report  /.test(line)).map((line) => line.split(/ +/)[2]);
  const all = [1, 2, 3, 4, 5].map((last) => `203.0.113.${last}`);
  assert.deepEqual([bans, reports], [all, all]);
});

test('events --follow says so where the ledger is another one, and goes on', async (t) => {
  await using fleet = await startFleet();
  const peer = await fleet.peer('h1');
  await publish(peer, '203.0.113.1');
  const backup = `${fleet.server.root}/backup`;
  await fleet.server.says('backup', backup);
  const words = ['events', '--follow', '--json', '--since', '1h', '--root', fleet.server.root];
  const follower = new Program('server', words);
  t.after(() => follower.stop('SIGKILL'));
  await follower.line(/"what"|"says":"backup/);
  await fleet.server.stop();
  await fleet.server.says('restore', backup);
  await fleet.server.start();
  await follower.line(/the ledger is another one than before/);
  await publish(peer, '203.0.113.2');
  const line = await follower.line(/203\.0\.113\.2.*"kind":"ban"/);
  assert.equal((JSON.parse(line) as Happening).who, 'h1');
});

test('every statement of the timeline finds its rows by an index', () => {
  using shelf = new LedgerOfTest();
  for (const source of Object.values(SOURCES))
    for (const statement of [source.last, source.from, source.page]) {
      const steps = shelf.ledger.sql(`EXPLAIN QUERY PLAN ${statement}`).all() as { detail: string }[];
      for (const { detail } of steps) assert.match(detail, /^SEARCH/, `${statement}: ${detail}`);
    }
});

type Past = { bans: number; hours: { at: number; bans: number; lifted: number }[] } & Record<
  'jails' | 'networks' | 'reporters',
  { name: string; bans: number }[]
>;

test('the action history counts bans and lifts by the hour, and jails, networks and reporters by their bans', async () => {
  await using fleet = await startFleet();
  const [h1, h2] = [await fleet.peer('h1'), await fleet.peer('h2')];
  for (const last of [1, 2, 3]) await publish(h1, `203.0.113.${last}`);
  await publish(h2, '2001:db8::1', 'nginx');
  await publish(h2, '2001:db8::2', 'nginx');
  await withdraw(h2, '2001:db8::2', 'nginx');
  await fleet.server.says('ban', '198.51.100.0/22');
  const asked = { command: 'history', args: { since: '7d' } };
  const reply = await askAdmin(fleet.server.paths.serverSocket, asked, 10_000);
  assert.ok(reply.ok);
  const { bans, hours, jails, networks, reporters } = reply.result as Past;
  const sum = (what: 'bans' | 'lifted'): number => hours.reduce((all, hour) => all + hour[what], 0);
  assert.deepEqual([bans, sum('bans'), sum('lifted')], [6, 6, 1]);
  assert.equal(hours.length, 7 * 24 + 1);
  assert.deepEqual(jails[0], { name: 'sshd', bans: 3 });
  assert.deepEqual(networks, [
    { name: '203.0.113.0/24', bans: 3 },
    { name: '2001:db8::/64', bans: 2 },
    { name: '198.51.100.0/22', bans: 1 },
  ]);
  assert.deepEqual(
    reporters.map(({ name }) => name),
    ['h1', 'h2', 'operator'],
  );
});

test('a long look back is done once for all who ask, and goes in parts', async () => {
  using shelf = new LedgerOfTest();
  fill(shelf, 10_000);
  const parts = { ledger: shelf.ledger, ...lookingBack(quiet(shelf.ledger)), now: () => NOW + 20_000 };
  let turns = 0;
  const count = setInterval(() => (turns += 1), 0);
  const [one, other] = await Promise.all([history({}, parts), history({}, parts)]);
  clearInterval(count);
  assert.ok(one.ok && other.ok);
  assert.equal(one.result, other.result);
  assert.equal((one.result as Past).bans, 10_000);
  assert.ok(turns >= 2, `${turns} turns`);
});

test('of more names than are counted at once those that come often are counted all the same', () => {
  const names = new MostNamed(100);
  for (let n = 0; n < 1000; n += 1) for (const name of ['often', `${n}`, 'often']) names.add(name);
  assert.deepEqual([names.top(1), names.isRough], [[['often', 2000]], true]);
});
