import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fail2banClient, untilBanned } from './ground/fail2ban.ts';
import { startFleet } from './ground/fleet.ts';
import { skipReason } from './ground/requirements.ts';

const skip = skipReason();

test(
  'a ban typed by hand on h1 reaches h2, a ban that banshare applied is not reported again',
  { skip },
  async () => {
    await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
    const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
    for (const ip of ['203.0.113.9', '2001:db8:bad::9']) {
      assert.equal((await fail2banClient(h1, 'set', 'sshd', 'banip', ip)).stdout, '1');
      await untilBanned(h2, 'sshd', ip);
      await fleet.lab.attacker.untilDropped(h2, ip);
    }
    assert.match(await h2.read('/run/banshare/client/notes/sshd@203.0.113.9'), /^$/);

    // The actions of h2's jail run in order: after this ban's report the echo of those before would have come.
    await fail2banClient(h2, 'set', 'sshd', 'banip', '203.0.113.10');
    await fleet.untilPublished('203.0.113.10', h2);
    await untilBanned(h1, 'sshd', '203.0.113.10');
    assert.deepEqual(
      (await fleet.bans()).map(({ ip, host }) => `${ip} ${host}`),
      ['203.0.113.9 h1', '2001:db8:bad::9 h1', '203.0.113.10 h2'],
    );
    assert.equal(await fleet.eventCount(), 3);
  },
);

test(
  'the same ban typed again within five minutes is a duplicate: it is no new event',
  { skip },
  async () => {
    await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
    const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
    const ip = '203.0.113.11';
    await fail2banClient(h1, 'set', 'sshd', 'banip', ip);
    await untilBanned(h2, 'sshd', ip);
    await fail2banClient(h1, 'set', 'sshd', 'unbanip', ip);
    await fail2banClient(h1, 'set', 'sshd', 'banip', ip);
    await fail2banClient(h1, 'set', 'sshd', 'banip', '203.0.113.12');
    await fleet.untilPublished('203.0.113.12', h1);
    assert.equal(await fleet.eventCount(), 2);
  },
);
