import { judge, judgeUnban } from '../../src/judging/judge.ts';
import { isActive } from '../../src/words/verdict.ts';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OPERATOR, type Event, type JailName } from '@banshare/protocol';
import { startFleet } from '../../../../test/fleet/index.ts';
import { nextImport } from '../../src/ledger/deeds.ts';
import { addressOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';
import { publish } from '../reports.ts';
import type { Args, OperateParts } from '../../src/operator/deeds/bans.ts';
import { undo, type UndoAnswer } from '../../src/operator/deeds/undo.ts';
import type { Decide } from '../../src/words/submission.ts';
import type { Undone, UndoCursor, UndoPlan, UndoWhat } from '../../src/words/undo.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;
const publishing: Decide = (submission) => ({
  verdict: 'accepted',
  publish: { kind: 'ban', until: submission.received + HOUR },
});

const ipsOf = (events: readonly Event[]): string[] => events.map(({ ip }) => ip).toSorted();

async function reported(shelf: LedgerOfTest, name: string, ip: string, at: number): Promise<void> {
  await shelf.ledger.record([shelf.report(shelf.book.byName(name) ?? shelf.host(name), ip, at)], publishing);
}

test('undo of everything lifts what began since then, and what only was renewed stays', async () => {
  using shelf = new LedgerOfTest();
  await reported(shelf, 'a', '203.0.113.1', NOW - 1000);
  await reported(shelf, 'a', '203.0.113.2', NOW - 1000);
  await reported(shelf, 'b', '203.0.113.1', NOW - 100);
  await reported(shelf, 'b', '203.0.113.3', NOW - 100);
  const plan = shelf.ledger.planUndo({ kind: 'all' }, NOW - 900, NOW);
  assert.deepEqual(
    [plan.lift.map(({ ip }) => ip), plan.keep.map(({ ip }) => ip)],
    [['203.0.113.3'], ['203.0.113.1']],
  );
  assert.equal(await shelf.ledger.countActive(NOW), 3);
  const { lifted, kept, next } = await shelf.ledger.undo({ kind: 'all' }, NOW - 900, NOW);
  assert.deepEqual([ipsOf(lifted), kept, next], [['203.0.113.3'], 1, undefined]);
  assert.equal(await shelf.ledger.countActive(NOW), 2);
});

test('undo of several hosts lifts what only they support, in parts', async () => {
  using shelf = new LedgerOfTest();
  for (const last of [1, 2, 3]) await reported(shelf, 'bad', `203.0.113.${last}`, NOW);
  await reported(shelf, 'worse', '203.0.113.1', NOW + 1);
  await reported(shelf, 'good', '203.0.113.2', NOW + 1);
  const ids = ['bad', 'worse'].map((name) => shelf.book.byName(name)?.id ?? 0);
  const what: UndoWhat = { kind: 'hosts', ids };
  const [lifted, kept]: [Event[], number[]] = [[], []];
  let cursor: UndoCursor | undefined;
  do {
    const part = await shelf.ledger.undo(what, NOW - 1, NOW + 2, { cursor, limit: 1 });
    assert.ok(part.lifted.length + part.kept <= 1);
    lifted.push(...part.lifted);
    kept.push(part.kept);
    cursor = part.next;
  } while (cursor !== undefined);
  assert.deepEqual(ipsOf(lifted), ['203.0.113.1', '203.0.113.3']);
  assert.equal(
    kept.reduce((sum, each) => sum + each),
    1,
  );
  assert.equal(await shelf.ledger.countActive(NOW + 2), 1);
});

const judging: Decide = (submission, known) => {
  if (submission.kind === 'unban')
    return judgeUnban({
      ...known,
      isActive: known.ban !== undefined && isActive(known.ban, submission.received),
    });
  return judge(submission.report, POLICY, known.ban, submission.received, known.past);
};
const POLICY = { windowSeconds: 300, defaultDurationSeconds: DAY, maxDurationSeconds: 30 * DAY };

test('undo of a host that only lengthened a ban brings back the end that the others asked for, also after it took its word back', async () => {
  using shelf = new LedgerOfTest();
  const [good, bad] = [shelf.host('good'), shelf.host('bad')];
  const { ledger } = shelf;
  const report = (host: typeof good, last: number, at: number, seconds: number) =>
    ledger.record([shelf.report(host, `203.0.113.${last}`, at, seconds)], judging);
  // 1: lengthened. 2: lengthened, and then taken back. 3: what good asked for is over meanwhile. 4: of both, bad asked for less.
  for (const last of [1, 2, 4]) await report(good, last, NOW, 2 * HOUR);
  await report(good, 3, NOW, 60);
  for (const last of [1, 2, 3]) await report(bad, last, NOW + 10, 7 * DAY);
  await report(bad, 4, NOW + 10, 60);
  await ledger.record([shelf.unban(bad, '203.0.113.2', NOW + 20)], judging);
  const what: UndoWhat = { kind: 'hosts', ids: [bad.id] };
  const plan = ledger.planUndo(what, NOW, NOW + HOUR);
  assert.deepEqual(
    plan.lift.map(({ ip }) => ip),
    ['203.0.113.3'],
  );
  const ends: [string, number | null][] = [];
  let cursor: UndoCursor | undefined;
  do {
    const part = await ledger.undo(what, NOW, NOW + HOUR, { cursor, limit: 1 });
    for (const { ip, until, at } of part.shortened) ends.push([ip, (until ?? 0) - at]);
    cursor = part.next;
  } while (cursor !== undefined);
  assert.deepEqual(Object.fromEntries(ends), {
    '203.0.113.1': HOUR,
    '203.0.113.2': HOUR,
  });
  assert.equal(await ledger.countActive(NOW + HOUR), 3);
  assert.equal(await ledger.countActive(NOW + 2 * HOUR), 0);
});

test("a host's unban lifts what nobody else asks for any longer, although others once did", async () => {
  using shelf = new LedgerOfTest();
  const [brief, long] = [shelf.host('brief'), shelf.host('long')];
  const { ledger } = shelf;
  await ledger.record([shelf.report(brief, '203.0.113.1', NOW, 60)], judging);
  await ledger.record([shelf.report(long, '203.0.113.1', NOW + 1, 7 * DAY)], judging);
  const [answer] = await ledger.record([shelf.unban(long, '203.0.113.1', NOW + HOUR)], judging);
  assert.deepEqual(
    answer?.events.map(({ kind }) => kind),
    ['unban'],
  );
});

test('undo of an import lifts what it began, not what stood before or was typed since', async () => {
  using shelf = new LedgerOfTest();
  const ban = (last: number, until: number) => ({
    ip: addressOf(`203.0.113.${last}`),
    prog: OPERATOR,
    jail: 'banshare' as JailName,
    until,
  });
  const one = await shelf.ledger.write(nextImport);
  const two = await shelf.reopen().ledger.write(nextImport);
  assert.deepEqual([one, two], [1, 2]);
  await shelf.ledger.ban([ban(1, NOW + 60), ban(2, NOW + 60)], NOW, 'import', { number: one });
  await shelf.ledger.ban([ban(2, NOW + 90), ban(3, NOW + 90), ban(4, NOW + 90)], NOW + 1, 'import', {
    number: two,
  });
  await shelf.ledger.ban([ban(4, NOW + 90)], NOW + 1, 'operator');
  const { lifted } = await shelf.ledger.undo({ kind: 'import', number: two }, 0, NOW + 2);
  assert.deepEqual(ipsOf(lifted), ['203.0.113.3']);
  assert.equal(await shelf.ledger.countActive(NOW + 2), 3);
});

test('what an undo would do is found in parts of so many bans, each once, however many hosts stand behind it, and whatever is sorted out', async () => {
  using shelf = new LedgerOfTest();
  const { ledger } = shelf;
  const [bad, worse, good] = ['bad', 'worse', 'good'].map((name) => shelf.host(name));
  assert.ok(bad && worse && good);
  const report = (host: typeof bad, last: number, at: number) =>
    ledger.record([shelf.report(host, `203.0.113.${last}`, at)], publishing);
  for (let last = 1; last <= 20; last += 1) await report(bad, last, NOW);
  for (let last = 11; last <= 30; last += 1) await report(worse, last, NOW + 1);
  for (let last = 1; last <= 5; last += 1) await report(good, last, NOW + 2);
  const plans = (what: UndoWhat, since: number): UndoPlan[] => {
    const parts: UndoPlan[] = [];
    let cursor: UndoCursor | undefined;
    do {
      const plan = ledger.planUndo(what, since, NOW + 3, { cursor, limit: 7 });
      assert.ok(plan.lift.length + plan.keep.length <= 7);
      parts.push(plan);
      cursor = plan.next;
    } while (cursor !== undefined);
    return parts;
  };
  const counts = (what: UndoWhat, since: number): number[] => {
    const parts = plans(what, since);
    const lifted = parts.flatMap(({ lift }) => lift.map(({ ip }) => ip));
    assert.equal(new Set(lifted).size, lifted.length);
    return [lifted.length, parts.flatMap(({ keep }) => keep).length];
  };
  const ids = [bad.id, worse.id, bad.id];
  assert.deepEqual(counts({ kind: 'hosts', ids }, NOW), [25, 5]);
  assert.deepEqual(counts({ kind: 'hosts', ids: [bad.id] }, NOW), [5, 15]);
  assert.deepEqual(counts({ kind: 'hosts', ids }, NOW + 1), [20, 0]);
  assert.deepEqual(counts({ kind: 'all' }, NOW), [30, 0]);
  assert.deepEqual(counts({ kind: 'all' }, NOW + 1), [10, 15]);
  // Of another jail none is concerned, and all of them are looked at: in as many parts.
  const none = plans({ kind: 'jail', jail: 'ssh' as JailName }, NOW);
  assert.deepEqual([none.length, none.flatMap(({ lift }) => lift)], [5, []]);
});

test('while an undo is planned, and while it is done, the server answers others between its parts, and the audit log has no line of a part that did nothing', async () => {
  using shelf = new LedgerOfTest();
  const { ledger, book } = shelf;
  const [bad, good] = [shelf.host('bad'), shelf.host('good')];
  const addresses = Array.from({ length: 2000 }, (_, n) => `198.18.${n >> 8}.${n & 255}`);
  const reports = addresses.map((ip, n) => shelf.report(n >= 600 && n < 1900 ? good : bad, ip));
  await ledger.record(reports, publishing);
  const notes: unknown[] = [];
  const parts = {
    ledger,
    book,
    goneAfterSeconds: DAY,
    now: () => NOW + 1,
    audit: { note: (...said: unknown[]) => notes.push(said[1]) },
  } as unknown as OperateParts;
  const during = async (args: Args): Promise<{ turns: number; count: number }> => {
    let [turns, isOver] = [0, false];
    const turn = (): void => {
      turns += 1;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    const reply = await undo(args, parts);
    isOver = true;
    assert.ok(reply.ok);
    return { turns, count: (reply.result as UndoAnswer).count };
  };
  const all = { all: true, since: '1h' };
  for (const args of [all, { host: 'bad', since: '1h' }])
    assert.ok((await during({ ...args, dryRun: true })).turns >= (args === all ? 4 : 2));
  assert.deepEqual(notes, []);
  const { turns, count } = await during({ host: 'bad', since: '1h' });
  assert.equal(count, 700);
  assert.ok(turns >= 2, `${turns}`);
  assert.equal(notes.length, 2);
  assert.equal((await during({ jail: 'other', since: '1h' })).count, 0);
  assert.equal(notes.length, 3);
});

test('what only waits is taken back before the bans, so much of it in a part too, and each vote that was counted is marked', async () => {
  using shelf = new LedgerOfTest();
  const { ledger } = shelf;
  const [bad, good] = [shelf.host('bad'), shelf.host('good')];
  for (const { host, first } of [
    { host: bad, first: 1 },
    { host: good, first: 4 },
  ])
    for (let last = first; last < first + 5; last += 1)
      await ledger.record([shelf.report(host, `203.0.113.${last}`)], () => ({
        verdict: 'counted',
        until: NOW + DAY,
      }));
  await reported(shelf, 'bad', '203.0.113.20', NOW);
  for (const { what, votes } of [
    { what: { kind: 'hosts', ids: [bad.id] } as const, votes: [2, 2, 1] },
    { what: { kind: 'all' } as const, votes: [2, 2, 1] },
  ]) {
    assert.equal(ledger.waitingOf(what, NOW).votes, 5);
    const parts: Undone[] = [];
    let cursor: UndoCursor | undefined;
    do {
      parts.push(await ledger.undo(what, NOW, NOW + 1, { cursor, limit: 2 }));
      cursor = parts.at(-1)?.next;
    } while (cursor !== undefined);
    assert.deepEqual(parts.map((part) => part.votes).slice(0, 3), votes);
    assert.equal(ledger.waitingOf(what, NOW).votes, 0);
  }
  assert.equal(await ledger.countActive(NOW + 1), 0);
  const { reports } = await ledger.history(addressOf('203.0.113.4'));
  assert.deepEqual(reports.map(({ host, code }) => `${host}: ${code}`).toSorted(), [
    'bad: undone',
    'good: null',
  ]);
});

test('undo --dry-run says how many bans on how many hosts, undo --jail, --import and --all take them back everywhere', async () => {
  await using fleet = await startFleet({ hosts: ['watcher'] });
  const { server } = fleet;
  const peer = await fleet.peer('h1');
  const list = join(server.root, 'list');
  writeFileSync(list, '198.51.100.1\n198.51.100.2\n');
  await publish(peer, '203.0.113.1', 'sshd');
  await publish(peer, '203.0.113.2', 'nginx');
  assert.match((await server.asks('import', list)).stdout, /undo --import 1 takes it back/);
  const { commands } = fleet.host('watcher');
  for (let n = 0; n < 4; n += 1) await commands.next();
  const run = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await server.asks('undo', ...words);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  assert.equal(await run('--all', '--since', '1h', '--dry-run'), '4 bans would be lifted on 2 hosts.');
  assert.equal(await run('--import', '1', '--dry-run'), '2 bans would be lifted on 2 hosts.');
  assert.equal(await run('--jail', 'nginx', '--since', '1h'), 'Lifted: 203.0.113.2 (fail2ban/nginx).');
  assert.deepEqual(await commands.next(), ['set', 'nginx', 'unbanip', '203.0.113.2']);
  assert.match(await run('--import', '1'), /^Lifted: 198\.51\.100\.1 .* 198\.51\.100\.2/);
  assert.match(await run('--all', '--since', '1h'), /^Lifted: 203\.0\.113\.1 \(fail2ban\/sshd\)\.$/);
  const wrong: [code: number, ...words: string[]][] = [
    [64, '--since', '1h'],
    [64, '--all', '--jail', 'sshd', '--since', '1h'],
    [64, '--all'],
    [1, '--host', 'no', '--since', '1h'],
    [64, '--import', '7'],
    [64, '--import'],
    [64, '--import', 'list'],
  ];
  for (const [code, ...words] of wrong)
    assert.equal((await server.asks('undo', ...words)).code, code, words.join(' '));
});
