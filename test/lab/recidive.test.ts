import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bannedIn, untilBanned } from './ground/fail2ban.ts';
import { startFleet } from './ground/fleet.ts';
import { skipReason } from './ground/requirements.ts';

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
    // fail2ban says that it bans before its firewall does.
    for (const jail of five) await untilBanned(h2, jail, attacker);
    const rules = await h2.output(['nft', 'list', 'ruleset']);
    for (const jail of five) assert.deepEqual(bannedIn(rules, jail), [attacker], jail);
    assert.deepEqual(bannedIn(rules, 'recidive'), []);
  },
);

test(
  'recidive that is enabled later leaves out the bans that came from the fleet before, also where notes and bans are gone',
  { skip },
  async () => {
    await using fleet = await startFleet({
      hosts: ['h1', 'h2'],
      fail2ban: { h1: { jails: five }, h2: { jails: five } },
    });
    const [h1, h2] = [fleet.host('h1'), fleet.host('h2')];
    await fleet.lab.attacker.failLogin(h1, attacker);
    for (const jail of five) await untilBanned(h2, jail, attacker);
    await fleet.server.output(['banshare-server', 'unban', attacker]);
    await h2.untilLines('/var/log/fail2ban.log', /\] Unban 203\.0\.113\.7/, 5);
    // One that the client itself removes meanwhile is no fault.
    await h2.output(['sh', '-c', 'rm -f /run/banshare/client/notes/*']);
    await h2.append('/etc/fail2ban/jail.local', recidive);
    await h2.output(['fail2ban-client', 'reload']);
    await h2.untilLines('/var/log/fail2ban.log', /\[recidive\] Ignore 203\.0\.113\.7 by command/, 5);
  },
);
