import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dropped, DroppedOf, HostName, Target } from '@banshare/protocol';
import { droppedLines, worthLines } from '../../src/cli/show/show-worth.ts';
import { droppedOf, WORTH, worthOf } from '../../src/fleet/worth.ts';
import type { Host } from '../../src/words/hosts/host.ts';
import { NOW } from '../ledger-of-test.ts';
import { oddIn } from '@banshare/runtime';

type Telling = Pick<Host, 'name' | 'dropped'>;

const of = (text: string, packets: number, more: Partial<DroppedOf> = {}): DroppedOf => ({
  ip: text as Target,
  packets,
  isFound: true,
  ...more,
});

function telling(name: string, what: Partial<Dropped>): Telling {
  const none = { v4: 0, v6: 0, found: 0, addresses: 0, before: 0, partly: false, top: [] };
  return {
    name: name as HostName,
    dropped: { readAt: NOW, what: { since: NOW - 3600, ago: 0, every: 60, ...none, ...what } },
  };
}

function unknown(name: string, why?: string): Telling {
  return {
    name: name as HostName,
    dropped: why === undefined ? null : { readAt: NOW, what: { unknown: why } },
  };
}

test('packets are added up over the hosts, and an address that came to several of them is one', () => {
  const hosts = [
    telling('h1', {
      v4: 12_000,
      found: 12_000,
      addresses: 2,
      before: 2,
      top: [of('203.0.113.1', 9000), of('203.0.113.2', 3000)],
    }),
    telling('h2', {
      v4: 300,
      v6: 200,
      found: 400,
      addresses: 2,
      top: [of('203.0.113.1', 300), of('2001:db8::1', 100, { isFound: false }), of('2001:db8::2', 100)],
    }),
    telling('h3', {}),
    unknown('h4', 'its enforcer (fail2ban) counts nothing for each address'),
    unknown('h5'),
  ];
  assert.deepEqual(worthLines(worthOf(hosts)), [
    '12,400 packets of 3 addresses on 2 hosts were dropped by bans that another host had found, since 2026-11-21T09:40:00Z.',
    '  Banned before it came: 2 of 4 times a reading after the ban still showed no packet; the other 2 came sooner, mostly within a minute of the ban.',
    '  With bans of operators, of lists and of the hosts themselves: 12,300 packets of IPv4, 200 of IPv6.',
    '  Unknown: h4 (its enforcer (fail2ban) counts nothing for each address), h5 (it has told this server nothing of it).',
  ]);
});

test('where hosts have more addresses than they name, those that are known are the least there can be', () => {
  const top = Array.from({ length: 50 }, (_, n) => of(`203.0.113.${n}`, 10));
  const two = worthOf([
    telling('h1', { v4: 1000, found: 1000, addresses: 311, top }),
    telling('h2', { v4: 5, found: 5, addresses: 1, top: [of('198.51.100.1', 5)] }),
  ]);
  assert.match(worthLines(two)[0] ?? '', /^1,005 packets of at least 311 addresses on 2 hosts/);
  const one = worthOf([telling('h1', { v4: 1000, found: 1000, addresses: 311, top })]);
  assert.match(worthLines(one)[0] ?? '', /^1,000 packets of 311 addresses on 1 host /);
});

test('nothing dropped and nothing known are two things', () => {
  assert.deepEqual(worthLines(worthOf([])), []);
  assert.match(
    worthLines(worthOf([telling('h1', {})])).join('\n'),
    /^No packet was dropped by a ban that another host had found, on 1 host that counts/,
  );
  assert.deepEqual(worthLines(worthOf([unknown('h1', 'x'), unknown('h2', 'x')])), [
    'How much shared bans have dropped is unknown: h1, h2 (x).',
  ]);
});

test('what a hostile host says is its own alone, and breaks no answer', () => {
  const most = 10 ** 12;
  const hostile = Array.from({ length: 20 }, (_, n) =>
    telling(`x${n}`, { v4: most, v6: most, found: most, addresses: most, before: most }),
  );
  const worth = worthOf([
    ...hostile,
    telling('h1', { v4: 3, found: 3, addresses: 1, top: [of('203.0.113.1', 3)] }),
  ]);
  assert.equal(oddIn({ fields: WORTH }, worth), undefined);
  const none = worthOf([telling('x', { found: 1, addresses: 1, before: 10 ** 12 })]);
  assert.deepEqual([none.before, none.arrivals], [1, 1]);
  const [there] = droppedOf(
    [telling('h1', { v4: 3, found: 3, addresses: 1, top: [of('203.0.113.1', 3)] })],
    '203.0.113.1' as Target,
  );
  assert.equal(there?.packets, 3);
});

test('of thousands of hosts explain names those that dropped most, and adds up the others', () => {
  const many = Array.from({ length: 3000 }, (_, n) =>
    telling(`h${n}`, n < 30 ? { top: [of('203.0.113.9', 1000 - n)] } : {}),
  );
  const lines = droppedLines(droppedOf(many, '203.0.113.9' as Target), '203.0.113.9');
  assert.equal(lines.length, 23);
  assert.equal(lines.at(-2), '  9,755 on 10 more hosts');
});

test('explain tells of each host what it dropped of an address and of a range around it, at most, none or unknown', () => {
  const top = Array.from({ length: 50 }, (_, n) => of(`198.51.100.${n}`, 60 - n));
  const dropped = droppedOf(
    [
      telling('h1', {
        top: [
          of('203.0.113.0/24', 40, { least: 0, most: 41 }),
          of('203.0.113.9', 1200, { least: 180, most: 240 }),
        ],
      }),
      telling('h5', { top: [of('203.0.113.9', 7, { least: 90_000, most: 90_060 })] }),
      telling('h2', { top }),
      telling('h3', {}),
      unknown('h4', 'nft is too old'),
    ],
    '203.0.113.9' as Target,
  );
  assert.deepEqual(droppedLines(dropped, '203.0.113.9'), [
    'Packets dropped of it:',
    '  h1: 1,200; banned before it came: the first came 3m to 4m after the ban was in place there',
    '  h1 (203.0.113.0/24): 40; the first came within 41s of the ban being in place there',
    '  h5: 7; banned before it came: the first came about 25h after the ban was in place there',
    '  at most 11 on h2: it is none of those that sent most there',
    '  none on h3',
    '  unknown: h4 (nft is too old)',
  ]);
});
