import { jail, origin } from '../../src/config/kinds/field-kinds.ts';
import * as kinds from '../../src/config/kinds/kinds.ts';
import { check, same } from './check-kind.ts';

check('text', kinds.text, same('a', 'ü b'), [
  ['', /one line of text/],
  ['a\nb', /one line of text/],
  [1, /must be a text in quotes, not 1/],
]);
check('flag', kinds.flag, same(true, false), [
  ['true', /must be true or false, not "true"/],
  [1, /true or false/],
]);
check('integer', kinds.integer(1, 64), same(1, 64), [
  [0, /from 1 to 64, not 0/],
  [65, /not 65/],
  [1.5, /whole number/],
  ['4', /not "4"/],
  [[4], /not a list/],
]);
check('port', kinds.port, same(1, 65_535), [[0, /from 1 to 65535/]]);
check('listenPort', kinds.listenPort, same(0), [[-1, /from 0/]]);
check(
  'duration',
  kinds.duration(1, 600),
  [
    ['10m', 600],
    ['2', 2],
    [30, 30],
  ],
  [
    ['11m', /from 1 to 600 seconds, not "11m"/],
    ['-1', /from 1 to 600/],
    ['soon', /not a duration/],
    [2.5, /not a duration/],
    [true, /must be a duration like "10m", not true/],
    [new Date(0), /not a date/],
  ],
);
check(
  'durationOrForEver',
  kinds.durationOrForEver,
  [
    ['-1', -1],
    [-1, -1],
    ['1w', 604_800],
  ],
  [
    ['0', /longer than nothing/],
    [-2, /not a duration/],
  ],
);
check('address', kinds.address, [['2001:DB8::1', '2001:db8::1']], [['10.0.0.0/8', /not one IPv4 or IPv6/]]);
check('hostName', kinds.hostName, same('web1', 'a.example.org'), [['a b', /not a host name/]]);
check('hostNameOrAddress', kinds.hostNameOrAddress, same('bans.example.org', '203.0.113.9', '2001:db8::1'), [
  ['010.0.0.1', /not one IPv4/],
  ['1', /not one IPv4/],
  ['a b', /not a host name/],
  [7, /must be a text/],
]);
check(
  'servers',
  kinds.servers,
  [
    ['bans.example.org', ['bans.example.org']],
    [
      ['a.example.org', '2001:DB8::1'],
      ['a.example.org', '2001:db8::1'],
    ],
  ],
  [
    ['a b', /not a host name/],
    [[], /at least one server/],
    [['a.example.org', ''], /wrong item 2/],
    [['a.example.org', 'A.example.org'], /names "A\.example\.org" twice/],
    [['2001:db8::1', '2001:DB8:0::1'], /names "2001:db8::1" twice/],
    [Array.from({ length: 9 }, (_, index) => `s${index}`), /8 servers at most, not 9/],
    [7, /must be a text/],
  ],
);
check('listenAddress', kinds.listenAddress, same('*', '127.0.0.1', '::1'), [['localhost', /not one IPv4/]]);
check('choice', kinds.choice('text', 'json'), same('text'), [['xml', /must be "text" or "json", not "xml"/]]);
check('command', kinds.command, same('a b "c d"'), [
  ['a "b', /never closed/],
  [['a'], /not a list/],
]);
check('listOf', kinds.listOf(kinds.hostName), same([], ['a', 'b']), [
  ['a', /must be a list in \[ \], not "a"/],
  [['a', 'b c'], /has a wrong item 2: it cannot be used: "b c" is not a host name/],
]);
check(
  'mapOf',
  kinds.mapOf(origin, jail),
  [[{ 'fail2ban/sshd': 'ssh' }, new Map([['fail2ban/sshd', 'ssh']])]],
  [
    [[], /must be a table, not a list/],
    [{ 'a/b/c': 'ssh' }, /wrong name "a\/b\/c": it cannot be used/],
    [{ a: 1 }, /wrong value for "a": it must be a text/],
    [new Date(0), /must be a table, not a date/],
  ],
);
