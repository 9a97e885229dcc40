import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ackOf, mainOf, startFleet } from '../../../../test/fleet/index.ts';
import { Audit } from '../../src/ledger/books/audit.ts';
import { Admissions } from '../../src/ports/admissions.ts';
import { Membership } from '../../src/fleet/membership.ts';
import { Opening } from '../../src/fleet/opening.ts';
import { NeverBan } from '../../src/never-ban/never-ban.ts';
import { OwnAddresses } from '../../src/never-ban/server-addresses.ts';
import { addressOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';
import { TokenBook } from '../../src/fleet/tokens.ts';
import { fateOf, publish } from '../reports.ts';

type Audited = { entries: { what: string; details: Record<string, unknown> }[] };

test('what a host tells of its addresses waits until an operator approves it, lifts nothing, and leaves with the host', async () => {
  await using fleet = await startFleet();
  const [h1, h3] = [await fleet.peer('h1'), await fleet.newcomer()];
  await publish(h1, '203.0.113.33');
  await h3.enrol('h3', ['203.0.113.33', '203.0.113.34', '10.1.2.3']);
  assert.match(
    await fleet.server.says('hosts'),
    /h3 tells 203\.0\.113\.33, 203\.0\.113\.34, which protects nothing yet: hosts approve h3/,
  );
  assert.match(
    await fleet.server.says('never-ban', 'list'),
    /203\.0\.113\.34 +told by h3, and not protected yet: hosts approve h3/,
  );
  await publish(h1, '203.0.113.34', 'recidive');
  assert.match(
    await fleet.server.says('hosts', 'approve', 'h3'),
    /h3 is in the fleet already\. It also tells 203\.0\.113\.33, 203\.0\.113\.34, which protects nothing: hosts approve h3 --address 203\.0\.113\.33,203\.0\.113\.34 /,
  );
  assert.match(
    await fleet.server.says('hosts', 'approve', 'h3', '--address', '203.0.113.33,203.0.113.34'),
    /h3 is in the fleet already\. Never banned, as it tells: 203\.0\.113\.33, 203\.0\.113\.34\.$/m,
  );
  assert.equal(await fateOf(h1, '203.0.113.34'), 'never-ban');
  assert.match(
    await fleet.server.says('never-ban', 'list'),
    /203\.0\.113\.34 +an address of the fleet's host h3/,
  );
  // Neither address is let in by that: an operator says so.
  assert.match(await fleet.server.says('bans'), /203\.0\.113\.33 [^]*203\.0\.113\.34 /);
  await fleet.server.says('hosts', 'revoke', 'h3');
  assert.equal(await fateOf(h1, '64:ff9b::cb00:7122'), 'accepted');
  h3.close();
});

test('hosts approve protects exactly the addresses that were shown, refuses what was swapped in, and each can be taken back', async () => {
  await using fleet = await startFleet();
  const [honest, evil] = [await fleet.peer('honest'), await fleet.peer('web1')];
  const tell = async (...addresses: string[]): Promise<void> => {
    const answer = await evil.ask(ackOf({ addresses }));
    assert.ok(answer.ok && answer.reply.status === 'OK');
  };
  await tell('198.51.100.5', '198.51.100.6');
  assert.match(await fleet.server.says('hosts'), /web1 tells 198\.51\.100\.5, 198\.51\.100\.6/);
  await tell('203.0.113.66');
  const swapped = await fleet.server.asks(
    'hosts',
    'approve',
    'web1',
    '--address',
    '198.51.100.5,198.51.100.6',
  );
  assert.equal(swapped.code, 1);
  assert.match(swapped.stderr, /nothing was approved: web1 tells other addresses by now: 203\.0\.113\.66/);
  await fleet.server.says('hosts', 'approve', 'web1');
  assert.equal(await fateOf(honest, '203.0.113.66'), 'accepted');
  await tell('198.51.100.5', '198.51.100.6', '198.51.100.7');
  await fleet.server.says(
    'hosts',
    'approve',
    'web1',
    '--address',
    '198.51.100.6',
    '--address',
    '198.51.100.7',
  );
  await fleet.server.says('hosts', 'approve', 'web1', '--address', '198.51.100.5');
  for (const last of [5, 6, 7]) assert.equal(await fateOf(honest, `198.51.100.${last}`), 'never-ban');
  assert.match(
    await fleet.server.says('never-ban', 'remove', '198.51.100.5'),
    /198\.51\.100\.5 was approved of web1/,
  );
  assert.match(
    await fleet.server.says('hosts', 'disapprove', 'web1', '198.51.100.6'),
    /no more.*198\.51\.100\.6/,
  );
  await tell('198.51.100.5', '198.51.100.6', '198.51.100.7');
  for (const last of [5, 6]) assert.equal(await fateOf(honest, `198.51.100.${last}`), 'accepted');
  await fleet.server.restart();
  assert.equal(await fateOf(honest, '198.51.100.7'), 'never-ban');
  await fleet.server.says('hosts', 'disapprove', 'web1');
  assert.equal(await fateOf(honest, '198.51.100.7'), 'accepted');
  assert.equal((await fleet.server.asks('never-ban', 'remove', '198.51.100.5')).code, 1);
  const { entries } = await fleet.server.json<Audited>('audit');
  assert.deepEqual(
    entries
      .filter(({ what }) => what === 'disapproved')
      .map(({ details: { by: _by, way: _way, ...details } }) => details),
    [
      { address: '198.51.100.5', hosts: ['web1'] },
      { name: 'web1', addresses: ['198.51.100.6'] },
      { name: 'web1', addresses: ['198.51.100.7'] },
    ],
  );
});

test(
  'at a terminal hosts approve shows what the host tells and asks, and takes exactly that',
  { skip: spawnSync('script', ['--version']).error !== undefined },
  async () => {
    await using fleet = await startFleet();
    const [honest, web1] = [await fleet.peer('honest'), await fleet.newcomer()];
    await web1.enrol('web1', ['203.0.113.5']);
    const main = mainOf('server');
    const words = [process.execPath, main, '--root', fleet.server.root, 'hosts', 'approve', 'web1'].join(' ');
    const at = (answer: string): string =>
      String(spawnSync('script', ['-qec', words, '/dev/null'], { input: `${answer}\n` }).stdout);
    assert.match(at('n'), /web1 tells that it is known by 203\.0\.113\.5\. Shall nobody ever ban that/);
    assert.equal(await fateOf(honest, '203.0.113.5'), 'accepted');
    assert.match(at('y'), /Never banned, as it tells: 203\.0\.113\.5/);
    assert.equal(await fateOf(honest, '203.0.113.5'), 'never-ban');
    web1.close();
  },
);

test('hosts approve names where a host that is in comes from, stands in the audit log, and hosts disapprove ends that protection at once', async () => {
  using shelf = new LedgerOfTest();
  const { ledger, book } = shelf;
  const neverBan = new NeverBan(ledger, { addresses: [], fleet: true }, new OwnAddresses(() => []));
  const audit = new Audit(ledger);
  const membership = new Membership({
    ledger,
    book,
    admissions: new Admissions(),
    tokens: new TokenBook(ledger, new Admissions(), [], () => NOW),
    doors: { admit: async () => undefined, expel: () => undefined },
    neverBan,
    audit,
    joinCheck: { holds: () => true },
    opening: await Opening.begin(ledger, 'open', [], NOW),
    newcomersPerMinute: 10,
    limited: () => undefined,
    ended: () => undefined,
    now: () => NOW,
  });
  // It enrolled just now.
  const host = shelf.host('web1', 'active', NOW + 7 * 86_400);
  for (const address of ['127.0.0.1', '203.0.113.66', '203.0.113.67']) {
    neverBan.arrived(host, address, NOW);
    neverBan.spoke(host, address, NOW);
  }
  const isProtected = (): boolean => neverBan.ruleFor(addressOf('203.0.113.66'), NOW) !== undefined;
  assert.equal(isProtected(), false);
  const said = await membership.approve('web1', { replace: false });
  assert.match(said.ok ? said.value : said.fault, /comes from there: 203\.0\.113\.66, 203\.0\.113\.67\.$/);
  assert.equal(isProtected(), true);
  assert.deepEqual(
    audit.newest(10).map(({ what }) => what),
    ['approved'],
  );
  assert.ok((await membership.disapprove('web1', [])).ok);
  assert.equal(isProtected(), false);
});
