import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'node:test';

const fixture = new URL('../fixtures/log-lines.ts', import.meta.url).pathname;

function logged(settings: object, environment: Record<string, string> = {}): string[] {
  const { JOURNAL_STREAM: _, ...rest } = process.env;
  const run = spawnSync(process.execPath, [fixture, JSON.stringify(settings)], {
    env: { ...rest, ...environment },
    encoding: 'utf8',
  });
  assert.equal(run.status, 0, run.stderr);
  assert.equal(run.stdout, '');
  return run.stderr.split('\n').slice(0, -1);
}

test('openLog() writes one line an entry to stderr, from the chosen level up', () => {
  const lines = logged({ level: 'notice', format: 'text' });
  assert.deepEqual(
    lines.map((line) => line.replace(/^\S+ /, '')),
    [
      'error: ban failed ip=203.0.113.9 stderr="no\\nsuch\\tjail"',
      'warning: warned',
      'notice: noticed\\u000anow message=kept level=mine',
      'notice: ban ip=203.0.113.1',
      'notice: ban\\u000awith a break ip=203.0.113.2',
    ],
  );
  assert.match(lines[0] ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /);
});

test('openLog() writes every level at debug', () => {
  assert.equal(logged({ level: 'debug', format: 'text' }).length, 7);
});

test('openLog() writes priorities and no time for the journal', () => {
  const lines = logged({ level: 'debug', format: 'text' }, { JOURNAL_STREAM: '8:1' });
  assert.deepEqual(
    lines.map((line) => line.slice(0, 3)),
    ['<3>', '<4>', '<5>', '<6>', '<7>', '<5>', '<5>'],
  );
  assert.equal(lines[1], '<4>warned');
});

test('openLog() writes one JSON object a line', () => {
  const [first] = logged({ level: 'error', format: 'json' });
  const { time, ...rest } = JSON.parse(first ?? '') as Record<string, unknown>;
  assert.equal(typeof time, 'string');
  assert.deepEqual(rest, { level: 'error', text: 'ban failed', ip: '203.0.113.9', stderr: 'no\nsuch\tjail' });
});

test('openLog() survives a reader of stderr that has gone away', () => {
  const command = `{ "$0" "$1" '{"level":"debug","format":"text"}'; echo $? >&3; } 2>&1 >/dev/null 3>&3 | true`;
  const code = execFileSync('sh', ['-c', `exec 3>&1; ${command}`, process.execPath, fixture], {
    encoding: 'utf8',
  });
  assert.equal(code.trim(), '0');
});
