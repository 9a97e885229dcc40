import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fail2banClient } from './ground/fail2ban.ts';
import { startFleet } from './ground/fleet.ts';
import { skipReason } from './ground/requirements.ts';

const skip = skipReason();
const ip = '203.0.113.7';
const database = '/var/lib/fail2ban/fail2ban.sqlite3';

/** While fail2ban's observer waits for its database, the actions of a ban run with the jail's first bantime. */
const holdDatabase = `
import sqlite3, sys
held = sqlite3.connect(${JSON.stringify(database)}, isolation_level=None)
held.execute('BEGIN EXCLUSIVE')
print('held', flush=True)
sys.stdin.readline()
held.execute('COMMIT')
`;

test(
  "a repeat offender is shared with fail2ban's longer bantime, also where the report was faster than bantime.increment",
  { skip },
  async () => {
    // It has to last until the report has come and the database is let go, on a busy machine too.
    const more = 'bantime = 6\nbantime.increment = true\nbantime.formula = ban.Time + 6\n';
    await using fleet = await startFleet({
      hosts: ['h1'],
      fail2ban: { h1: { more } },
      prepare: (lab) => lab.host('srv').write('/etc/banshare/server.toml', '[dedupe]\nwindow = "1s"\n'),
    });
    const h1 = fleet.host('h1');
    const server = fleet.daemon(fleet.server);
    await fail2banClient(h1, 'set', 'sshd', 'banip', ip);
    await server.line(/ban ip=203\.0\.113\.7 .*seq=1$/);
    await h1.untilFile(database, (bytes) => bytes.includes(ip), 'the first ban');
    await h1.untilLines('/var/log/fail2ban.log', /\[sshd\] Unban 203\.0\.113\.7/);

    const holder = h1.spawn(['python3', '-c', holdDatabase]);
    await holder.line(/^held$/);
    await fail2banClient(h1, 'set', 'sshd', 'banip', ip);
    await server.line(/ban ip=203\.0\.113\.7 .*seq=2$/);
    holder.say('done\n');
    await server.line(/ban ip=203\.0\.113\.7 .*seq=3$/);
    const { bans } = JSON.parse(
      await fleet.server.output(['banshare-server', 'bans', '--json', '--all']),
    ) as {
      bans: { seq: number; at: number; until: number }[];
    };
    const spans = bans.map(({ seq, at, until }) => [seq, Math.floor(until - at)]);
    assert.deepEqual(spans, [
      [1, 6],
      [2, 6],
      [3, 12],
    ]);
  },
);
