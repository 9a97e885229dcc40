import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '@banshare/protocol';
import { Machine } from '../enforcer-change/changing-host.ts';
import { host, ip, jail } from '../make.ts';
import { noFail2ban, RealFail2ban } from '../fail2ban/real-fail2ban.ts';

const skip = noFail2ban;
const OWN = '203.0.113.9';
/** h2 is this host. */
const own: Partial<Event> = { ip: ip(OWN), host: host('h2') };
const unban: Partial<Event> = { kind: 'unban', ip: ip(OWN), host: host('operator'), until: null };

type Attacked = { machine: Machine; fail2ban: RealFail2ban } & AsyncDisposable;

/** A host whose enforcer is a command, and whose own fail2ban has found an attacker in some jails. */
function attacked(...jails: string[]): Promise<Attacked> {
  return patient('20s', ...jails);
}

/** The same, which gives commands and fail2ban so long. */
async function patient(timeout: string, ...jails: string[]): Promise<Attacked> {
  const machine = new Machine();
  const fail2ban = new RealFail2ban(['sshd', 'web', 'banshare']);
  await fail2ban.start();
  machine.join(fail2ban);
  for (const each of jails) fail2ban.client('set', each, 'banip', OWN);
  await machine.start(`${machine.command('firewall')}timeout = "${timeout}"\n`);
  await machine.hear(own);
  return {
    machine,
    fail2ban,
    [Symbol.asyncDispose]: async () => {
      machine[Symbol.dispose]();
      await fail2ban[Symbol.asyncDispose]();
    },
  };
}

test(
  'An operator’s unban has the fail2ban of the reporting host let go in the jail of the ban',
  { skip },
  async () => {
    await using both = await attacked('sshd', 'web');
    const { machine, fail2ban } = both;
    assert.deepEqual(machine.rows(), [`${OWN} skipped own`]);
    await machine.hear(unban);
    assert.deepEqual(fail2ban.banned('sshd'), []);
    assert.deepEqual(fail2ban.banned('web'), [OWN], 'the ban of another jail is another ban');
    assert.deepEqual(machine.rows(), []);
  },
);

test('What is never banned from now on is let go in every jail', { skip }, async () => {
  await using both = await attacked('sshd', 'web');
  const { machine, fail2ban } = both;
  await machine.hear({ ...unban, everyJail: true });
  assert.deepEqual([...fail2ban.banned('sshd'), ...fail2ban.banned('web')], []);
});

test('It is let go in every jail also where this host never took that ban over', { skip }, async () => {
  await using both = await attacked('web');
  const { machine, fail2ban } = both;
  machine.parts.choice.jails = ['nothing'];
  await machine.hear({ ...unban, jail: jail('recidive'), everyJail: true });
  assert.deepEqual(fail2ban.banned('web'), []);
});

test('The unban of a host takes nothing from the fail2ban of another', { skip }, async () => {
  await using both = await attacked('sshd');
  const { machine, fail2ban } = both;
  await machine.hear({ ...unban, host: host('h1') });
  assert.deepEqual(fail2ban.banned('sshd'), [OWN]);
});

test('Where fail2ban does not have the address, or is gone, there is nothing to do', { skip }, async () => {
  await using both = await attacked();
  const { machine, fail2ban } = both;
  await machine.hear(unban);
  await fail2ban.end();
  await machine.hear(own);
  await machine.hear(unban);
  assert.deepEqual(machine.effects, [`lifting ${OWN} applied`, `lifting ${OWN} applied`]);
});

test(
  'Where fail2ban is there and does not do it, the unban has failed, and is tried again',
  { skip },
  async () => {
    await using both = await patient('1s', 'sshd');
    const { machine, fail2ban } = both;
    fail2ban.signal('SIGSTOP');
    await machine.hear(unban);
    assert.match(machine.effects.join(), /failed fail2ban is busy: it gave no answer within 1 s/);
    fail2ban.signal('SIGCONT');
  },
);

test(
  'Where fail2ban was killed it may come back with the ban: the unban has failed, and is tried again',
  { skip },
  async () => {
    await using both = await attacked('sshd');
    const { machine, fail2ban } = both;
    await fail2ban.end('SIGKILL');
    await machine.hear(unban);
    assert.match(machine.effects.join(), /failed fail2ban does not run: nothing listens at the socket/);
  },
);
