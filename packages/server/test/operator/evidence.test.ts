import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFleet, type Fleet } from '../../../../test/fleet/index.ts';
import type { Explanation } from '../../src/operator/looking/explain.ts';
import { sweepEvidence } from '../../src/ledger/tables/evidence.ts';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';
import { reportOf } from '../reports.ts';

const HOSTILE =
  'Failed password for $(touch /tmp/x); from 203.0.113.1\n\u001b[2Jforged\r\nURGENT: <script>é\u202e';

async function explained(fleet: Fleet, ip: string): Promise<(string | null)[]> {
  const { reports } = await fleet.server.json<Explanation>('explain', ip);
  return reports.map(({ evidence }) => evidence);
}

test('what a detector saw comes by the environment where client.toml says so, is kept with its report, and explain shows it escaped', async () => {
  await using fleet = await startFleet();
  await fleet.addReporter('r1', '[report]\nevidence = true\n');
  await fleet.addReporter('r2');
  const env = { BANSHARE_EVIDENCE: HOSTILE };
  assert.equal((await fleet.report('r1', ['fail2ban', 'sshd', '203.0.113.1'], { env })).code, 0);
  assert.equal((await fleet.report('r2', ['fail2ban', 'sshd', '203.0.113.1'], { env })).code, 0);
  assert.equal((await fleet.report('r1', ['fail2ban', 'sshd', '203.0.113.2'])).code, 0);
  const long = { BANSHARE_EVIDENCE: ';'.repeat(100_000) };
  assert.equal((await fleet.report('r1', ['fail2ban', 'sshd', '203.0.113.3'], { env: long })).code, 0);
  assert.deepEqual(await explained(fleet, '203.0.113.1'), [HOSTILE, null]);
  assert.deepEqual(await explained(fleet, '203.0.113.2'), [null]);
  assert.deepEqual(await explained(fleet, '203.0.113.3'), [';'.repeat(341)]);
  const text = await fleet.server.says('explain', '203.0.113.1');
  assert.match(
    text,
    /\n {6}evidence: Failed password for \$\(touch \/tmp\/x\); from 203\.0\.113\.1\n {6}evidence: \\u001b\[2Jforged\\u000d\n {6}evidence: URGENT: <script>/,
  );
  for (const raw of ['\u001b', '\r', '\u202e']) assert.equal(text.includes(raw), false);
  assert.doesNotMatch(await fleet.server.says('events', '--json'), /Failed password/);
});

test('evidence waits in the spool with its report, and reaches no other host', async () => {
  await using fleet = await startFleet();
  await fleet.addReporter('r1', '[report]\nevidence = true\ntimeout = "1s"\n');
  const peer = await fleet.peer('h1');
  await fleet.server.stop();
  const env = { BANSHARE_EVIDENCE: 'seen while the server was away' };
  assert.equal((await fleet.report('r1', ['fail2ban', 'sshd', '203.0.113.1'], { env })).code, 0);
  const spool = fleet.pathsOf('r1').spool;
  const [file = ''] = readdirSync(spool).filter((name) => !name.startsWith('.'));
  assert.match(readFileSync(join(spool, file), 'utf8'), /seen while the server was away/);
  await fleet.server.start();
  assert.equal((await fleet.report('r1', ['--flush'])).code, 0);
  assert.deepEqual(await explained(fleet, '203.0.113.1'), ['seen while the server was away']);
  const answer = await peer.ask({ kind: 'sync', limit: 10 });
  assert.ok(answer.ok);
  assert.match(JSON.stringify(answer), /203\.0\.113\.1/);
  assert.doesNotMatch(JSON.stringify(answer), /seen while/);
});

test('evidence that cannot be kept on the wire costs no ban', async () => {
  await using fleet = await startFleet();
  const peer = await fleet.peer('h1');
  const wanted = reportOf(peer, '203.0.113.1');
  assert.ok(wanted.kind === 'report');
  const answer = await peer.ask({ ...wanted, report: { ...wanted.report, evidence: 'x'.repeat(1025) } });
  assert.ok(answer.ok && answer.reply.verdict === 'accepted');
  assert.deepEqual(await explained(fleet, '203.0.113.1'), [null]);
});

test('evidence is removed in parts, the oldest first, after its time and where there is too much, and the reports stay', async () => {
  using shelf = new LedgerOfTest();
  const h1 = shelf.host('h1');
  const seconds = Array.from({ length: 30 }, (_, second) => second);
  await shelf.ledger.record(
    seconds.map((second) => {
      const submission = shelf.report(h1, '203.0.113.1', NOW + second);
      return { ...submission, report: { ...submission.report, evidence: `line ${second}` } };
    }),
    () => ({ verdict: 'counted' }),
  );
  const kept = async (): Promise<string[]> => {
    const { reports } = await shelf.ledger.history(shelf.report(h1, '203.0.113.1').report.ip);
    assert.equal(reports.length, 30);
    return reports.flatMap(({ evidence }) => evidence ?? []);
  };
  assert.equal((await kept()).length, 30);
  assert.equal(await shelf.ledger.sweep(NOW + 45, 3600, 10, 30), true);
  assert.equal((await kept())[0], 'line 10');
  assert.equal(await shelf.ledger.sweep(NOW + 45, 3600, 10, 30), false);
  assert.equal((await kept())[0], 'line 15');
  assert.equal(await shelf.ledger.write(({ sql }) => sweepEvidence(sql, NOW, 10, 3)), true);
  assert.equal(await shelf.ledger.write(({ sql }) => sweepEvidence(sql, NOW, 10, 3)), false);
  assert.deepEqual(await kept(), ['line 27', 'line 28', 'line 29']);
});

test('a host that takes the id of a report again whose evidence is kept for longer keeps no other report from being written', async () => {
  using shelf = new LedgerOfTest();
  const [h1, h2] = [shelf.host('h1'), shelf.host('h2')];
  const seen = (evidence: string, received: number) => {
    const submission = { ...shelf.report(h1, '203.0.113.1', received), id: 'a'.repeat(32) };
    return { ...submission, report: { ...submission.report, evidence } };
  };
  const counted = () => ({ verdict: 'counted' }) as const;
  await shelf.ledger.record([seen('first', NOW)], counted);
  const later = NOW + 100 * 86_400;
  await shelf.ledger.sweep(later, 86_400, 100, 365 * 86_400);
  const both = [seen('second', later), shelf.report(h2, '203.0.113.2', later)];
  const recorded = await shelf.ledger.record(both, counted);
  assert.equal(recorded.length, 2);
  const { reports } = await shelf.ledger.history(shelf.report(h1, '203.0.113.1').report.ip);
  assert.deepEqual(
    reports.map(({ evidence }) => evidence),
    ['second'],
  );
});
