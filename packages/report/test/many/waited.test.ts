import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { spoolFile } from '@banshare/runtime';
import { makeId, startFleet } from '../../../../test/fleet/index.ts';

type Ban = { ip: string; until: number | null };

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());

/** Lays a report into a reporter's spool, which it found so many seconds ago. */
function lay(spool: string, ip: string, secondsAgo: number, durationSeconds: number): void {
  mkdirSync(spool, { recursive: true, mode: 0o700 });
  const waiting = { id: makeId(), at: Date.now() / 1000 - secondsAgo };
  const report = { ip, prog: 'fail2ban', jail: 'sshd', durationSeconds };
  const path = join(spool, spoolFile(waiting));
  writeFileSync(path, JSON.stringify({ ...waiting, kind: 'report', report }), { mode: 0o600 });
}

test('A report that is given up and cannot leave the spool, as on a full disk, keeps none of those behind it', async () => {
  await fleet.addReporter('full');
  const { spool } = fleet.pathsOf('full');
  lay(spool, '203.0.113.11', 30 * 86_400, 600);
  lay(spool, '203.0.113.12', 5, 600);
  // Where the dead letters go nothing can be written.
  writeFileSync(join(spool, 'dead'), '');
  const { code, stderr } = await fleet.report('full', ['--flush']);
  assert.equal(code, 75);
  assert.match(stderr, /1 sent; 1 has its answer, and cannot leave the spool: Cannot write .*dead/);
  const { bans } = await fleet.server.json<{ bans: Ban[] }>('bans');
  assert.deepEqual(
    bans.map(({ ip }) => ip),
    ['203.0.113.12'],
  );
  rmSync(join(spool, 'dead'));
  assert.equal((await fleet.report('full', ['--flush'])).code, 0);
});

test('What waited in the spool while no server was to be had bans for what is left of its time, and nothing where that is over', async () => {
  await fleet.addReporter('away');
  const { spool } = fleet.pathsOf('away');
  const now = Date.now() / 1000;
  lay(spool, '203.0.113.1', 4 * 3600, 600);
  lay(spool, '203.0.113.2', 3600, 7200);
  lay(spool, '203.0.113.3', 5, 600);
  const { code, stderr } = await fleet.report('away', ['--flush']);
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    readdirSync(spool).filter((name) => !name.startsWith('.')),
    [],
    'all have their end, and none is a dead letter',
  );
  const { bans } = await fleet.server.json<{ bans: Ban[] }>('bans');
  const left = bans
    .filter(({ ip }) => ip !== '203.0.113.12')
    .map(({ ip, until }): [string, number] => [ip, Math.round(((until ?? 0) - now) / 60)]);
  const wanted: [string, number][] = [
    ['203.0.113.2', 60],
    ['203.0.113.3', 10],
  ];
  assert.deepEqual(new Map(left), new Map(wanted));
  const explained = await fleet.server.command('explain', '203.0.113.1');
  assert.match(explained.stdout, /duplicate.*its ban of 10m was over before it came, 4h after it was found/);
  assert.doesNotMatch(explained.stdout, /[Ss]upport.*away/);
});
