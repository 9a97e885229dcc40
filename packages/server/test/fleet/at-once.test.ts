import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostName } from '@banshare/protocol';
import { makeIdentity, seal, Signer, type ReportPort } from '@banshare/transport';
import { Membership } from '../../src/fleet/membership.ts';
import { Opening } from '../../src/fleet/opening.ts';
import { Rotation } from '../../src/fleet/rotation.ts';
import { Intake } from '../../src/intake/intake.ts';
import { Freeze } from '../../src/judging/freeze.ts';
import { LimitKeeper } from '../../src/judging/limits.ts';
import { decideWith } from '../../src/judging/decide.ts';
import { ActiveCount } from '../../src/ledger/books/active-bans.ts';
import { Audit } from '../../src/ledger/books/audit.ts';
import { Admissions } from '../../src/ports/admissions.ts';
import { TokenBook } from '../../src/fleet/tokens.ts';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';

/** What is asked for in the same turn meets in the ledger's queue: each piece has to see what those before it did. */
async function fleetOf(shelf: LedgerOfTest) {
  const { ledger, book } = shelf;
  const audit = new Audit(ledger);
  const told: string[] = [];
  const doors = {
    admit: async (curve: string) => void told.push(`admit ${curve}`),
    expel: (curve: string) => void told.push(`expel ${curve}`),
  };
  const admissions = new Admissions();
  for (const { curve } of book.active()) admissions.admitHost(curve);
  const now = (): number => NOW;
  const membership = new Membership({
    ledger,
    book,
    admissions,
    tokens: new TokenBook(ledger, admissions, [], now),
    doors,
    neverBan: {
      forget: () => undefined,
      approve: () => ({ approved: [], tooMany: [] }),
      disapprove: () => [],
      waiting: () => [],
      comesFrom: () => [],
    },
    audit,
    joinCheck: { holds: () => true },
    opening: await Opening.begin(ledger, 'open', [{ name: 'g', curve: { publicKey: 'server' } }], NOW),
    newcomersPerMinute: 10,
    limited: () => undefined,
    ended: () => undefined,
    now,
  });
  const rotation = new Rotation({ ledger, book, admissions, doors, audit, now });
  const entries = (): string[] => audit.newest(100).map(({ what }) => what);
  return { membership, rotation, told, entries };
}

async function requestOf(name: string) {
  const { publicHex: key } = await makeIdentity();
  return {
    kind: 'enrol',
    id: key.slice(0, 32),
    at: NOW,
    to: 'server',
    key,
    name: name as HostName,
    addresses: [],
  } as const;
}

test('a key that asks twice at once to be enrolled is one host, and both are told so', async () => {
  using shelf = new LedgerOfTest();
  const { membership, entries } = await fleetOf(shelf);
  const request = await requestOf('h1');
  const answers = await Promise.all([membership.enrol(request), membership.enrol(request)]);
  assert.deepEqual(
    answers.map(({ answer }) => answer.verdict),
    ['accepted', 'accepted'],
  );
  assert.deepEqual([shelf.book.all().length, entries()], [1, ['enrolled']]);
});

test('two keys that ask for one name at once get one each', async () => {
  using shelf = new LedgerOfTest();
  const { membership } = await fleetOf(shelf);
  await Promise.all([membership.enrol(await requestOf('h1')), membership.enrol(await requestOf('h1'))]);
  assert.equal(new Set(shelf.book.all().map(({ name }) => name)).size, 2);
});

test('who asks while a host is revoked waits for an operator: the door is shut by then', async () => {
  using shelf = new LedgerOfTest();
  const { membership, told, entries } = await fleetOf(shelf);
  const host = shelf.host('bad');
  const request = await requestOf('friend-of-bad');
  const [, { answer }] = await Promise.all([membership.revoke('bad'), membership.enrol(request)]);
  assert.equal(answer.verdict, 'pending');
  assert.deepEqual(entries(), ['revoked', 'enrolment', 'enrolled']);
  assert.ok(!told.includes(`admit ${shelf.book.byKey(request.key)?.curve}`));
  assert.equal(host.state, 'revoked');
});

test('a host that is approved and revoked at once is what was said last, at both doors', async () => {
  using shelf = new LedgerOfTest();
  const { membership, told } = await fleetOf(shelf);
  const host = shelf.host('h1', 'pending');
  const approve = () => membership.approve('h1', { replace: false });
  await Promise.all([approve(), approve(), membership.revoke('h1')]);
  assert.equal(host.state, 'revoked');
  assert.equal(told.findLast((word) => word.endsWith(host.curve))?.startsWith('expel'), true);
});

test('a next key that signs twice at once goes over once', async () => {
  using shelf = new LedgerOfTest();
  const host = shelf.host('h1');
  const { rotation, told, entries } = await fleetOf(shelf);
  const { key, curve } = host;
  const next = { key: 'f'.repeat(64), curve: 'next' };
  await shelf.ledger.write(() => shelf.book.setKeys(host, { key, curve, next, rotationAt: NOW }));
  assert.deepEqual(await Promise.all([rotation.use(host, next.key), rotation.use(host, next.key)]), [
    true,
    false,
  ]);
  assert.deepEqual([entries(), host.key, host.next], [['rotated'], next.key, null]);
  assert.deepEqual(told, ['admit next', `expel ${curve}`]);
});

test('what is reported while the fleet is frozen is held, also in the same turn', async () => {
  using shelf = new LedgerOfTest();
  const { ledger } = shelf;
  const freeze = new Freeze(ledger);
  const host = shelf.host('h1');
  const decide = deciding(shelf, freeze, 100);
  const [, [recorded]] = await Promise.all([
    ledger.write(() => freeze.begin(null, NOW)),
    ledger.record([shelf.report(host, '203.0.113.1')], decide),
  ]);
  assert.equal(recorded?.verdict, 'held');
});

test('a batch that is larger than the limit of the fleet brings no more than that, and a run that came to nothing takes none of it', async () => {
  using shelf = new LedgerOfTest();
  const host = shelf.host('h1');
  const decide = deciding(shelf, { at: () => null }, 10);
  const batch = (from: number) =>
    Array.from({ length: 20 }, (_, index) => shelf.report(host, `203.0.113.${from + index}`));
  const fails = shelf.ledger.write(() => {
    throw new Error('no');
  });
  const [, one, two] = await Promise.allSettled([
    fails,
    shelf.ledger.record(batch(1), decide),
    shelf.ledger.record(batch(101), decide),
  ]);
  assert.ok(one.status === 'fulfilled' && two.status === 'fulfilled');
  const published = [...one.value, ...two.value].filter(({ verdict }) => verdict === 'accepted');
  assert.equal(published.length, 10);
  const [later] = await shelf.ledger.record([shelf.report(host, '203.0.113.250', NOW + 6)], decide);
  assert.equal(later?.verdict, 'accepted');
});

test('the report of a host that is revoked between the check of its signature and the commit is refused', async () => {
  using shelf = new LedgerOfTest();
  const { membership, rotation } = await fleetOf(shelf);
  const identity = await makeIdentity();
  const [good, bad] = [shelf.host('good'), shelf.host('bad')];
  const keys = { key: identity.publicHex, curve: identity.curve.publicKey, next: null, rotationAt: null };
  await shelf.ledger.write(() => shelf.book.setKeys(bad, keys));
  const answers: string[] = [];
  const port = {
    answer: async (_: unknown, [status, body]: [string, string]) => answers.push(`${status} ${body}`),
  };
  const intake = new Intake({
    port: port as unknown as ReportPort,
    ledger: shelf.ledger,
    book: shelf.book,
    decide: deciding(shelf, { at: () => null }, 10),
    aim: (submission) => ({
      targets: [submission.kind === 'report' ? submission.report.ip : submission.ban.ip],
      isCrowded: false,
    }),
    limits: { admitsReport: () => true, admitsWord: () => true },
    serverKeys: new Set(['0'.repeat(40)]),
    secretOf: () => undefined,
    membership,
    rotation,
    notices: {
      refused: () => undefined,
      enrolled: () => undefined,
      ledgerFailed: () => undefined,
      answered: () => undefined,
      rotated: () => undefined,
      heard: () => undefined,
      held: () => undefined,
    },
    now: () => NOW,
  });
  const { id, report } = shelf.report(bad, '203.0.113.1');
  const { subject, body, signature } = seal(
    { id, at: NOW, key: identity.publicHex, to: '0'.repeat(40) },
    { kind: 'report', sender: bad.name, report },
    new Signer(identity.seedHex),
  );
  const frames = ['peer', '', subject, body, signature].map((frame) => Buffer.from(frame));
  await Promise.all([membership.revoke('bad'), intake.handle([frames])]);
  assert.match(answers.join(), /^REFUSED .*revoked/);
  assert.deepEqual([shelf.ledger.head().seq, good.state], [0, 'active']);
  assert.deepEqual(shelf.ledger.sql('SELECT * FROM reports').all(), []);
});

test('who waits unheard is forgotten once, and that is noted once, where two servers notice it', async () => {
  using shelf = new LedgerOfTest();
  const { membership, entries } = await fleetOf(shelf);
  shelf.host('waits', 'pending', NOW - 2 * 86_400);
  await Promise.all([membership.forgetUnheard(), membership.forgetUnheard()]);
  assert.deepEqual([shelf.book.all(), entries()], [[], ['forgotten']]);
});

function deciding({ ledger }: LedgerOfTest, freeze: Pick<Freeze, 'at'>, fleetPerMinute: number) {
  const limits = new LimitKeeper({ hostPerMinute: 1000, hostBurst: 1000, fleetPerMinute, active: 1000 });
  const activeBans = new ActiveCount(ledger);
  ledger.follow({
    begins: () => [limits, activeBans].forEach((each) => each.begins()),
    applied: () => [limits, activeBans].forEach((each) => each.published()),
  });
  const parts = {
    policy: { windowSeconds: 300, defaultDurationSeconds: 3600, maxDurationSeconds: -1 },
    neverBan: { ruleFor: () => undefined, newcomerAt: () => undefined },
    limits,
    quorum: [],
    withoutRanges: () => [],
    freeze,
    activeBans,
  };
  return (submission: Parameters<typeof decideWith>[1], known: Parameters<typeof decideWith>[2]) =>
    decideWith(parts, submission, known, submission.received);
}
