import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  CLOCK_SLACK_SECONDS,
  LOGGED_WITHIN_SECONDS,
  SHARED_BANS_DAYS,
} from '../../src/handover/shared-bans.ts';
import {
  formatSharedBan,
  oldestSharedBansFile,
  parseSharedBan,
  sharedBansFile,
  timesOfLogged,
} from '../../src/index.ts';

const DAY = 86_400;
const MIDNIGHT = Date.UTC(2026, 10, 21) / 1000;

test('a line of what was put in place is read as it was written, in whole seconds', () => {
  const line = formatSharedBan({ at: MIDNIGHT + 0.9, jail: 'sshd', ip: '2001:db8::9' });
  assert.equal(line, `${MIDNIGHT} sshd 2001:db8::9\n`);
  assert.deepEqual(parseSharedBan(line.trimEnd()), { at: MIDNIGHT, jail: 'sshd', ip: '2001:db8::9' });
  assert.equal(parseSharedBan('half a'), undefined);
});

test('each day of UTC has its file, and eight of them are kept', () => {
  assert.equal(sharedBansFile('/x', MIDNIGHT - 1), '/x/2026-11-20');
  assert.equal(sharedBansFile('/x', MIDNIGHT), '/x/2026-11-21');
  assert.equal(oldestSharedBansFile(MIDNIGHT + SHARED_BANS_DAYS * DAY), '2026-11-21');
});

test('a ban that was logged is looked for in the file of each day in which it may have been put in place', () => {
  const days = (from: number, to: number) =>
    timesOfLogged(from, to).days.map((day) => sharedBansFile('', day));
  assert.deepEqual(new Set(days(MIDNIGHT + 5, MIDNIGHT + 5)), new Set(['2026-11-20', '2026-11-21']));
  assert.deepEqual(new Set(days(MIDNIGHT + 60, MIDNIGHT + 60)), new Set(['2026-11-21']));
  assert.equal(new Set(days(MIDNIGHT, MIDNIGHT + 3 * DAY)).size, 5);
});

test('installers/shared-ban goes by the same times and words of a line', () => {
  const script = readFileSync(join(import.meta.dirname, '../../../../installers/shared-ban'), 'utf8');
  const rule = `$3 == ip && time >= $1 - ${CLOCK_SLACK_SECONDS} && time <= $1 + ${LOGGED_WITHIN_SECONDS}`;
  assert.ok(script.includes(rule));
});
