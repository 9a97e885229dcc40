import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bannedIn, untilBanned } from './fail2ban.ts';
import { startFleet } from './fleet.ts';
import { skipReason } from './requirements.ts';

const skip = skipReason();
const attacker = '203.0.113.7';
const five = ['sshd', 'mail', 'web', 'ftp', 'login'];
const recidive = '[recidive]\nenabled = true\nmaxretry = 5\n';

test(
  'five shared bans do not trigger recidive; without the piece they would; own bans still do',
  { skip },
  async () => {
    const settings = { jails: five, more: recidive };
    const withoutPiece = { jails: five, more: `${recidive}ignorecommand =\n` };
    await using fleet = await startFleet({
      hosts: ['h1', 'h2', 'h3'],
      fail2ban: { h1: settings, h2: settings, h3: withoutPiece },
    });
    const [h1, h2, h3] = [fleet.host('h1'), fleet.host('h2'), fleet.host('h3')];
    await fleet.lab.attacker.failLogin(h1, attacker);
    await untilBanned(h1, 'recidive', attacker);
    await untilBanned(h3, 'recidive', attacker);
    const ignored = await h2.untilLines(
      '/var/log/fail2ban.log',
      /\[recidive\] Ignore 203\.0\.113\.7 by command/,
      5,
    );
    assert.equal(ignored.length, 5);
    const rules = await h2.output(['nft', 'list', 'ruleset']);
    for (const jail of five) assert.deepEqual(bannedIn(rules, jail), [attacker], jail);
    assert.deepEqual(bannedIn(rules, 'recidive'), []);
  },
);
