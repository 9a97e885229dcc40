import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { runProgram, startFleet } from '../fleet/index.ts';

/** Ends a line, forges the next one, and paints a terminal. */
const HOSTILE = 'x\r\n2026-11-21T00:00:00Z error: forged\u001b[31m\u2028y\u009b2J\u202e';
const UNSAFE = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;

test('Nothing that a host says breaks a line or steers a terminal, in no log and in no answer to an operator', async () => {
  await using fleet = await startFleet({ hosts: ['h1'], serverToml: '[log]\nlevel = "debug"' });
  const bad = await fleet.peer('bad');
  assert.equal((await fleet.report('h1', ['fail2ban', 'sshd', '203.0.113.9'])).code, 0);
  const { epoch } = await fleet.server.json<{ epoch: string }>('status');
  const told = { instance: 'i', version: '1', generation: 'g', addresses: [] };
  const outcomes = [{ seq: 1, outcome: 'failed', reason: HOSTILE }] as const;
  const answer = await bad.ask({ kind: 'ack', epoch, applied: 1, tail: '', ...told, outcomes });
  assert.ok(answer.ok && answer.reply.status === 'OK');
  const dealer = bad.dealer();
  for (const subject of [HOSTILE, `fail2ban;sshd;203.0.113.9;${HOSTILE}`, `${HOSTILE};a;b;c`]) {
    const { body, signature } = bad.sealed({ kind: 'sync', limit: 1 });
    await dealer.send(['', subject, body, signature]);
    await dealer.receive();
  }
  dealer.close();
  const banned = await fleet.server.command('ban', '203.0.113.10', '--reason', HOSTILE);
  assert.equal(banned.code, 0, banned.stderr);
  const explained = await fleet.server.command('explain', '203.0.113.9');
  assert.match(explained.stdout, /bad: failed \(x.*forged/);
  const answers = await Promise.all(
    [
      ['explain', '203.0.113.10'],
      ['hosts'],
      ['bans'],
      ['status'],
      ['audit'],
      [HOSTILE],
      ['ban', HOSTILE],
    ].map((words) => fleet.server.command(...words)),
  );
  for (const { stdout, stderr } of [explained, ...answers]) {
    assert.doesNotMatch(stdout + stderr, UNSAFE);
    assert.doesNotMatch(stdout + stderr, /^2026-11-21T00:00:00Z error: forged/m);
  }
  for (const line of [...fleet.server.said, ...fleet.host('h1').said]) assert.doesNotMatch(line, UNSAFE);
});

test('Nothing in its words or its configuration breaks a line of the reporter, or steers a terminal', async () => {
  await using fleet = await startFleet();
  await fleet.addReporter('h1');
  const runs = [
    [HOSTILE, 'sshd', '203.0.113.9'],
    ['fail2ban', HOSTILE, '203.0.113.9'],
    ['fail2ban', 'sshd', HOSTILE],
    ['--port', HOSTILE, 'fail2ban', 'sshd', '203.0.113.9'],
    [`--${HOSTILE}`],
    ['--config', `/nowhere/${HOSTILE}`, 'fail2ban', 'sshd', '203.0.113.9'],
  ].map((words) => fleet.report('h1', words));
  const streamed = fleet.report('h1', ['--stdin'], { stdin: `fail2ban ${HOSTILE} 203.0.113.9\n` });
  writeFileSync(fleet.pathsOf('h1').clientConfig, `${JSON.stringify(HOSTILE)} = 1\n`);
  const root = fleet.rootOf('h1');
  const checked = ['client', 'report'].map((name) =>
    runProgram(name as 'client' | 'report', ['--check', '--root', root]),
  );
  for (const { code, stdout, stderr } of await Promise.all([...runs, streamed, ...checked])) {
    assert.notEqual(code, 0);
    assert.doesNotMatch(stdout + stderr, UNSAFE);
    assert.doesNotMatch(stdout + stderr, /^2026-11-21T00:00:00Z/m);
  }
});
