import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { startFleet, untilAnswered, type Fleet } from '../fleet/index.ts';

// Bans of ranges from end to end: operators' own, widened reports, and the /64 that is full.
const NONE = '[[enforcer]]\nkind = "none"\n';

type Outcome = { host: string; outcome: string; reason: string | null };
type Explained = { events: { ip: string; outcomes: Outcome[] }[] };

async function reports(fleet: Fleet, host: string, ...words: string[]): Promise<string> {
  const { code, stderr } = await fleet.report(host, words);
  assert.equal(code, 0, stderr);
  return stderr;
}

async function banned(fleet: Fleet, ...words: string[]): Promise<string[]> {
  const { bans } = await fleet.server.json<{ bans: { ip: string }[] }>('bans', ...words);
  return bans.map(({ ip }) => ip).toSorted();
}

/** What a host made of the ban of a target, once it has told. */
async function outcomeOf(fleet: Fleet, target: string, name: string): Promise<Outcome> {
  const told = async (): Promise<Outcome | undefined> => {
    const { events } = await fleet.server.json<Explained>('explain', target);
    const outcome = events.find(({ ip }) => ip === target)?.outcomes.find(({ host }) => host === name);
    return outcome?.outcome === 'waiting' ? undefined : outcome;
  };
  return untilAnswered(told, 20_000, () => `what ${name} made of ${target}`);
}

test('a banned range reaches the hosts that can apply it, the others say that they cannot, and single bans go on', async () => {
  await using fleet = await startFleet({ hosts: ['single'] });
  await fleet.addHost('wide', NONE);
  const { stdout } = await fleet.server.asks('ban', '203.0.113.0/24');
  assert.match(stdout, /cannot apply ranges: .*single/);
  assert.equal((await outcomeOf(fleet, '203.0.113.0/24', 'single')).outcome, 'failed');
  assert.match((await outcomeOf(fleet, '203.0.113.0/24', 'single')).reason ?? '', /^range\b/);
  assert.equal((await outcomeOf(fleet, '203.0.113.0/24', 'wide')).outcome, 'skipped');
  await fleet.server.asks('ban', '198.51.100.9');
  assert.deepEqual(await fleet.host('single').commands.next(), ['set', 'banshare', 'banip', '198.51.100.9']);
  const late = await fleet.addHost('late', NONE);
  assert.match((await late.command('bans')).stdout, /203\.0\.113\.0\/24/);
  await fleet.server.asks('unban', '203.0.113.0/24');
  await fleet.server.asks('drill');
  assert.doesNotMatch((await late.command('bans')).stdout, /203\.0\.113\.0\/24/);
});

test('with ipv6-prefix = 64 a report bans the /64 on every host, and the host that made it takes it back', async () => {
  await using fleet = await startFleet({ serverToml: '[bans]\nipv6-prefix = 64' });
  await fleet.addHost('wide', NONE);
  await fleet.addReporter('a');
  await reports(fleet, 'a', 'fail2ban', 'sshd', '2001:db8:0:9::1');
  assert.match(await reports(fleet, 'a', 'fail2ban', 'sshd', '2001:db8:0:9::2'), /duplicate/);
  assert.deepEqual(await banned(fleet), ['2001:db8:0:9::/64']);
  assert.equal((await outcomeOf(fleet, '2001:db8:0:9::/64', 'wide')).outcome, 'skipped');
  const explained = (await fleet.server.asks('explain', '2001:db8:0:9::1')).stdout;
  assert.match(explained, /a reported fail2ban\/sshd \(a ban of 2001:db8:0:9::\/64\): accepted/);
  const unban = await fleet.server.asks('unban', '2001:db8:0:9::1');
  assert.equal(unban.code, 1);
  assert.match(unban.stderr, /banshare-server unban 2001:db8:0:9::\/64/);
  await fleet.server.restart();
  await reports(fleet, 'a', '--unban', 'fail2ban', 'sshd', '2001:db8:0:9::2');
  assert.deepEqual(await banned(fleet), []);
});

test('an operator who lifts a widened ban lifts it also where the host that found the address bans that itself', async () => {
  await using fleet = await startFleet({ hosts: ['a'], serverToml: '[bans]\nipv6-prefix = 64' });
  await reports(fleet, 'a', 'fail2ban', 'sshd', '2001:db8:0:9::1');
  const { stdout } = await fleet.server.asks('unban', '2001:db8:0:9::/64');
  assert.equal(stdout, 'Lifted: 2001:db8:0:9::/64 (fail2ban/sshd), 2001:db8:0:9::1 (fail2ban/sshd).\n');
  assert.deepEqual(await fleet.host('a').commands.next(), ['set', 'sshd', 'unbanip', '2001:db8:0:9::1']);
});

test('another ipv6-prefix from a restart on: reports count by that, and what was widened is taken back', async () => {
  await using fleet = await startFleet({ hosts: ['single'], serverToml: '[bans]\nipv6-prefix = 64' });
  await fleet.addReporter('a');
  await reports(fleet, 'a', 'fail2ban', 'sshd', '2001:db8:0:9::1');
  await fleet.server.restart('[bans]\nipv6-prefix = 96');
  await reports(fleet, 'a', 'fail2ban', 'sshd', '2001:db8:0:7::1');
  await fleet.server.restart('');
  // The host `single` cannot apply the /64, and needs this one.
  await reports(fleet, 'a', 'fail2ban', 'sshd', '2001:db8:0:9::2');
  assert.deepEqual(await fleet.host('single').commands.next(), ['set', 'sshd', 'banip', '2001:db8:0:9::2']);
  for (const ip of ['2001:db8:0:7::1', '2001:db8:0:9::1', '2001:db8:0:9::2'])
    await reports(fleet, 'a', '--unban', 'fail2ban', 'sshd', ip);
  assert.deepEqual(await banned(fleet), []);
});

test('the 21st address of one /64 is held while a host cannot apply ranges, and bans the /64 once all can that count', async () => {
  await using fleet = await startFleet();
  await fleet.addHost('wide', NONE);
  const reporter = await fleet.addHost('reporter', NONE);
  const lines = (first: number, count: number): string =>
    Array.from(
      { length: count },
      (_, index) => `fail2ban sshd 2001:db8:0:9::${(first + index).toString(16)}\n`,
    ).join('');
  await fleet.addHost('single');
  const batch = await fleet.report('reporter', ['--stdin'], { stdin: lines(1, 21) });
  assert.match(batch.stderr, /held.*1 host cannot apply ranges: single/);
  assert.equal((await banned(fleet)).length, 20);
  const { stdout } = await fleet.server.asks('status');
  assert.match(stdout, /^To do: So many addresses of 2001:db8:0:9::\/64 .* hosts mute single --for 90d/m);
  assert.match(stdout, /^To do: 1 new ban is HELD/m);
  assert.equal((await fleet.server.asks('drop')).code, 0);
  assert.equal((await fleet.server.asks('hosts', 'mute', 'single', '--for', '90d')).code, 0);
  await reports(fleet, 'reporter', 'fail2ban', 'sshd', '2001:db8:0:9::15');
  assert.match(await reports(fleet, 'reporter', 'fail2ban', 'sshd', '2001:db8:0:9::16'), /duplicate/);
  assert.equal((await banned(fleet, '2001:db8:0:9::/64')).length, 21);
  assert.equal((await outcomeOf(fleet, '2001:db8:0:9::/64', 'wide')).outcome, 'skipped');
  await reporter.stop();
});

test('import shortens no ban: neither what was banned for longer, nor what the file names twice', async () => {
  await using fleet = await startFleet();
  const file = `${fleet.server.root}/list.csv`;
  await fleet.server.asks('ban', '203.0.113.0/24', '--for', '-1');
  const lines = [
    '203.0.113.0/24,1h',
    '198.51.100.9,-1',
    '198.51.100.9,1h',
    '198.51.100.10,1h',
    '198.51.100.10,-1',
  ];
  writeFileSync(file, `address,duration\n${lines.join('\n')}\n`);
  const { stdout } = await fleet.server.asks('import', file);
  assert.match(stdout, /5 of 5 are banned/);
  const { bans } = await fleet.server.json<{ bans: { ip: string; until: number | null }[] }>('bans');
  assert.deepEqual(
    bans
      .filter(({ until }) => until === null)
      .map(({ ip }) => ip)
      .toSorted(),
    ['198.51.100.10', '198.51.100.9', '203.0.113.0/24'],
  );
});

test('a range survives backup and restore, and what export writes import bans again', async () => {
  await using fleet = await startFleet();
  const file = `${fleet.server.root}/bans.csv`;
  await fleet.server.asks('ban', '203.0.113.0/24', '--for', '1h');
  await fleet.server.asks('ban', '2001:db8::9', '--for', '1h');
  for (const form of ['csv', 'crowdsec', 'json', 'lines']) {
    const { stdout } = await fleet.server.asks('export', '--form', form);
    writeFileSync(file, stdout);
    for (const target of ['203.0.113.0/24', '2001:db8::9']) await fleet.server.asks('unban', target);
    const { stdout: said, stderr } = await fleet.server.asks('import', file);
    assert.match(said, /2 of 2 are banned/, `${form}: ${stderr}`);
    assert.deepEqual(await banned(fleet), ['2001:db8::9', '203.0.113.0/24'], form);
  }
  writeFileSync(file, '10.0.0.0/24\n198.51.0.0/15\n198.51.100.0/24\nnonsense/24\n');
  const partly = await fleet.server.asks('import', file);
  assert.match(partly.stdout, /1 of 4 are banned; 2 may not be banned, 1 could not be read/);
  assert.match(
    partly.stderr,
    /left out: 10\.0\.0\.0\/24 has addresses of 10\.0\.0\.0\/8[^]*198\.50\.0\.0\/15 is too wide/,
  );
  const kept = `${fleet.server.root}/backup`;
  assert.equal((await fleet.server.asks('backup', kept)).code, 0);
  await fleet.server.stop();
  assert.equal((await fleet.server.asks('restore', kept)).code, 0);
  await fleet.server.start();
  assert.ok((await banned(fleet)).includes('203.0.113.0/24'));
});
