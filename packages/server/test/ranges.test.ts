import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ackOf, startFleet, type Peer } from '../../../test/fleet/index.ts';
import { publish } from './reports.ts';

type Bans = { bans: { ip: string; prog: string; jail: string; until: number | null }[] };

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());
const { server } = fleet;
const peer = await fleet.peer('h1');

async function banned(...words: string[]): Promise<string[]> {
  return (await server.json<Bans>('bans', ...words)).bans.map(({ ip }) => ip).toSorted();
}

/** Says how far a host is, and whether it can apply ranges. */
async function acknowledge(host: Peer, ranges?: boolean): Promise<void> {
  const answer = await host.ask(ackOf({ tail: '0'.repeat(16), ...(ranges === undefined ? {} : { ranges }) }));
  assert.ok(answer.ok && answer.reply.status === 'OK', JSON.stringify(answer));
}

test('a range is banned as its network, published as a kind of its own, and lifted by its name', async () => {
  const subscription = peer.subscribe();
  try {
    await subscription.receive();
    const { code, stdout } = await server.asks('ban', '203.0.113.9/24', '--reason', 'botnet');
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^203\.0\.113\.0\/24 is banned on every host that can apply ranges \(203\.0\.113\.9\/24 lies in it\)\./,
    );
    for (;;) {
      const message = await subscription.receive();
      assert.ok(message !== undefined);
      const { subject, body } = message;
      if (subject === 'heartbeat') continue;
      assert.equal(subject, 'ban-range operator banshare 203.0.113.0/24');
      assert.match(body, /"kind":"ban-range"/);
      break;
    }
  } finally {
    subscription.close();
  }
  assert.deepEqual(await banned(), ['203.0.113.0/24']);
  assert.match((await server.asks('unban', '203.0.113.0/24')).stdout, /^Lifted: 203\.0\.113\.0\/24/);
  assert.deepEqual(await banned(), []);
});

test('a range of one address is that address', async () => {
  assert.match((await server.asks('ban', '203.0.113.9/32')).stdout, /^203\.0\.113\.9 is banned everywhere/);
  await server.asks('ban', '2001:db8::9/128');
  assert.deepEqual(await banned(), ['2001:db8::9', '203.0.113.9']);
  for (const ip of ['203.0.113.9/32', '2001:db8::9']) assert.equal((await server.asks('unban', ip)).code, 0);
  assert.deepEqual(await banned(), []);
});

test('a range that is too wide, or that covers what is never banned, is refused by its rule', async () => {
  const cases: [range: string, why: RegExp][] = [
    ['203.0.0.0/15', /too wide: at most a \/16 of IPv4 and a \/32 of IPv6/],
    ['2001:db0::/31', /too wide/],
    ['10.0.0.0/24', /10\.0\.0\.0\/8 \(private use\)/],
    ['172.0.0.0/16', /^$/],
    ['198.51.100.0/24', /198\.51\.100\.7\/32 of banshare-server never-ban/],
    ['2002:c0a8::/32', /has addresses of 192\.168\.0\.0\/16 \(private use\)/],
    ['64:ff9b::/96', /never banned/],
  ];
  const misread = await server.asks('ban', '203.0.113.0/33');
  assert.equal(misread.code, 64);
  assert.match(misread.stderr, /is not a range/);
  await server.asks('never-ban', 'add', '198.51.100.7');
  for (const [range, why] of cases) {
    const { code, stderr } = await server.asks('ban', range);
    if (why.source === '^$') assert.equal(code, 0, stderr);
    else {
      assert.equal(code, 1, range);
      assert.match(stderr, why, range);
    }
  }
  assert.deepEqual(await banned(), ['172.0.0.0/16']);
  await server.asks('unban', '172.0.0.0/16');
});

test('who wants one address back is told which range holds it, and nothing changes', async () => {
  await server.asks('ban', '203.0.113.0/24');
  await server.asks('ban', '203.0.0.0/16');
  const covered = await server.asks('unban', '203.0.113.9');
  assert.equal(covered.code, 1);
  assert.match(covered.stderr, /203\.0\.113\.9 is banned with 203\.0\.0\.0\/16 and 203\.0\.113\.0\/24/);
  assert.match(
    covered.stderr,
    /banshare-server unban 203\.0\.0\.0\/16\b.*banshare-server unban 203\.0\.113\.0\/24/,
  );
  assert.deepEqual(await banned(), ['203.0.0.0/16', '203.0.113.0/24']);
  await publish(peer, '203.0.113.9');
  const partly = await server.asks('unban', '203.0.113.9');
  assert.equal(partly.code, 1);
  assert.match(partly.stdout, /^Lifted: 203\.0\.113\.9 .*\n.*still banned with 203\.0\.0\.0\/16/);
  const inner = await server.asks('unban', '203.0.113.128/25');
  assert.match(inner.stderr, /203\.0\.113\.128\/25 is banned with/);
  assert.equal((await server.asks('unban', '203.0.0.0/16')).code, 0);
  await publish(peer, '203.0.113.10');
  const { code, stdout } = await server.asks('unban', '203.0.113.0/24');
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^Lifted: 203\.0\.113\.0\/24.*\n1 ban within it stays: banshare-server bans 203\.0\.113\.0\/24\nAll of it is lifted, .* by: banshare-server never-ban add 203\.0\.113\.0\/24 --for 1d/,
  );
  assert.deepEqual(await banned(), ['203.0.113.10']);
  await server.asks('unban', '203.0.113.10');
});

test('what unban advises for what it leaves within a range does it, also where nobody may ban so wide a range', async () => {
  for (const range of ['203.0.113.0/24', '0.0.0.0/0', '200.0.0.0/6']) {
    await server.says('ban', '203.0.113.10');
    const said = await server.says('unban', range);
    const [, words = ''] = /, by: banshare-server (never-ban add .*)$/m.exec(said) ?? [];
    assert.match(await server.says(...words.split(' ')), /^Done\. Lifted: 203\.0\.113\.10 /);
    assert.deepEqual(await banned(), []);
    await server.says('never-ban', 'remove', range);
  }
});

test('bans and explain of an address have the ranges around it, those of a range what lies in it', async () => {
  await server.asks('ban', '203.0.113.0/25');
  await publish(peer, '203.0.113.9', 'nginx');
  await publish(peer, '203.0.113.200');
  assert.deepEqual(await banned('203.0.113.9'), ['203.0.113.0/25', '203.0.113.9']);
  assert.deepEqual(await banned('203.0.113.10'), ['203.0.113.0/25']);
  assert.deepEqual(await banned('203.0.113.0/24'), ['203.0.113.0/25', '203.0.113.200', '203.0.113.9']);
  assert.deepEqual(await banned('203.0.113.0/24', '--jail', 'nginx'), ['203.0.113.9']);
  assert.deepEqual(await banned('203.0.113.128/26'), []);
  assert.match((await server.asks('bans', 'nonsense')).stderr, /neither an address nor a range/);
  const { stdout } = await server.asks('explain', '203.0.113.9');
  assert.match(stdout, /ban 203\.0\.113\.0\/25 operator\/banshare by operator/);
  assert.match(stdout, /ban fail2ban\/nginx by h1/);
  const range = await server.asks('explain', '203.0.113.1/25');
  assert.match(range.stdout, /^203\.0\.113\.0\/25\n[^]*ban operator\/banshare by operator/);
  assert.doesNotMatch(range.stdout, /nginx/);
});

test('what becomes protected lifts every ban of a range that it lies in', async () => {
  await server.asks('ban', '2001:db8:7::/48');
  await publish(peer, '2001:db8:7::9');
  const { stdout } = await server.asks('never-ban', 'add', '2001:db8:7:0:1::/80');
  assert.match(stdout, /2001:db8:7::\/48/);
  assert.deepEqual(await banned('2001:db8:7::/48'), ['2001:db8:7::9']);
});

test('hosts that cannot apply ranges are named where a range is banned, and only there', async () => {
  const [able, unable] = [await fleet.peer('able'), await fleet.peer('unable')];
  await server.asks('unban', '203.0.113.0/25');
  await acknowledge(able, true);
  await acknowledge(unable, false);
  await acknowledge(peer, true);
  assert.equal((await server.asks('ban', '198.51.100.9')).stdout, '198.51.100.9 is banned everywhere.\n');
  assert.doesNotMatch((await server.asks('hosts')).stdout, /RANGES/);
  const { stdout } = await server.asks('ban', '198.51.100.128/25');
  assert.match(
    stdout,
    /^198\.51\.100\.128\/25 is banned on every host that can apply ranges\.\n1 host cannot apply ranges: unable\./,
  );
  const status = await server.json<{ activeRanges: number; withoutRanges: string[] }>('status');
  assert.deepEqual(status.withoutRanges, ['unable']);
  assert.match(
    (await server.asks('status')).stdout,
    /\d+ of them (?:is of a range|are of ranges): 1 host cannot apply ranges: unable\./,
  );
  assert.match((await server.asks('hosts')).stdout, /RANGES\s[^]*^able .* yes$[^]*^unable .* no$/m);
  await server.restart();
  assert.deepEqual(
    (await server.json<{ withoutRanges: string[] }>('status')).withoutRanges,
    status.withoutRanges,
  );
});
