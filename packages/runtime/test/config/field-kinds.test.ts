import { curveKey, enforcerTable, jail, orAll, origin, prog } from '../../src/config/kinds/field-kinds.ts';
import { check, same } from './check-kind.ts';

check('jail', jail, same('sshd'), [['a b', /not a jail name/]]);
check('orAll', orAll(prog), same('*', 'psad'), [['-x', /not a program name/]]);
check('origin', origin, same('*', 'sshd', 'fail2ban/sshd'), [
  ['/sshd', /not a program name/],
  ['fail2ban/', /not a jail name/],
  [3, /must be a text/],
]);
check('curveKey', curveKey, same('rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7'), [
  ['short', /40 characters/],
  ['x"'.repeat(20), /40 characters/],
]);

check(
  'enforcerTable',
  enforcerTable,
  [
    [{ kind: 'nftables' }, { kind: 'nftables', jails: ['*'], progs: ['*'] }],
    [
      { kind: 'psad', jails: ['portscan'], progs: ['psad'] },
      { kind: 'psad', jails: ['portscan'], progs: ['psad'] },
    ],
  ],
  [
    ['nftables', /must be a table, written \[\[enforcer\]\]/],
    [{}, /is wrong in kind: it must be "command" or/],
    [{ kind: 'iptables' }, /is wrong in kind/],
    [{ kind: 'log', jails: 'sshd' }, /is wrong in jails: it must be a list/],
    [{ kind: 'log', progs: ['a b'] }, /is wrong in progs/],
    [{ kind: 'log', jail: 'sshd' }, /has the unknown key "jail"/],
  ],
);
