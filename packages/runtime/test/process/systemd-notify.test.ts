import assert from 'node:assert/strict';
import { test } from 'node:test';
import { within } from '../../../../test/fleet/within.ts';
import { SystemdNotify } from '../../src/process/systemd-notify.ts';

test('a systemd that reads nothing is not waited for at the end: what would still wait for it ends with the shell', async (t) => {
  // What waits for systemd is in the place of tail, and the first answer says that it is begun.
  const channel = new SystemdNotify('read -r words; echo begun; tail -f --pid=$PPID /dev/null; echo $?');
  await assert.rejects(channel.tell(['READY=1']), /ended with exit code begun/);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const closed = channel.close();
  t.mock.timers.tick(1000);
  t.mock.timers.reset();
  await within(closed, 20_000, () => 'the end of the shell');
});
