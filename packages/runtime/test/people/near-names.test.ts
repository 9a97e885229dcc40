import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestName } from '../../src/people/near-names.ts';

const names = ['listen.report-port', 'listen.publish-port', 'dedupe.window', 'log.level', 'log.format'];
const cases: [typed: string, meant: string | undefined][] = [
  ['listen.report-prot', 'listen.report-port'],
  ['dedup.window', 'dedupe.window'],
  ['log.lvl', 'log.level'],
  ['log.level', 'log.level'],
  ['quorum', undefined],
  ['olg.level', 'log.level'],
  ['', undefined],
  ['x'.repeat(5000), undefined],
];
test('nearestName() knows a short word whose letters were swapped', () => {
  assert.equal(nearestName('fro', ['ip', 'jail', 'for', 'force']), 'for');
  assert.equal(nearestName('-v', ['ip', 'mode']), undefined);
});

for (const [typed, meant] of cases) {
  test(`nearestName() takes "${typed.slice(0, 20)}" for ${meant ?? 'nothing'}`, () => {
    assert.equal(nearestName(typed, names), meant);
  });
}
