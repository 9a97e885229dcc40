import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientConfig } from '@banshare/runtime';
import { noFail2ban, RealFail2ban } from '../fail2ban/real-fail2ban.ts';
import {
  diagnoseSharedActions,
  isNoFirewall,
  takesSharedBans,
  ownIgnoreCommand,
} from '../../src/cli/diagnose-fail2ban.ts';

const configOf = (jails: Record<string, string> = {}, followed = ['*']): ClientConfig =>
  ({
    follow: { jails: followed },
    apply: { missingJail: 'banshare', jails: new Map(Object.entries(jails)) },
  }) as never;

test(
  'status warns of a jail that takes shared bans and mails for each, and names the remedy, which ends it',
  { skip: noFail2ban },
  async () => {
    const mail = 'printf %%b "Subject: banned <ip>" | /usr/sbin/sendmail -t root; whois <ip>';
    await using fail2ban = new RealFail2ban(['sshd', 'nginx'], `true || ( ${mail} )`);
    await fail2ban.start();
    const [finding, ...more] = await diagnoseSharedActions(configOf(), fail2ban.socket);
    assert.deepEqual([finding?.ok, finding?.isWarning, more.length], [true, true, 0]);
    assert.match(
      finding?.says ?? '',
      /no firewall, .*: nginx \(called\), sshd \(called\)\..*\[apply\.jails\] "\*" = "banshare"/,
    );
    assert.deepEqual(await diagnoseSharedActions(configOf({ '*': 'banshare' }), fail2ban.socket), []);
  },
);

test(
  'status says that an ignorecommand is not asked for shared bans, of jails that take them, and not of banshare’s own for recidive',
  { skip: noFail2ban },
  async () => {
    await using fail2ban = new RealFail2ban(['sshd', 'nginx', 'recidive']);
    await fail2ban.start();
    assert.deepEqual(await diagnoseSharedActions(configOf(), fail2ban.socket), []);
    const own = '/usr/lib/banshare/shared-ban "<ip>" "<time>" || (false; )';
    fail2ban.client('set', 'recidive', 'ignorecommand', own);
    assert.deepEqual(await diagnoseSharedActions(configOf(), fail2ban.socket), []);
    fail2ban.client('set', 'sshd', 'ignorecommand', '/usr/local/bin/is-friend <ip>');
    const [finding, ...more] = await diagnoseSharedActions(configOf(), fail2ban.socket);
    assert.deepEqual([finding?.ok, finding?.isWarning, more.length], [true, true, 0]);
    assert.match(
      finding?.says ?? '',
      /^Whom the ignorecommand of fail2ban leaves alone \(sshd\) .*\[never-ban\]/,
    );
    assert.deepEqual(await diagnoseSharedActions(configOf({ '*': 'banshare' }), fail2ban.socket), []);
    assert.equal(ownIgnoreCommand(own.replace('; )', '; is-friend <ip>)')), 'is-friend <ip>');
  },
);

for (const [action, command, isTelling] of [
  ['iptables-multiport', '<iptables> -I f2b-<name> 1 -s <ip> -j <blocktype>', false],
  ['nftables-multiport', '<nftables> add element <table_family>', false],
  ['sendmail-whois-lines', '( printf %b "Subject" ) | /usr/sbin/sendmail -f "a" "b"', true],
  ['mail-whois', 'x', true],
  ['smtp.py', '', true],
  ['abuseipdb', 'lgm=$(printf) ; curl -sSf "https://api.abuseipdb.com"', true],
  ['telegram', 'curl -s -X POST https://api.telegram.org/bot', true],
  ['cloudflare-token', 'curl -s -X POST <_cf_api_prms>', false],
  ['banshare', '/usr/bin/banshare-report --duration="<bantime>" fail2ban "<name>" "<ip>"', false],
  ['route', 'ip route add <blocktype> <ip>', false],
] as const) {
  test(`isNoFirewall() says ${isTelling} of the action ${action}`, () => {
    assert.equal(isNoFirewall(action, command), isTelling);
  });
}

test('takesSharedBans() follows the map of jails, and what this host follows', () => {
  const taking = (config: ClientConfig): string[] =>
    ['sshd', 'nginx', 'ssh', 'banshare'].filter((jail) => takesSharedBans(config, jail));
  assert.deepEqual(taking(configOf()), ['sshd', 'nginx', 'ssh', 'banshare']);
  assert.deepEqual(taking(configOf({ '*': 'banshare' })), ['banshare']);
  assert.deepEqual(taking(configOf({ sshd: 'ssh' })), ['nginx', 'ssh', 'banshare']);
  assert.deepEqual(taking(configOf({}, ['sshd'])), ['sshd', 'banshare']);
});
