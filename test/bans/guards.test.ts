import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { Report } from '@banshare/protocol';
import { startFleet, type Fleet } from '../fleet/index.ts';

// What keeps a mistake, or a host that was taken over, small: README.md, "Before you trust it".
type Bans = { bans: { ip: string }[] };

async function report(
  fleet: Fleet,
  host: string,
  ip: string,
  jail = 'sshd',
): Promise<[number | null, string]> {
  const { code, stderr } = await fleet.report(host, ['fail2ban', jail, ip]);
  return [code, stderr];
}

async function banned(fleet: Fleet): Promise<string[]> {
  return (await fleet.server.json<Bans>('bans')).bans.map(({ ip }) => ip).toSorted();
}

test('What server.toml or an operator lists is never banned, and what is added is lifted everywhere', async () => {
  await using fleet = await startFleet({
    hosts: ['h1', 'h2'],
    serverToml: '[never-ban]\naddresses = ["192.0.2.0/28"]',
  });
  const { commands } = fleet.host('h2');
  const [code, said] = await report(fleet, 'h1', '192.0.2.7');
  assert.equal(code, 77);
  assert.match(said, /192\.0\.2\.0\/28/);
  await report(fleet, 'h1', '198.51.100.7');
  assert.deepEqual(await commands.next(), ['set', 'sshd', 'banip', '198.51.100.7']);
  // A slip of the finger: it would lift every ban, and is no deed without a second word.
  const slip = await fleet.server.asks('never-ban', 'add', '0.0.0.0/2');
  assert.equal(slip.code, 1);
  assert.match(slip.stderr, /one of 4 equal parts of all addresses.*--force/);
  assert.deepEqual(await banned(fleet), ['198.51.100.7']);
  assert.match((await fleet.server.asks('never-ban', 'add', '198.51.100.0/24')).stdout, /198\.51\.100\.7/);
  assert.deepEqual(await commands.next(), ['set', 'sshd', 'unbanip', '198.51.100.7']);
  assert.equal((await report(fleet, 'h1', '198.51.100.8'))[0], 77);
  assert.equal((await fleet.server.asks('ban', '198.51.100.9')).code, 1);
  await fleet.server.restart();
  assert.equal((await report(fleet, 'h1', '198.51.100.8'))[0], 77);
  await fleet.server.asks('never-ban', 'remove', '198.51.100.0/24');
  assert.equal((await report(fleet, 'h1', '198.51.100.8'))[0], 0);
});

test('With a quorum of two a ban waits for a second host, and other bans do not', async () => {
  await using fleet = await startFleet({
    hosts: ['h1', 'h2', 'h3'],
    serverToml: '[[quorum]]\nprog = "fail2ban"\njail = "portscan"\nreporters = 2\nwithin = "10m"',
  });
  assert.match(
    (await report(fleet, 'h1', '203.0.113.9', 'portscan'))[1],
    /counted: 1 of 2 hosts within \d+[smh]: h1/,
  );
  assert.match((await report(fleet, 'h1', '203.0.113.9', 'portscan'))[1], /counted/);
  await report(fleet, 'h1', '203.0.113.10');
  assert.deepEqual(await banned(fleet), ['203.0.113.10']);
  assert.deepEqual(await fleet.host('h3').commands.next(), ['set', 'sshd', 'banip', '203.0.113.10']);
  await report(fleet, 'h2', '203.0.113.9', 'portscan');
  assert.deepEqual(await fleet.host('h3').commands.next(), ['set', 'portscan', 'banip', '203.0.113.9']);
});

test('never-ban add lifts what was only counted too, on the host that reported it as on the others, once', async () => {
  await using fleet = await startFleet({
    hosts: ['h1', 'h2'],
    serverToml: '[[quorum]]\nprog = "fail2ban"\njail = "portscan"\nreporters = 2\nwithin = "10m"',
  });
  assert.match((await report(fleet, 'h1', '198.51.100.31', 'portscan'))[1], /counted/);
  await report(fleet, 'h1', '198.51.100.131', 'portscan');
  assert.match(
    (await fleet.server.asks('never-ban', 'add', '198.51.100.0/25')).stdout,
    /^Done\. Lifted: 198\.51\.100\.31 \(fail2ban\/portscan\)\.\n$/,
  );
  for (const host of ['h1', 'h2'])
    assert.deepEqual(
      await fleet.host(host).commands.next(),
      ['set', 'portscan', 'unbanip', '198.51.100.31'],
      host,
    );
  await fleet.server.asks('never-ban', 'remove', '198.51.100.0/25');
  assert.match(
    (await fleet.server.asks('never-ban', 'add', '198.51.100.31')).stdout,
    /nothing there was banned/,
  );
});

test('A host above its limit waits in its spool, and another host is not affected', async () => {
  await using fleet = await startFleet({
    serverToml: '[limits]\nhost-per-minute = 1\nhost-burst = 2',
  });
  for (const name of ['loud', 'calm']) await fleet.addReporter(name);
  for (const last of [1, 2]) assert.equal((await report(fleet, 'loud', `203.0.113.${last}`))[1], '');
  assert.match((await report(fleet, 'loud', '203.0.113.3'))[1], /in the spool.*limit/);
  assert.equal((await report(fleet, 'calm', '203.0.113.4'))[1], '');
  assert.deepEqual(await banned(fleet), ['203.0.113.1', '203.0.113.2', '203.0.113.4']);
});

test('One host that floods under the default limits brings 200 bans, the rest comes later, and it is an alarm', async () => {
  await using fleet = await startFleet({ serverToml: '[limits]\nactive = 500000' });
  const evil = await fleet.peer('evil');
  assert.ok(evil.name);
  const verdicts: string[] = [];
  const began = performance.now();
  // It gets one more for each second that this takes, which a busy machine makes many.
  while (!verdicts.includes('limit') && verdicts.length < 500) {
    const [n, ip] = [verdicts.length, verdicts.length < 250 ? '198.51.100' : '203.0.113'];
    const report = { prog: 'fail2ban', jail: 'sshd', ip: `${ip}.${n % 250}` } as Report;
    const answer = await evil.ask({ kind: 'report', sender: evil.name, report });
    assert.ok(answer.ok, JSON.stringify(answer));
    verdicts.push(answer.reply.code ?? answer.reply.verdict);
  }
  const seconds = (performance.now() - began) / 1000;
  const accepted = verdicts.filter((verdict) => verdict === 'accepted').length;
  assert.deepEqual(verdicts.slice(accepted), ['limit']);
  assert.ok(accepted >= 200 && accepted <= 201 + seconds, `${accepted} in ${seconds} s`);
  await fleet.server.line(/Far more new bans than usual.*evil/);
  const { code, stdout } = await fleet.server.asks('status', '--urgent');
  assert.equal(code, 1);
  const urgent = new RegExp(
    `URGENT: Hosts brought ${accepted} new bans in 10 minutes.* undo --host evil --since 10m`,
  );
  assert.match(stdout, urgent);
});

test("Above the fleet's limit new bans are held until an operator releases or drops them", async () => {
  await using fleet = await startFleet({ serverToml: '[limits]\nfleet-per-minute = 1' });
  await fleet.addReporter('h1');
  for (const last of [1, 2]) assert.equal((await report(fleet, 'h1', `203.0.113.${last}`))[0], 0);
  assert.deepEqual(await banned(fleet), ['203.0.113.1']);
  const status = await fleet.server.asks('status');
  assert.equal(status.code, 1);
  assert.match(status.stdout, /^To do: 1 new ban is HELD/);
  assert.match((await fleet.server.asks('release')).stdout, /1 held/);
  assert.deepEqual(await banned(fleet), ['203.0.113.1', '203.0.113.2']);
  await report(fleet, 'h1', '203.0.113.3');
  assert.match((await fleet.server.asks('drop')).stdout, /1 held/);
  assert.deepEqual(await banned(fleet), ['203.0.113.1', '203.0.113.2']);
});

test('With enrolment approve a host waits for an operator, and with closed nobody gets in', async () => {
  await using fleet = await startFleet({ serverToml: '[enrolment]\nmode = "approve"' });
  const host = fleet.layHost('h1');
  host.launch();
  await host.line(/waits for an operator/);
  assert.match((await fleet.server.asks('status')).stdout, /hosts approve h1/);
  assert.equal((await fleet.server.asks('hosts', 'approve', 'h1')).code, 0);
  await host.line(/^banshare-client ready name=h1 /);
  await fleet.server.asks('enrolment', 'closed');
  const late = await fleet.layHost('h2').command('enrol');
  assert.equal(late.code, 1);
});

test('A revoked host can neither report nor follow, and nobody enrols unasked from then on', async () => {
  await using fleet = await startFleet({ hosts: ['good', 'bad'] });
  await report(fleet, 'bad', '203.0.113.9');
  assert.equal((await fleet.server.asks('hosts', 'revoke', 'bad')).code, 0);
  await fleet.host('bad').line(/does not admit/);
  assert.equal((await report(fleet, 'bad', '203.0.113.10'))[0], 77);
  assert.match((await fleet.server.asks('undo', '--host', 'bad', '--since', '1h')).stdout, /203\.0\.113\.9/);
  const { commands } = fleet.host('good');
  assert.deepEqual(await commands.next(), ['set', 'sshd', 'banip', '203.0.113.9']);
  assert.deepEqual(await commands.next(), ['set', 'sshd', 'unbanip', '203.0.113.9']);
  await report(fleet, 'good', '203.0.113.11');
  assert.deepEqual(await banned(fleet), ['203.0.113.11']);
  assert.match((await fleet.server.asks('status')).stdout, /Enrolment: approve/);
});

test('The audit log has what operators did, and notices that an entry was changed', async () => {
  await using fleet = await startFleet({ hosts: ['h1'] });
  await fleet.server.asks('never-ban', 'add', '198.51.100.0/24');
  await fleet.server.asks('enrolment', 'approve');
  const log = (await fleet.server.asks('audit')).stdout;
  assert.match(log, /enrolled .*h1[^]*never-ban add .*198\.51\.100\.0\/24[^]*enrolment .*approve/);
  assert.equal((await fleet.server.asks('audit', '--verify')).code, 0);
  await fleet.server.stop();
  const ledger = new DatabaseSync(fleet.server.paths.ledger);
  ledger.exec(`UPDATE audit SET details = '{"range":"192.0.2.0/24"}' WHERE what = 'never-ban add'`);
  ledger.close();
  await fleet.server.start();
  const verified = await fleet.server.asks('audit', '--verify');
  assert.equal(verified.code, 1);
  assert.match(verified.stderr, /breaks at entry/);
});
