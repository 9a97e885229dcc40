import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bannedIn, untilBanned } from '../ground/fail2ban.ts';
import { startFleet } from '../ground/fleet.ts';
import { skipReason } from '../ground/requirements.ts';

const skip = skipReason();

test(
  'a ban of a jail that h2 does not have lands in its jail banshare, on every port',
  { skip },
  async () => {
    await using fleet = await startFleet({ hosts: ['h1', 'h2'], fail2ban: { h1: { jails: ['web'] } } });
    const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
    await h2.agent.listen(8080);
    for (const ip of ['203.0.113.7', '2001:db8:bad::7']) {
      assert.equal(await fleet.lab.attacker.connects(h2, ip, 8080), true);
      await fleet.lab.attacker.failLogin(h1, ip);
      await untilBanned(h1, 'web', ip);
      await untilBanned(h2, 'banshare', ip);
      assert.equal(await fleet.lab.attacker.attempt(h2, ip, 8080, 400), 'silence');
    }
    const rules = await h2.output(['nft', 'list', 'ruleset']);
    assert.deepEqual(bannedIn(rules, 'sshd'), []);
    assert.match((await fleet.bans()).map(({ jail, host }) => `${jail} ${host}`).join(), /^web h1,web h1$/);
  },
);
