import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFleet } from '../fleet/index.ts';

test('status --nagios is one line with figures, and exits 0, 1, 2 and 3 as monitoring plugins do', async () => {
  await using fleet = await startFleet({ hosts: ['h1'] });
  const host = fleet.host('h1');
  const ofServer = await fleet.server.command('status', '--nagios');
  assert.match(
    ofServer.stdout,
    /^BANSHARE OK - 1 of 1 hosts have received everything, 0 active bans \| urgent=0 todo=0 hosts=1 hosts_behind=0 hosts_out_of_place=0 bans_active=0 held=0 pending_hosts=0\n$/,
  );
  assert.equal(ofServer.code, 0);

  // What stands behind a bar is figures, whoever writes one into a sentence.
  await fleet.server.says('freeze', '--reason', 'a | b');
  const frozen = await fleet.server.command('status', '--nagios');
  assert.match(frozen.stdout, /^BANSHARE WARNING - 0 urgent, 1 to do: [^|\n]+ \| urgent=0 todo=1 [^|\n]+\n$/);
  assert.equal(frozen.code, 1);
  assert.equal((await fleet.server.command('status', '--nagios', '--urgent')).code, 0);

  await host.command('pause');
  const ofHost = await host.command('status', '--nagios');
  assert.match(
    ofHost.stdout,
    /^BANSHARE WARNING - PAUSED: [^|\n]+ \| bans_wanted=0 bans_in_place=0 [^|\n]+ last_contact=\d+s\n$/,
  );
  assert.equal(ofHost.code, 1);

  await host.stop();
  await fleet.server.stop();
  for (const gone of [
    await host.command('status', '--nagios'),
    await fleet.server.command('status', '--nagios'),
  ]) {
    assert.match(gone.stdout, /^BANSHARE CRITICAL - No daemon answers at [^|\n]+\n$/);
    assert.equal(gone.code, 2);
  }
  host.writeToml('no = toml = at all');
  const broken = await host.command('status', '--nagios');
  assert.match(broken.stdout, /^BANSHARE UNKNOWN - /);
  assert.equal(broken.code, 3);
});
