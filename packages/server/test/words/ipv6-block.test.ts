import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  embeddedTarget,
  parseAddress,
  parseJail,
  parseRange,
  rangeAround,
  specialRange,
  type Event,
  type JailName,
} from '@banshare/protocol';
import fc from 'fast-check';
import { blockOf } from '../../src/words/ipv6-block.ts';
import { aim, MOST_IN_BLOCK } from '../../src/judging/ban-target.ts';
import { LimitKeeper } from '../../src/judging/limits.ts';
import { decideWith } from '../../src/judging/decide.ts';
import { NeverBan } from '../../src/never-ban/never-ban.ts';
import { hostsWithoutRanges } from '../../src/operator/deeds/bans.ts';
import { OwnAddresses } from '../../src/never-ban/server-addresses.ts';
import type { QuorumRule } from '../../src/judging/quorum.ts';
import { addressOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';
import type { Recorded, Submission } from '../../src/words/submission.ts';
import type { Host } from '../../src/words/hosts/host.ts';
import { ActiveCount } from '../../src/ledger/books/active-bans.ts';

const DAY = 86_400;
const BLOCK = '2001:db8:0:9::/64';
const QUORUM: QuorumRule = { prog: 'psad', jail: '*', reporters: 2, withinSeconds: 600 };

/** A server's judgement over a ledger, as serve() puts it together. */
class Judgement {
  readonly shelf: LedgerOfTest;
  readonly neverBan: NeverBan;
  ipv6Prefix: number;
  withoutRanges: string[] = [];
  quorum: QuorumRule[] = [];
  active = 1000;

  constructor(shelf: LedgerOfTest, ipv6Prefix: number) {
    this.shelf = shelf;
    this.ipv6Prefix = ipv6Prefix;
    this.neverBan = new NeverBan(shelf.ledger, { addresses: [], fleet: true }, new OwnAddresses(() => []));
  }

  async record(...submissions: Submission[]): Promise<Recorded[]> {
    const { neverBan, ipv6Prefix, quorum } = this;
    const parts = {
      policy: {
        windowSeconds: 300,
        defaultDurationSeconds: 3600,
        maxDurationSeconds: -1,
        escalationSeconds: [3600, 7200],
      },
      neverBan,
      limits: new LimitKeeper({
        hostPerMinute: 10,
        hostBurst: 10,
        fleetPerMinute: 10_000,
        active: this.active,
      }),
      quorum,
      freeze: { at: () => null },
      activeBans: new ActiveCount(this.shelf.ledger),
      withoutRanges: () => this.withoutRanges,
    };
    return this.shelf.ledger.record(
      submissions,
      (submission, known) => decideWith(parts, submission, known, submission.received),
      (submission, look) => {
        const isProtected = (target: Parameters<NeverBan['ruleFor']>[0]): boolean =>
          specialRange(target) !== undefined || neverBan.ruleFor(target, submission.received) !== undefined;
        const allTakeRanges = (): boolean => this.withoutRanges.length === 0;
        return aim(submission, { ipv6Prefix, isProtected, allTakeRanges }, look);
      },
    );
  }

  /** `verdict of what was published`. */
  async said(...submissions: Submission[]): Promise<string[]> {
    const recorded = await this.record(...submissions);
    return recorded.map(({ verdict, events }) => [verdict, ...events.map(told)].join(' '));
  }

  async supporters(ip: string): Promise<string[]> {
    const range = parseRange(ip);
    assert.ok(range.ok);
    return (await this.shelf.ledger.history(range.value)).supporters.flatMap(({ hosts }) => hosts).toSorted();
  }
}

function jailOf(text: string): JailName {
  const jail = parseJail(text);
  assert.ok(jail.ok);
  return jail.value;
}

function told({ kind, ip }: Event): string {
  return `${kind} ${ip}`;
}

/** Reports of so many addresses of one /64, from the first on. */
function many(shelf: LedgerOfTest, host: Host, count: number, first = 1, at = NOW): Submission[] {
  return Array.from({ length: count }, (_, index) =>
    shelf.report(host, `2001:db8:0:9::${(first + index).toString(16)}`, at),
  );
}

test('ipv6-prefix = 64: a report bans the /64, others of it are duplicates, and the last supporter lifts it', async () => {
  using shelf = new LedgerOfTest();
  const judgement = new Judgement(shelf, 64);
  const [a, b] = [shelf.host('a'), shelf.host('b')];
  assert.deepEqual(await judgement.said(shelf.report(a, '2001:db8:0:9::1')), [`accepted ban ${BLOCK}`]);
  assert.deepEqual(
    await judgement.said(
      shelf.report(b, '2001:db8:0:9::2', NOW + 1),
      shelf.report(a, '2001:db8:0:a::1', NOW + 1),
      shelf.report(a, '203.0.113.9', NOW + 1),
    ),
    ['duplicate', 'accepted ban 2001:db8:0:a::/64', 'accepted ban 203.0.113.9'],
  );
  assert.deepEqual(await judgement.supporters(BLOCK), ['a', 'b']);
  assert.deepEqual(
    await judgement.said(
      shelf.unban(a, '2001:db8:0:9::1', NOW + 2),
      shelf.unban(a, '2001:db8:0:9::1', NOW + 2),
      shelf.unban(b, '2001:db8:0:9::2', NOW + 2),
    ),
    ['accepted', 'duplicate', `accepted unban ${BLOCK}`],
  );
});

test('ipv6-prefix = 64: reports keep the address that was reported, and explain tells the ban it became', async () => {
  using shelf = new LedgerOfTest();
  const judgement = new Judgement(shelf, 64);
  await judgement.record(shelf.report(shelf.host('a'), '2001:db8:0:9::1'));
  const { reports, events } = await shelf.ledger.history(addressOf('2001:db8:0:9::1'));
  assert.partialDeepStrictEqual(reports, [{ ip: '2001:db8:0:9::1', target: BLOCK, verdict: 'accepted' }]);
  assert.partialDeepStrictEqual(events, [{ ip: BLOCK, kind: 'ban' }]);
  const beside = await shelf.ledger.history(addressOf('2001:db8:0:9::2'));
  assert.deepEqual([beside.reports.length, beside.events.length], [0, 1]);
  const whole = parseRange(BLOCK);
  assert.ok(whole.ok);
  assert.equal((await shelf.ledger.history(whole.value)).reports.length, 1);
});

test('ipv6-prefix = 64: votes, offences and what an operator lifted count for the /64', async () => {
  using shelf = new LedgerOfTest();
  const judgement = new Judgement(shelf, 64);
  judgement.quorum = [QUORUM];
  const [a, b, c] = [shelf.host('a'), shelf.host('b'), shelf.host('c')];
  assert.deepEqual(await judgement.said(shelf.report(a, '2001:db8:0:9::1')), ['counted']);
  await judgement.record(shelf.unban(a, '2001:db8:0:9::5', NOW + 1));
  assert.deepEqual(await judgement.said(shelf.report(b, '2001:db8:0:9::2', NOW + 2)), ['counted']);
  assert.deepEqual(await judgement.said(shelf.report(c, '2001:db8:0:9::3', NOW + 3)), [
    `accepted ban ${BLOCK}`,
  ]);
  assert.deepEqual(await judgement.supporters(BLOCK), ['b', 'c']);
  const [first] = await shelf.ledger.since(0, 1);
  assert.equal(first?.until, NOW + 3 + 3600);
  await shelf.ledger.lift({ ip: BLOCK }, NOW + 10);
  judgement.quorum = [];
  const late = { ...shelf.report(a, '2001:db8:0:9::7', NOW + 20), at: NOW + 5 };
  assert.deepEqual(await judgement.said(late), ['refused']);
  await judgement.record(shelf.report(a, '2001:db8:0:9::8', NOW + 20));
  const second = (await shelf.ledger.since(2, 1)).at(0);
  assert.deepEqual([second?.ip, second?.until], [BLOCK, NOW + 20 + 7200]);
});

test('ipv6-prefix = 64: a /64 with something protected is not widened to, and the address that is protected is refused', async () => {
  using shelf = new LedgerOfTest();
  const judgement = new Judgement(shelf, 64);
  const [a, friend] = [shelf.host('a'), shelf.host('friend')];
  judgement.neverBan.arrived(friend, '2001:db8:0:9::f', NOW);
  judgement.neverBan.spoke(friend, 'c', NOW);
  assert.deepEqual(
    await judgement.said(shelf.report(a, '2001:db8:0:9::1'), shelf.report(a, '2001:db8:0:9::f')),
    ['accepted ban 2001:db8:0:9::1', 'refused'],
  );
});

test('what was banned at one ipv6-prefix is taken back at another', async () => {
  using shelf = new LedgerOfTest();
  const judgement = new Judgement(shelf, 128);
  const a = shelf.host('a');
  await judgement.record(shelf.report(a, '2001:db8:0:9::1'));
  judgement.ipv6Prefix = 64;
  assert.deepEqual(await judgement.said(shelf.unban(a, '2001:db8:0:9::1', NOW + 1)), [
    'accepted unban 2001:db8:0:9::1',
  ]);
  await judgement.record(shelf.report(a, '2001:db8:0:9::1', NOW + 2));
  judgement.ipv6Prefix = 128;
  assert.deepEqual(await judgement.said(shelf.unban(a, '2001:db8:0:9::1', NOW + 3)), [
    `accepted unban ${BLOCK}`,
  ]);
  judgement.ipv6Prefix = 64;
  await shelf.ledger.lift({ ip: '2001:db8:0:9::3' }, NOW + 10);
  const late = { ...shelf.report(a, '2001:db8:0:9::3', NOW + 20), at: NOW + 5 };
  assert.deepEqual(await judgement.said(late), ['refused'], 'lifted as an address, reported as its range');
});

test('the 21st address of a /64 bans the /64, and what follows in it is a duplicate of that ban', async () => {
  using shelf = new LedgerOfTest();
  const judgement = new Judgement(shelf, 128);
  const [a, b] = [shelf.host('a'), shelf.host('b')];
  const first = await judgement.said(...many(shelf, a, 20));
  assert.equal(first.at(-1), 'accepted ban 2001:db8:0:9::14');
  assert.deepEqual(
    await judgement.said(
      shelf.report(b, '2001:db8:0:9::14', NOW + 1),
      shelf.report(b, '2001:db8:0:9::15', NOW + 1),
      shelf.report(a, '2001:db8:0:9::16', NOW + 1),
      shelf.report(a, '2001:db8:0:a::1', NOW + 1),
    ),
    ['duplicate', `accepted ban ${BLOCK}`, 'duplicate', 'accepted ban 2001:db8:0:a::1'],
  );
  assert.deepEqual(await judgement.supporters(BLOCK), ['a', 'b']);
  assert.equal(await shelf.ledger.countActive(NOW), 22);
  assert.deepEqual(
    await judgement.said(
      shelf.unban(b, '2001:db8:0:9::15', NOW + 2),
      shelf.unban(a, '2001:db8:0:9::1', NOW + 3),
    ),
    ['accepted', `accepted unban 2001:db8:0:9::1 unban ${BLOCK}`],
  );
});

test('what is over makes room in a /64, and other progs and jails count too', async () => {
  using shelf = new LedgerOfTest();
  const judgement = new Judgement(shelf, 128);
  const a = shelf.host('a');
  await judgement.record(...many(shelf, a, 20));
  const other = shelf.report(a, '2001:db8:0:9::15', NOW + 1);
  const elsewhere = { ...other, report: { ...other.report, jail: jailOf('web') } };
  const again = { ...shelf.report(a, '2001:db8:0:9::1', NOW + 1) };
  const sameElsewhere = { ...again, report: { ...again.report, jail: jailOf('web') } };
  assert.deepEqual(await judgement.said(sameElsewhere, elsewhere), [
    'accepted ban 2001:db8:0:9::1',
    `accepted ban ${BLOCK}`,
  ]);
  await shelf.ledger.lift({ ip: BLOCK }, NOW + 2);
  assert.deepEqual(await judgement.said(shelf.report(a, '2001:db8:0:9::20', NOW + 4000)), [
    'accepted ban 2001:db8:0:9::20',
  ]);
});

test('where a host cannot apply ranges the 21st address is held, by name, and released as that address', async () => {
  using shelf = new LedgerOfTest();
  const judgement = new Judgement(shelf, 128);
  judgement.withoutRanges = ['web7'];
  const a = shelf.host('a');
  await judgement.record(...many(shelf, a, 20));
  const [held] = await judgement.record(shelf.report(a, '2001:db8:0:9::15', NOW + 1));
  assert.equal(held?.verdict, 'held');
  assert.match(
    held.reason ?? '',
    /more than 20 addresses of 2001:db8:0:9::\/64, .*1 host cannot apply ranges: web7/,
  );
  assert.deepEqual(shelf.ledger.heldBlocks(MOST_IN_BLOCK, NOW + 2), [BLOCK]);
  const released = await shelf.ledger.release(NOW + 2, () => false);
  assert.deepEqual(released.map(told), ['ban 2001:db8:0:9::15']);
  assert.deepEqual(shelf.ledger.heldBlocks(MOST_IN_BLOCK, NOW + 2), []);
});

test('a host that cannot apply ranges counts until it is silent for a day, or muted', async () => {
  using shelf = new LedgerOfTest();
  const [host, other] = [shelf.host('web7'), shelf.host('web8')];
  const counting = (now: number): string[] => hostsWithoutRanges(shelf.book, now, 7 * DAY);
  shelf.book.hear(host, NOW);
  shelf.book.hear(other, NOW + DAY);
  assert.deepEqual(counting(NOW + DAY), ['web7', 'web8']);
  assert.deepEqual(counting(NOW + DAY + 1), ['web8']);
  await shelf.ledger.write(() => shelf.book.mute(other, { until: NOW + 3 * DAY, note: '' }));
  assert.deepEqual(counting(NOW + DAY + 1), []);
});

test('a /64 that holds something protected is never banned as a whole: the 21st address is held', async () => {
  using shelf = new LedgerOfTest();
  const judgement = new Judgement(shelf, 128);
  const [a, friend] = [shelf.host('a'), shelf.host('friend')];
  await judgement.record(...many(shelf, a, 20));
  judgement.neverBan.arrived(friend, '2001:db8:0:9::f00', NOW);
  judgement.neverBan.spoke(friend, 'c', NOW);
  const [held] = await judgement.record(shelf.report(a, '2001:db8:0:9::15', NOW + 1));
  assert.equal(held?.verdict, 'held');
  assert.match(held.reason ?? '', /never banned, an address of the fleet's host friend/);
});

test('a /64 that is banned counts as one for the cap of active bans', async () => {
  using shelf = new LedgerOfTest();
  const judgement = new Judgement(shelf, 128);
  judgement.active = 21;
  const a = shelf.host('a');
  await judgement.record(...many(shelf, a, 20));
  const said = await judgement.said(...many(shelf, a, 30, 21, NOW + 1));
  assert.deepEqual(new Set(said), new Set([`accepted ban ${BLOCK}`, 'duplicate']));
  assert.deepEqual(await judgement.said(shelf.report(a, '203.0.113.9', NOW + 2)), ['held']);
});

test('who cannot apply the ban of a full /64 is not passed over: what is reported there is held, not called a duplicate', async () => {
  using shelf = new LedgerOfTest();
  const judgement = new Judgement(shelf, 128);
  const a = shelf.host('a');
  await judgement.record(...many(shelf, a, 21));
  judgement.withoutRanges = ['late'];
  assert.deepEqual(await judgement.said(...many(shelf, a, 1, 30, NOW + 1)), ['held']);
  judgement.withoutRanges = [];
  assert.deepEqual(await judgement.said(...many(shelf, a, 1, 31, NOW + 1)), ['duplicate']);
});

test('undo lifts what the host bans by itself of a range that its reports became', async () => {
  using shelf = new LedgerOfTest();
  const judgement = new Judgement(shelf, 64);
  const [a, b] = [shelf.host('a'), shelf.host('b')];
  await judgement.record(...many(shelf, a, 2), shelf.report(b, '2001:db8:0:a::1'));
  const { lifted } = await shelf.ledger.undo({ kind: 'hosts', ids: [a.id] }, NOW - 1, NOW + 1);
  assert.deepEqual(lifted.map(told), [`unban ${BLOCK}`, 'unban 2001:db8:0:9::1', 'unban 2001:db8:0:9::2']);
});

test('lifting what a range was made of spares what is banned for itself, and happens once', async () => {
  using shelf = new LedgerOfTest();
  const judgement = new Judgement(shelf, 128);
  const a = shelf.host('a');
  await judgement.record(...many(shelf, a, 23), shelf.report(a, '2001:db8:0:9::1', NOW + 1, 9000));
  await shelf.ledger.lift({ ip: BLOCK }, NOW + 2);
  const lift = async (limit: number): Promise<string[]> =>
    (await shelf.ledger.liftWidened({ ip: BLOCK }, NOW + 2, limit)).map(told);
  assert.deepEqual(await lift(2), ['unban 2001:db8:0:9::15', 'unban 2001:db8:0:9::16']);
  assert.deepEqual(await lift(2), ['unban 2001:db8:0:9::17']);
  assert.deepEqual(await lift(2), []);
});

test('the /64 that is read off the text of an address is the one that is reckoned from its bits, wherever it has zeros', () => {
  const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xff_ff }));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const address = parseAddress(groups.map((each) => each.toString(16)).join(':'));
      if (!address.ok || !address.value.includes(':') || embeddedTarget(address.value) !== undefined) return;
      assert.equal(blockOf(address.value), rangeAround(address.value, 64));
    }),
    { numRuns: 2000 },
  );
});
