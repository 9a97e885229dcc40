import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseFleet, type Fleet as Generation } from '@banshare/runtime';
import { PATIENCE_MS, untilTrue } from './ground/deadline.ts';
import { startFleet, type Fleet } from './ground/fleet.ts';
import type { Host } from './ground/host.ts';
import { makeGeneration, makeInstaller } from './ground/installed.ts';
import { skipReason } from './ground/requirements.ts';
import type { Running } from './ground/running.ts';

const skip = skipReason();
const NAMES = ['h1', 'h2', 'h3'] as const;
const APPLIED = '/var/log/applied';
const SENT = '/var/log/sent';

/** Each host notes what it bans and lifts, its own reports too. */
const clientToml = `[apply]
own-reports = true
command = '/bin/sh -c "echo ban $0 >>${APPLIED}" SRCIP'
unban-command = '/bin/sh -c "echo unban $0 >>${APPLIED}" SRCIP'
`;

test(
  'server and all hosts move to a new generation under load: every report is applied by every host, once',
  { skip },
  async (t) => {
    const clientConfig = Object.fromEntries(NAMES.map((name) => [name, clientToml]));
    await using fleet = await startFleet({ hosts: NAMES, clientConfig });
    const hosts = NAMES.map((name) => fleet.host(name));
    const next = makeNext(t);
    const [old = ''] = (await onServer<{ generations: string[] }>(fleet, 'status')).generations;
    const identities = await Promise.all(hosts.map(identity));
    const loads = hosts.map(startLoad);
    for (const host of hosts) await host.untilLines(SENT, / 0$/, 20);

    await fleet.server.write('/var/hook', '#!/bin/sh\necho "$@" >>/var/log/hook\n', 0o755);
    await run(fleet.server, next.server, '--hook', '/var/hook');
    await fleet.stop(fleet.server);
    await fleet.start(fleet.server);
    const { generations } = await onServer<{ generations: string[] }>(fleet, 'status');
    assert.deepEqual(generations, [old, next.generation.generation]);

    for (const host of hosts) {
      const refused = await fleet.server.run(['banshare-server', 'retire', old]);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, new RegExp(`hosts? .* still on ${old}: .*${host.name}`));
      await run(host, next.client);
      await fleet.stop(host);
      await fleet.start(host);
      await untilOn(fleet, host, next.generation.generation);
    }
    for (const host of hosts) await sendMore(host, 20);
    for (const host of hosts) await host.write('/run/stop', '');
    for (const load of loads) assert.equal((await load.ended).code, 0);

    const sent = (await Promise.all(hosts.map(reports))).flat();
    assert.ok(sent.length > 200, String(sent.length));
    assert.deepEqual(
      sent.filter(({ code }) => code !== 0),
      [],
    );
    const wanted = sent.map(({ ip }) => `ban ${ip}`).toSorted();
    for (const host of hosts) {
      await host.untilLines(APPLIED, /^ban /, wanted.length, 60_000);
      const done = (await host.read(APPLIED)).trim().split('\n').toSorted();
      assert.deepEqual(done, wanted, `${host.name}: each once, and nothing was lifted`);
    }
    assert.deepEqual(await Promise.all(hosts.map(identity)), identities);
    const { hosts: known } = await onServer<{ hosts: { name: string }[] }>(fleet, 'hosts');
    assert.deepEqual(known.map(({ name }) => name).toSorted(), [...NAMES]);
    t.diagnostic(
      `${sent.length} reports, ${sent.filter(({ text }) => /spool/.test(text)).length} by the spool`,
    );

    await t.test('then the old generation is retired, and the hook closes what it opened', async () => {
      const { reportPort, publishPort } = next.generation;
      assert.equal(await fleet.server.read('/var/log/hook'), `open ${reportPort} ${publishPort}\n`);
      // As if the hook had been there when the old generation was installed.
      const oldPorts = await portsOf(fleet.server, old);
      await fleet.server.append('/etc/banshare/firewall-hook.opened', `${oldPorts}\n`);
      await fleet.server.output(['banshare-server', 'retire', old]);
      assert.match(await fleet.server.read('/var/log/hook'), new RegExp(`\nclose ${oldPorts}\n$`));
      assert.equal(
        await fleet.server.read('/etc/banshare/firewall-hook.opened'),
        `${reportPort} ${publishPort}\n`,
      );
      await hosts[0]!.output(['banshare-report', '--strict', 'fail2ban', 'sshd', '203.0.113.77']);
      for (const host of hosts) await host.untilLines(APPLIED, /^ban 203\.0\.113\.77$/);
    });

    await t.test(
      "a generation that is gone without retire is closed by the installer's next run",
      async () => {
        await fleet.server.append('/etc/banshare/firewall-hook.opened', '24001 24002\n');
        await run(fleet.server, next.server);
        assert.match(await fleet.server.read('/var/log/hook'), /\nclose 24001 24002\n$/);
        assert.doesNotMatch(await fleet.server.read('/etc/banshare/firewall-hook.opened'), /24001/);
      },
    );
  },
);

test(
  'a generation that the server could not serve is put back, and the running one is left alone',
  { skip },
  async (t) => {
    await using fleet = await startFleet({ hosts: ['h1'] });
    const next = makeNext(t);
    const { server } = fleet;
    const before = await server.output(['ls', '/etc/banshare/generations']);
    await server.write('/etc/banshare/server.toml', '[listen]\nreport-port = 24001\n');
    const faulty = await attempt(server, next.server);
    assert.equal(faulty.code, 1);
    assert.match(faulty.stderr, /previous installation is put back: .*\[listen\] ports in server\.toml/s);
    assert.equal(await server.output(['ls', '/etc/banshare/generations']), before);

    await server.write('/etc/banshare/server.toml', '');
    await server.agent.listen(next.generation.publishPort);
    const taken = await attempt(server, next.server);
    assert.equal(taken.code, 1);
    assert.match(taken.stderr, new RegExp(`listens on port ${next.generation.publishPort} already`));
    assert.equal(await server.output(['ls', '/etc/banshare/generations']), before);
    await fleet.stop(server);
    await fleet.start(server);
    await fleet.host('h1').output(['banshare-report', '--strict', 'fail2ban', 'sshd', '203.0.113.77']);
  },
);

type Next = { generation: Generation; client: string; server: string };

/** The next generation, and the installers that move hosts of this runtime to it. */
function makeNext(t: { after: (done: () => void) => void }): Next {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-lab-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [certs, dist] = [join(folder, 'certs'), join(folder, 'dist')];
  makeGeneration(certs);
  makeInstaller('client', certs, dist);
  makeInstaller('server', certs, dist);
  const generation = parseFleet(readFileSync(join(certs, 'fleet.toml'), 'utf8'));
  assert.ok(generation.ok);
  const slim = (role: string) => join(dist, `${role}-install-slim.sh`);
  return { generation: generation.value, client: slim('client'), server: slim('server') };
}

/** The hosts have their own /tmp: an installer made after they started has to be brought to them. */
function attempt(host: Host, installer: string, ...flags: string[]) {
  cpSync(installer, host.outside('/var/install.sh'));
  return host.run(['sh', '/var/install.sh', ...flags]);
}

async function run(host: Host, installer: string, ...flags: string[]): Promise<void> {
  const ran = await attempt(host, installer, ...flags);
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
}

async function onServer<T>(fleet: Fleet, command: string): Promise<T> {
  const { stdout } = await fleet.server.run(['banshare-server', command, '--json']);
  return JSON.parse(stdout) as T;
}

async function untilOn(fleet: Fleet, host: Host, generation: string): Promise<void> {
  await untilTrue(PATIENCE_MS, `${host.name} to be on ${generation}`, async () => {
    type Known = { hosts: { name: string; generation: string }[] };
    const { hosts } = await onServer<Known>(fleet, 'hosts');
    return hosts.find(({ name }) => name === host.name)?.generation === generation;
  });
}

/** Reports one address after the other, each from a /64 of its own, and notes exit code and words. */
function startLoad(host: Host): Running {
  const net = host.name.slice(1);
  const script = `i=0; while ! [ -e /run/stop ]; do i=$((i + 1)); ip=2001:db8:${net}:$i::1
    said=$(banshare-report fail2ban sshd $ip 2>&1); code=$?; echo "$ip $said $code" >>${SENT}; done`;
  return host.spawn(['sh', '-c', script]);
}

async function sendMore(host: Host, count: number): Promise<void> {
  const before = (await reports(host)).length;
  await host.untilLines(SENT, / \d+$/, before + count);
}

async function reports(host: Host): Promise<{ ip: string; text: string; code: number }[]> {
  const lines = (await host.read(SENT)).trim().split('\n');
  return lines.map((text) => ({
    ip: text.split(' ')[0] ?? '',
    text,
    code: Number(text.split(' ').at(-1)),
  }));
}

function identity(host: Host): Promise<string> {
  return host.read('/etc/banshare/keys/host.key_secret');
}

/** The two ports of a generation in service, with a blank. */
async function portsOf(server: Host, generation: string): Promise<string> {
  const text = await server.read(`/etc/banshare/generations/${generation}/fleet.toml`);
  const port = (name: string) => new RegExp(`^${name}-port = (\\d+)$`, 'm').exec(text)?.[1];
  return `${port('report')} ${port('publish')}`;
}
