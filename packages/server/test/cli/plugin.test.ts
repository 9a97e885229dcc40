import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serverPlugin } from '../../src/cli/show/plugin.ts';
import type { Status } from '../../src/operator/status.ts';

const entry = (code: string, text: string): Status['urgent'][number] =>
  ({ code, text }) as Status['urgent'][number];

function plugin(urgent: string[], todo: string[], urgentOnly = false): { state: string; line: string } {
  const status = {
    urgent: urgent.map((text) => entry('cannot-commit', text)),
    todo: todo.map((text) => entry('held', text)),
    hosts: 3,
    converged: 3,
    behind: [],
    outOfPlace: [],
    activeBans: 12_345,
    held: 0,
    pending: [],
  } as unknown as Status;
  return serverPlugin({ ok: true, result: status }, { urgentOnly });
}

test('what is urgent is critical, what is to do a warning unless only the first is asked for', () => {
  assert.equal(plugin(['no disk'], ['held']).state, 'critical');
  assert.equal(plugin([], ['held']).state, 'warning');
  assert.equal(plugin([], ['held'], true).state, 'ok');
  assert.match(plugin([], []).line, /12,345 active bans \| /);
});

test('of more than three sentences the rest are counted', () => {
  const { line } = plugin(['u1', 'u2'], ['t1', 't2', 't3']);
  assert.match(line, / - 2 urgent, 3 to do: u1; u2; t1; and 2 more: banshare-server status \| /);
});

test('a server that does not run is critical, and one that may not be asked is unknown', () => {
  const of = (code: string): string =>
    serverPlugin({ ok: false, code, reason: 'no' }, { urgentOnly: false }).state;
  assert.deepEqual(['no-daemon', 'no-permission', 'odd-answer'].map(of), ['critical', 'unknown', 'unknown']);
});
