import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Admissions, publishDomain, reportDomain } from '../../src/ports/admissions.ts';

test('decide() opens both ports of every generation to hosts, and to a join key only where it enrols', () => {
  const admissions = new Admissions();
  admissions.admitHost('host');
  admissions.admitJoining('old', 'join-old');
  admissions.admitJoining('new', 'join-new');
  const domains = [
    reportDomain('old'),
    publishDomain('old'),
    reportDomain('new'),
    publishDomain('new'),
    'report/',
    'other/old',
    '',
  ];
  const matrix: Readonly<Record<string, readonly boolean[]>> = {
    host: [true, true, true, true, true, false, false],
    'join-old': [true, false, false, false, false, false, false],
    'join-new': [false, false, true, false, false, false, false],
    stranger: [false, false, false, false, false, false, false],
    '': [false, false, false, false, false, false, false],
  };
  for (const [key, row] of Object.entries(matrix)) {
    const admitted = domains.map((domain) => admissions.decide(domain, key) === 'admit');
    assert.deepEqual(admitted, row, key);
  }
});
