import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import type { HostName } from '@banshare/protocol';
import { askAdmin } from '@banshare/runtime';
import { makeIdentity, writeCertificate, writeHostKey } from '@banshare/transport';
import { Program, startFleet, untilAnswered, type Fleet, type FleetHost } from '../fleet/index.ts';

type Status = {
  running: boolean;
  name: string;
  phase: string;
  trouble: string;
  epoch: string;
  position: number;
  enforcer: string;
  bans: Record<string, number>;
  findings: { ok: boolean; says: string }[];
};

async function statusOf(host: FleetHost): Promise<{ code: number | null; status: Status }> {
  const { code, stdout } = await host.command('status', '--json');
  return { code, status: JSON.parse(stdout) as Status };
}

// What needs no fleet of its own; the last ones stop h2.
let fleet: Fleet;
before(async () => {
  fleet = await startFleet({ hosts: ['h1', 'h2'] });
});
after(() => fleet[Symbol.asyncDispose]());

test('status --json tells how a running client stands, and exits 0 when all is well', async () => {
  const h2 = fleet.host('h2');
  assert.equal((await fleet.report('h1', ['fail2ban', 'sshd', '203.0.113.9'])).code, 0);
  await h2.line(/Ban .*applied/);
  const { code, status } = await statusOf(h2);
  assert.equal(code, 0);
  const { running, name, phase, trouble, position, enforcer, bans } = status;
  assert.deepEqual(
    { running, name, phase, trouble, position, enforcer, bans },
    {
      running: true,
      name: 'h2',
      phase: 'in-step',
      trouble: '',
      position: 1,
      enforcer: 'command',
      bans: { applied: 1 },
    },
  );
  assert.match(status.epoch, /^[0-9a-f]{16}$/);
  assert.ok(status.findings.every(({ ok }) => ok));
  const { stdout } = await h2.command('status');
  assert.match(stdout, /^h2 has received everything up to event 1 of 127\.0\.0\.1\./);
});

test('bans --json has the fields that scripts rely on', async () => {
  const before = Math.floor(Date.now() / 1000);
  const sent = await fleet.report('h1', ['--duration', '1h', 'fail2ban', 'sshd', '2001:DB8::9']);
  assert.equal(sent.code, 0, sent.stderr);
  await fleet.host('h2').line(/Ban .*2001:db8::9.*applied/);
  await fleet.host('h1').line(/Ban .*2001:db8::9.*skipped/);
  const { code, stdout } = await fleet.host('h2').command('bans', '--json');
  assert.equal(code, 0);
  const { bans } = JSON.parse(stdout) as { bans: Record<string, unknown>[] };
  const { ip, prog, jail, host, seq, at, until, status } =
    bans.find((ban) => ban['ip'] === '2001:db8::9') ?? {};
  assert.deepEqual(
    { ip, prog, jail, host, seq, status },
    { ip: '2001:db8::9', prog: 'fail2ban', jail: 'sshd', host: 'h1', seq: 2, status: 'applied' },
  );
  assert.ok(Number(at) >= before && Math.abs(Number(until) - Number(at) - 3600) <= 1);
  assert.match((await fleet.host('h2').command('bans')).stdout, /2001:db8::9 .*sshd.*applied/);
  assert.match((await fleet.host('h1').command('bans')).stdout, /2001:db8::9 .*skipped: own/);
});

test('A second client at the same root ends and leaves the first alone', async () => {
  const h1 = fleet.host('h1');
  const second = new Program('client', ['--root', h1.root]);
  assert.equal(await second.ended, 1);
  const said = second.said.join('\n');
  assert.match(said, /banshare-client cannot start reason=.*another daemon answers there/);
  assert.doesNotMatch(said, /nobody expected|stack/);
  assert.equal((await statusOf(h1)).status.phase, 'in-step');
});

test('What a client keeps is for its user only', async () => {
  const { paths } = fleet.host('h1');
  const mode = (path: string): number => statSync(path).mode & 0o777;
  assert.equal(mode(paths.clientSocket), 0o600);
  assert.equal(mode(`${paths.keys.host}.key_secret`), 0o600);
  for (const directory of [paths.clientState, paths.notes, paths.clientRun])
    assert.equal(mode(directory), 0o700);
});

test('A client whose folder in /run is cleared away goes on banning, and is asked and paused as before', async () => {
  const h2 = fleet.host('h2');
  rmSync(join(h2.root, 'run/banshare'), { recursive: true });
  assert.equal((await fleet.report('h1', ['fail2ban', 'sshd', '203.0.113.10'])).code, 0);
  await h2.line(/Ban .*203\.0\.113\.10.*applied/);
  const isThere = async (): Promise<true | undefined> =>
    (await askAdmin(h2.paths.clientSocket, { command: 'ping' }, 10_000)).ok || undefined;
  await untilAnswered(isThere, 20_000, () => 'the socket that the client makes again');
  const paused = await h2.command('pause');
  assert.match(paused.stdout, /^Paused: 3 bans/);
  const { status } = await statusOf(h2);
  assert.deepEqual([status.running, status.phase], [true, 'in-step']);
  assert.equal((await h2.command('resume')).code, 0);
  await h2.stop();
  const { stdout, code } = await h2.command('status');
  assert.match(stdout, /^banshare-client does not run on this host: systemctl start banshare-client; /);
  assert.equal(code, 69);
});

test('A client that was killed when it had only noted that it is paused, or resumed, does the rest at its next start', async () => {
  // Stopped by the test before.
  const h2 = fleet.host('h2');
  const write = (sql: string): void => {
    const state = new DatabaseSync(join(h2.paths.clientState, 'state.db'));
    state.exec(sql);
    state.close();
  };
  const addresses = ['203.0.113.9', '203.0.113.10', '2001:db8::9'];
  write(`UPDATE bans SET status = 'applied', ours = 1; INSERT INTO meta VALUES ('paused', '1795257600')`);
  await h2.start();
  for (const address of addresses) await h2.line(new RegExp(`Unban .*${address}.*applied`));
  await h2.stop();
  write("DELETE FROM meta WHERE name = 'paused'");
  await h2.start();
  for (const address of addresses) await h2.line(new RegExp(` Ban .*${address}.*applied`));
  await h2.stop();
});

test('A client whose server is gone says so, exits 1, and finds back by itself', async () => {
  await using fleet = await startFleet({ hosts: ['h1'] });
  const h1 = fleet.host('h1');
  await fleet.server.stop();
  await h1.line(/Not connected: nothing was heard/);
  const { code, status } = await statusOf(h1);
  assert.equal(code, 1);
  assert.equal(status.phase, 'connecting');
  assert.match(status.findings.map(({ says }) => says).join(), /closed/);
  await fleet.server.start();
  assert.equal((await fleet.report('h1', ['fail2ban', 'sshd', '203.0.113.9'])).code, 0);
  await h1.line(/Ban .*skipped/);
  // It hears of a ban while it still catches up.
  const isInStep = async (): Promise<true | undefined> =>
    (await statusOf(h1)).status.phase === 'in-step' || undefined;
  await untilAnswered(isInStep, 20_000, () => 'h1 to be in step');
});

test('A client whose key the server does not know says that it is refused, and goes on trying', async () => {
  await using fleet = await startFleet();
  const host = fleet.layHost('stranger');
  writeHostKey(host.paths.keys.host, await makeIdentity(), 'stranger' as HostName);
  // With it the host would be taken in again.
  rmSync(`${host.paths.keys.join}.key_secret`);
  host.launch();
  await host.line(/Not connected: the server does not admit this host's key/);
  const { code, status } = await statusOf(host);
  assert.equal(code, 1);
  assert.equal(status.phase, 'refused');
  assert.equal(await host.stop(), 0);
});

test('A client that is not enrolled waits for its server, and enrols once it is there', async () => {
  await using fleet = await startFleet();
  await fleet.server.stop();
  const host = fleet.layHost('early');
  host.launch();
  await host.line(/Cannot enrol yet/);
  assert.equal((await statusOf(host)).status.phase, 'enrolling');
  await fleet.server.start();
  await host.line(/^banshare-client ready name=early /);
  assert.equal(existsSync(`${host.paths.keys.join}.key_secret`), false);
});

test('A join key that an upgrade lays again is deleted once the server knows the host', async () => {
  await using fleet = await startFleet({ hosts: ['h1'] });
  const h1 = fleet.host('h1');
  await h1.stop();
  writeCertificate(h1.paths.keys.join, { metadata: {}, curve: fleet.keys.join });
  await h1.start();
  assert.equal((await statusOf(h1)).status.name, 'h1');
  assert.equal(existsSync(`${h1.paths.keys.join}.key_secret`), false);
});

test('Reports that found no server are sent by the client once it is back, and reach the other hosts', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  await fleet.server.stop();
  const lines = ['203.0.113.1', '203.0.113.2'].map((ip) => `fail2ban sshd ${ip}\n`);
  assert.equal((await fleet.report('h1', ['--stdin'], { stdin: lines.join('') })).code, 0);
  const spooled = (): number =>
    readdirSync(fleet.pathsOf('h1').spool).filter((name) => name.endsWith('.json')).length;
  assert.equal(spooled(), 2);
  await fleet.server.start();
  const ran = [await fleet.host('h2').commands.next(40_000), await fleet.host('h2').commands.next()];
  assert.deepEqual(new Set(ran.map((words) => words[3])), new Set(['203.0.113.1', '203.0.113.2']));
  assert.equal(fleet.host('h2').commands.all.length, 2);
});

test('A host that was forgotten comes back with a fresh join key and its own host key, and a revoked one does not', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const h1 = fleet.host('h1');
  for (const how of ['forget', 'revoke'] as const) {
    assert.equal((await fleet.server.command('hosts', how, 'h1')).code, 0);
    await h1.line(/Not connected: the server does not admit this host's key/);
    assert.equal((await fleet.server.command('enrolment', 'open')).code, 0);
    writeCertificate(h1.paths.keys.join, { metadata: {}, curve: fleet.keys.join });
    if (how === 'revoke') {
      await h1.line(/Cannot enrol anew yet: the key of h1 was revoked/);
      const { code, stderr } = await h1.command('enrol');
      assert.equal(code, 1);
      assert.match(stderr, /h1 is enrolled no more: the key of h1 was revoked\. .*move \S+host\.key\* away/);
      continue;
    }
    assert.equal((await fleet.report('h2', ['fail2ban', 'sshd', '203.0.113.9'])).code, 0);
    await h1.line(/Ban .*203\.0\.113\.9.*applied/);
    assert.equal((await statusOf(h1)).status.name, 'h1');
    assert.equal(existsSync(`${h1.paths.keys.join}.key_secret`), false);
  }
});

test('a client whose state is damaged says so in one line, and what it says to type brings it back', async () => {
  const host = await fleet.addHost('h3');
  await host.stop();
  const file = join(host.paths.clientState, 'state.db');
  for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
  writeFileSync(file, 'no state'.repeat(1000));
  host.launch();
  assert.equal(await host.ended, 1);
  const said = host.said.join('\n');
  assert.match(
    said,
    /cannot start .*state\.db.*: file is not a database, which is damaged\. This host gets all bans/,
  );
  assert.doesNotMatch(said, /stack|at new State/);
  const [, typed = ''] = /&& (mv \S+ \S+ && rm -f \S+ \S+) && systemctl start/.exec(said) ?? [];
  assert.equal(spawnSync('sh', ['-c', typed]).status, 0);
  await host.start();
  assert.equal((await statusOf(host)).status.phase, 'in-step');
});
