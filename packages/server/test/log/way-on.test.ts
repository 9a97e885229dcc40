import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogFault, type LogFaultCode } from '../../src/log/log.ts';
import { wayOn, whyNotAgain, whyNotInstead, type WayOn } from '../../src/log/way-on.ts';

const WAYS: Record<LogFaultCode, WayOn> = {
  away: 'wait',
  unknown: 'wait',
  'no-standby': 'wait',
  refused: 'wait',
  conflict: 'snapshot',
  pruned: 'snapshot',
  newer: 'install',
  forged: 'person',
  forked: 'person',
};

for (const [code, way] of Object.entries(WAYS) as [LogFaultCode, WayOn][]) {
  test(`after a fault that is called ${code} the way on is: ${way}`, () => {
    const fault = new LogFault(code, 'it is so');
    assert.equal(wayOn(fault), way);
    const mayBegin = whyNotAgain({ fault, last: undefined }, 1e9) === undefined;
    assert.equal(mayBegin, way === 'snapshot');
  });
}

test('a replica that began with a snapshot less than an hour ago waits for a person, also where the clock was set back', () => {
  const fault = new LogFault('conflict', 'Cannot apply entry 7');
  for (const [last, mayBegin] of [
    [1e9 - 3599, false],
    [1e9 + 60, false],
    [1e9 - 3600, true],
  ] as const) {
    const why = whyNotAgain({ fault, last }, 1e9);
    assert.equal(why === undefined, mayBegin);
    if (!mayBegin) assert.match(why ?? '', /entry 7\. It began with a snapshot .* within an hour/);
  }
});

const at = (n: number) => ({ n, token: String(n) });
const nothing = { events: 0, deeds: 0 };

test('nothing replaces a replica that has applied more than the log has', () => {
  for (const code of ['conflict', 'pruned'] as const) {
    const why = whyNotInstead({ code }, { before: at(9), there: at(8), lacks: nothing });
    assert.match(why ?? '', /ends with entry 8, .* applied 9/);
    assert.equal(whyNotInstead({ code }, { before: at(9), there: at(9), lacks: nothing }), undefined);
  }
});

test('where its entry is pruned a replica that has what the log lacks stays; where the log has that entry the file was changed', () => {
  const instead = { before: at(9), there: at(20), lacks: { events: 1, deeds: 2 } };
  assert.match(
    whyNotInstead({ code: 'pruned' }, instead) ?? '',
    /1 ban or unban and 2 entries of the audit log .*--from-replica --force.*ledger join/,
  );
  assert.equal(whyNotInstead({ code: 'conflict' }, instead), undefined);
});
