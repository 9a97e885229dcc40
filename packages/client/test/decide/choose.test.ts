import { sayReason } from '../../src/bans/reason.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '@banshare/protocol';
import { choose } from '../../src/decide/choose.ts';
import { choiceOf, eventOf, host, ip, jail, NOW, prog, range, protectedBy } from '../make.ts';
import type { Choice } from '../../src/bans/choice.ts';

type Row = [what: string, event: Partial<Event>, choice: Partial<Choice>, chosen: string];

const maps = new Map([
  ['fail2ban/sshd', 'ssh-all'],
  ['sshd', 'ssh'],
  ['*', 'rest'],
]);

/** `in JAIL` stands for a ban that is applied there, anything else is why it is skipped. */
const table: Row[] = [
  ['takes a ban into the jail of its name', {}, {}, 'in sshd'],
  ['takes a ban for ever', { until: null }, {}, 'in sshd'],
  ['takes an IPv6 address', { ip: ip('2001:db8::9') }, {}, 'in sshd'],
  ['skips what this host reported', { host: host('h2') }, {}, 'own'],
  ['takes what this host reported with own-reports', { host: host('h2') }, { ownReports: true }, 'in sshd'],
  ['skips a ban whose end is now', { until: NOW }, {}, 'expired'],
  ['takes a ban that ends in a second', { until: NOW + 1 }, {}, 'in sshd'],
  ['skips a jail that is not followed', {}, { jails: ['nginx', 'ssh'] }, 'jail sshd is not followed'],
  ['takes a jail that is followed', {}, { jails: ['nginx', 'sshd'] }, 'in sshd'],
  ['skips every jail of an empty list', {}, { jails: [] }, 'jail sshd is not followed'],
  ['skips a prog that is not followed', {}, { progs: ['psad'] }, 'prog fail2ban is not followed'],
  ['refuses loopback, whoever sent it', { ip: ip('127.0.0.1') }, {}, 'never-ban: 127.0.0.0/8 (loopback)'],
  [
    'refuses a private address inside NAT64',
    { ip: ip('64:ff9b::a00:1') },
    {},
    'never-ban: 10.0.0.0/8 (private use)',
  ],
  [
    'refuses a special range even as its own with own-reports',
    { ip: ip('::1'), host: host('h2') },
    { ownReports: true },
    'never-ban: ::1/128 (loopback)',
  ],
  [
    'refuses what this host protects, by the jail where it would land',
    {},
    { localJails: maps, ruleFor: (_ip, localJail) => protectedBy(`a rule of ${localJail}`) },
    'never-ban: a rule of ssh-all',
  ],
  ['takes a range', { ip: range('203.0.0.0/16') }, {}, 'in sshd'],
  ['takes a range of IPv6', { ip: range('2001:db8::/32') }, {}, 'in sshd'],
  [
    'takes the range around what this host reported',
    { ip: range('2001:db8:0:9::/64'), host: host('h2') },
    {},
    'in sshd',
  ],
  ['refuses a range that is too wide', { ip: range('202.0.0.0/15') }, {}, 'a range wider than /16'],
  ['refuses such a range of IPv6', { ip: range('2001:da8::/31') }, {}, 'a range wider than /32'],
  [
    'refuses a range that holds a special one',
    { ip: range('198.18.0.0/16') },
    {},
    'never-ban: 198.18.0.0/15 (benchmarking)',
  ],
  ['applies nothing while it is paused', {}, { isPaused: true }, 'paused'],
  ['tells what else stands in the way before the pause', { host: host('h2') }, { isPaused: true }, 'own'],
  ['maps PROG/JAIL before JAIL', {}, { localJails: maps }, 'in ssh-all'],
  ['maps JAIL before *', { prog: prog('psad') }, { localJails: maps }, 'in ssh'],
  ['maps everything else by *', { jail: jail('nginx') }, { localJails: maps }, 'in rest'],
  [
    'follows by the jail of the report, not by the local one',
    {},
    { localJails: maps, jails: ['ssh-all'] },
    'jail sshd is not followed',
  ],
];

for (const [what, event, choice, expected] of table) {
  test(`choose() ${what}`, () => {
    const chosen = choose(eventOf(event), choiceOf(choice), NOW);
    assert.equal(chosen.apply ? `in ${chosen.localJail}` : sayReason(chosen.reason), expected);
  });
}
