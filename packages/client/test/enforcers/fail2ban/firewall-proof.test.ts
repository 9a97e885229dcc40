import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { changeOf } from '../../../src/bans/ban-row.ts';
import { commandEnforcer } from '../../../src/enforcers/command.ts';
import { provenByClient } from '../../../src/enforcers/fail2ban/by-client.ts';
import { TalkError } from '../../../src/fail2ban/connection.ts';
import { Fail2banEnforcer } from '../../../src/enforcers/fail2ban/enforcer.ts';
import { FirewallProof, lookCommand } from '../../../src/enforcers/fail2ban/firewall-proof.ts';
import { startBehind } from '../../../src/host/socket-start.ts';
import { exec, type Ended } from '../../../src/host/exec.ts';
import { Notes } from '../../../src/host/echo-notes.ts';
import { ip, jail, NOW, rowOf } from '../../make.ts';
import { noNetwork } from '../network.ts';
import { noFail2ban, RealFail2ban } from '../../fail2ban/real-fail2ban.ts';
import type { Change, Effect } from '../../../src/bans/change.ts';
import { clientOf } from '../../../src/fail2ban/client.ts';

const skip = noFail2ban || noNetwork;

/** A real fail2ban whose bans go into a set of nftables, and an enforcer that looks for them there. */
async function host(): Promise<
  { fail2ban: RealFail2ban; enforcer: Fail2banEnforcer; later: () => void } & AsyncDisposable
> {
  const fail2ban = new RealFail2ban(['sshd', 'banshare'], 'nft');
  await fail2ban.start();
  const { socket, path } = fail2ban;
  const notes = new Notes(join(path, 'notes'));
  let passed = 0;
  const nowMs = (): number => performance.now() + passed;
  let kept: string | undefined;
  const enforcer = new Fail2banEnforcer({
    socket,
    missingJail: jail('banshare'),
    timeoutMs: 20_000,
    notes,
    nowMs,
    memory: { recall: () => kept, remember: (text) => (kept = text) },
    proof: new FirewallProof({ notes, nowMs, start: () => startBehind(socket) ?? '' }),
  });
  return {
    fail2ban,
    enforcer,
    later: () => (passed += 61_000),
    [Symbol.asyncDispose]: () => fail2ban[Symbol.asyncDispose](),
  };
}

const ban = (address: string, localJail = 'sshd', more: Partial<Change> = {}): Change => ({
  ...changeOf(rowOf({ ip: ip(address) }), 'ban', NOW),
  localJail: jail(localJail),
  ...more,
});
const told = (effects: readonly Effect[]): string[] =>
  effects.map((effect) => `${effect.outcome}${'reason' in effect ? `: ${effect.reason}` : ''}`);

test(
  'A ban is applied where the firewall has it, and the jail banshare is proven by one that leaves nothing',
  { skip },
  async () => {
    await using here = await host();
    const { fail2ban, enforcer } = here;
    assert.deepEqual(await enforcer.unproven(), []);
    assert.match(fail2ban.log, /\[banshare\] Ban 192\.0\.2\.\d+\n/);
    assert.doesNotMatch(fail2ban.firewall + fail2ban.banned('banshare').join(), /192\.0\.2\./);
    const effects = await enforcer.carryOut([ban('203.0.113.1'), ban('203.0.113.2', 'banshare')]);
    assert.deepEqual(told(effects), ['applied', 'applied']);
    assert.doesNotMatch(fail2ban.log, / ERROR /, 'what is in order leaves no fault in its log');
  },
);

test(
  'What fail2ban takes and its action cannot do is unproven, never applied, until it can be seen',
  { skip },
  async () => {
    await using here = await host();
    const { fail2ban, enforcer, later } = here;
    writeFileSync(fail2ban.broken, '');
    const failing = 'unproven: fail2ban could not execute its action called, see its log';
    const effects = await enforcer.carryOut([ban('203.0.113.1'), ban('203.0.113.2', 'banshare')]);
    assert.deepEqual(told(effects), [failing, failing]);
    assert.deepEqual(fail2ban.banned('banshare'), ['203.0.113.2'], 'fail2ban believes it');
    const says = (await enforcer.unproven()).join('; ');
    assert.match(
      says,
      /jail banshare cannot be seen in the firewall .*could not execute its action called.*"nftables"/,
    );
    assert.equal(await enforcer.isProven(jail('banshare'), ip('203.0.113.2')), false);
    rmSync(fail2ban.broken);
    later();
    assert.equal(await enforcer.isProven(jail('banshare'), ip('203.0.113.2')), true);
    const again = await enforcer.carryOut([
      ban('203.0.113.2', 'banshare', { isOurs: true, wasUnproven: true }),
    ]);
    assert.deepEqual(told(again), ['already']);
    assert.match(fail2ban.firewall, /203\.0\.113\.2/);
  },
);

test(
  'An action that does nothing and says that it did is found out by the first ban of each jail',
  { skip },
  async () => {
    await using here = await host();
    const { fail2ban, enforcer } = here;
    writeFileSync(fail2ban.mute, '');
    const [effect, own] = await enforcer.carryOut([ban('203.0.113.1'), ban('203.0.113.2', 'banshare')]);
    for (const each of [effect, own])
      assert.match(told([each!])[0]!, /^unproven: it is not in this host's firewall/);
    assert.equal(effect?.outcome === 'unproven' && effect.isBegun, true, 'it is ours to lift');
  },
);

test(
  'One ban of many that fail2ban could not execute is the only one that is unproven',
  { skip },
  async () => {
    await using here = await host();
    const { fail2ban, enforcer } = here;
    assert.deepEqual(told(await enforcer.carryOut([ban('203.0.113.1')])), ['applied']);
    writeFileSync(fail2ban.broken, '');
    const [effect] = await enforcer.carryOut([ban('203.0.113.3')]);
    assert.match(told([effect!])[0]!, /^unproven: fail2ban could not execute/);
    rmSync(fail2ban.broken);
    assert.deepEqual(told(await enforcer.carryOut([ban('203.0.113.4'), ban('203.0.113.1')])), [
      'applied',
      'already',
    ]);
  },
);

test('lookCommand() looks for one address and no other, and gives a shell nothing but an address', () => {
  for (const bad of ['203.0.113.1; reboot', '$(id)', '', '203.0.113.0/24', "1'", '::1%eth0'])
    assert.throws(() => lookCommand(bad, true), bad);
  const pattern = (address: string): RegExp =>
    new RegExp(/grep -qE '([^']+)'/.exec(lookCommand(address, true))?.[1] ?? '');
  assert.match('elements = { 203.0.113.1 }', pattern('203.0.113.1'));
  assert.match('-A f2b -s 203.0.113.1/32 -j DROP', pattern('203.0.113.1'));
  for (const other of ['203.0.113.10', '1203.0.113.1', '203x0.113.1'])
    assert.doesNotMatch(other, pattern('203.0.113.1'));
  assert.match('-s 2001:db8::3/128', pattern('2001:db8::3'));
  for (const other of ['2001:db8::3:1', '2001:db8::33', 'a:2001:db8::3'])
    assert.doesNotMatch(other, pattern('2001:db8::3'));
});

test('What could not be seen is carried out again with that in mind', () => {
  const row = rowOf({ ip: ip('203.0.113.1'), keptBack: { code: 'unproven', text: 'it is not there' } });
  assert.equal(changeOf(row, 'ban', NOW).wasUnproven, true);
  assert.equal(changeOf(rowOf(), 'ban', NOW).wasUnproven, undefined);
});

test(
  'Where bans go by fail2ban’s client, what it says that it banned is looked for as well',
  { skip },
  async () => {
    await using here = await host();
    const { fail2ban } = here;
    const { path, socket } = fail2ban;
    const notes = new Notes(join(path, 'notes'));
    const nowMs = (): number => performance.now();
    const client = ['/usr/bin/fail2ban-client', '-c', path, '-s', socket];
    const run = (words: readonly string[]): Promise<Ended> => exec(words, 20_000, nowMs, { keptBytes: 1e6 });
    const commands = {
      ban: [...client, 'set', 'JAIL', 'banip', 'SRCIP'],
      unban: [...client, 'set', 'JAIL', 'unbanip', 'SRCIP'],
      missingJail: jail('banshare'),
    };
    assert.deepEqual(clientOf(commands.ban), client);
    const enforcer = provenByClient(commandEnforcer(commands, notes, run), {
      run: (words) => run([...client, ...words]),
      proof: new FirewallProof({ notes, nowMs, start: () => 'one' }),
      missingJail: 'banshare',
    });
    assert.deepEqual(await enforcer.unproven?.(), []);
    assert.deepEqual(told(await enforcer.carryOut([ban('203.0.113.1')])), ['applied']);
    writeFileSync(fail2ban.broken, '');
    const effects = await enforcer.carryOut([ban('203.0.113.2'), ban('203.0.113.1')]);
    assert.deepEqual(told(effects), [
      'unproven: fail2ban could not execute its action called, see its log',
      'already',
    ]);
    assert.equal(await enforcer.isProven?.(jail('sshd'), ip('203.0.113.2')), false);
    assert.equal(await enforcer.isProven?.(jail('sshd'), ip('203.0.113.1')), true);
  },
);

test(
  'Where the firewall cannot be looked at a ban is unproven and ours, never failed',
  { skip: noFail2ban },
  async () => {
    await using fail2ban = new RealFail2ban();
    await fail2ban.start();
    const { socket, path } = fail2ban;
    const notes = new Notes(join(path, 'notes'));
    const nowMs = (): number => performance.now();
    const proof = new FirewallProof({ notes, nowMs, start: () => 'one' });
    proof.unseen = () => Promise.reject(new TalkError('raised', 'fail2ban refuses: KeyError'));
    const memory = { recall: () => undefined, remember: () => undefined };
    const parts = { socket, missingJail: jail('banshare'), timeoutMs: 20_000, notes, nowMs, memory, proof };
    const [effect] = await new Fail2banEnforcer(parts).carryOut([ban('203.0.113.1')]);
    assert.deepEqual(effect, {
      outcome: 'unproven',
      reason: 'the firewall could not be looked at: fail2ban refuses: KeyError',
      localJail: 'sshd',
      isBegun: true,
    });
    assert.deepEqual(fail2ban.banned('sshd'), ['203.0.113.1']);
  },
);
