import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { spoolFile } from '@banshare/runtime';
import { makeId, startFleet } from '../../../../test/fleet/index.ts';

type Ban = { ip: string; until: number | null };

test('What waited in the spool while no server was to be had bans for what is left of its time, and nothing where that is over', async () => {
  await using fleet = await startFleet();
  await fleet.addReporter('away');
  const { spool } = fleet.pathsOf('away');
  mkdirSync(spool, { recursive: true, mode: 0o700 });
  const now = Date.now() / 1000;
  const lay = (ip: string, secondsAgo: number, durationSeconds: number): void => {
    const waiting = { id: makeId(), at: now - secondsAgo };
    const report = { ip, prog: 'fail2ban', jail: 'sshd', durationSeconds };
    const path = join(spool, spoolFile(waiting));
    writeFileSync(path, JSON.stringify({ ...waiting, kind: 'report', report }), { mode: 0o600 });
  };
  lay('203.0.113.1', 4 * 3600, 600);
  lay('203.0.113.2', 3600, 7200);
  lay('203.0.113.3', 5, 600);
  const { code, stderr } = await fleet.report('away', ['--flush']);
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    readdirSync(spool).filter((name) => !name.startsWith('.')),
    [],
    'all have their end, and none is a dead letter',
  );
  const { bans } = await fleet.server.json<{ bans: Ban[] }>('bans');
  const left = bans.map(({ ip, until }): [string, number] => [ip, Math.round(((until ?? 0) - now) / 60)]);
  const wanted: [string, number][] = [
    ['203.0.113.2', 60],
    ['203.0.113.3', 10],
  ];
  assert.deepEqual(new Map(left), new Map(wanted));
  const explained = await fleet.server.command('explain', '203.0.113.1');
  assert.match(explained.stdout, /duplicate.*its ban of 10m was over before it came, 4h after it was found/);
  assert.doesNotMatch(explained.stdout, /[Ss]upport.*away/);
});
