import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Program, takePort, untilAnswered } from '../fleet/index.ts';
import { FreshBuild, run, type Ran } from '../installers/fresh-build.ts';
import { Below } from '../installers/install-below.ts';

// Two generations of one fleet, each with programs of its own, as an administrator's regen makes them.
const first = new FreshBuild();
const second = new FreshBuild();
before(() => {
  for (const fresh of [first, second]) fresh.light(`--ports=${takePort()},${takePort()}`);
});
after(() => {
  first[Symbol.dispose]();
  second[Symbol.dispose]();
});

test('a host that is upgraded before its server keeps the generation that answers, ban by ban, goes over once the server has the new one, and finds back', async () => {
  const [server, host] = [new Below(first, 'server'), new Below(first, 'host')];
  assert.equal(server.install('server').code, 0);
  host.write('etc/banshare/client.toml', 'name = "h1"\n[apply]\nenforcer = "none"\n');
  assert.equal(host.install('client').code, 0);
  const serving = daemon(server, 'server');
  await serving.line(/^banshare-server ready /);
  const before = daemon(host, 'client');
  await before.line(/^banshare-client ready /);
  const old = await untilOn(server, (generation) => generation !== '');
  await before.stop();

  // The host comes first: nothing of its new generation answers yet.
  assert.equal(installOver(second, host).code, 0);
  const client = daemon(host, 'client');
  await client.line(/^banshare-client ready /, 30_000);
  assert.equal(generationOf(server), old);
  const status = host.program('banshare-client', 'status');
  assert.match(status.out, new RegExp(`still goes by the generation ${old}: no server of `));
  await isBanned(server, client, '203.0.113.9');
  const reported = host.program('banshare-report', '--strict', 'fail2ban', 'sshd', '203.0.113.10');
  assert.equal(reported.code, 0, reported.err);

  const file = second.path('generation');
  const made = second.generationFile(file);
  assert.equal(made.code, 0, made.err);
  const added = server.program('banshare-server', 'generation', 'add', file);
  assert.equal(added.code, 0, added.err);
  assert.match(added.out, /and the server begins anew with it/);
  await serving.line(/^banshare-server ready /);
  await client.line(/answers: begins anew with it/, 60_000);
  await client.line(/^banshare-client ready /, 30_000);
  const next = await untilOn(server, (generation) => generation !== old);
  assert.doesNotMatch(host.program('banshare-client', 'status').out, /still goes by/);
  await isBanned(server, client, '203.0.113.11');
  const retired = server.program('banshare-server', 'retire', old);
  assert.equal(retired.code, 0, retired.err);
  await client.stop();

  // The way back: the programs of the old generation, whose keys no server has any more.
  assert.equal(installOver(first, host).code, 0);
  const back = daemon(host, 'client');
  await back.line(/^banshare-client ready /, 30_000);
  assert.equal(generationOf(server), next);
  await isBanned(server, back, '203.0.113.12');
  await back.stop();
  await serving.stop();
});

function daemon(below: Below, role: 'client' | 'server'): Program {
  const main = below.path(`usr/lib/banshare/${role}.mjs`);
  return new Program(role, ['run', '--root', below.root], { main });
}

function installOver(fresh: FreshBuild, below: Below): Ran {
  return run('dash', [join(fresh.dist, 'client-install.sh')], { DESTDIR: below.root });
}

function generationOf(server: Below): string {
  const { hosts } = JSON.parse(server.program('banshare-server', 'hosts', '--json').out) as {
    hosts: { name: string; generation: string }[];
  };
  return hosts.find(({ name }) => name === 'h1')?.generation ?? '';
}

/** The generation that the host is on, once it has told the server of one that is meant. */
function untilOn(server: Below, isMeant: (generation: string) => boolean): Promise<string> {
  const ask = async (): Promise<string | undefined> => {
    const generation = generationOf(server);
    return isMeant(generation) ? generation : undefined;
  };
  return untilAnswered(ask, 30_000, () => 'the word of the host on its generation');
}

/** An operator's ban comes to the host. */
async function isBanned(server: Below, client: Program, ip: string): Promise<void> {
  const ban = server.program('banshare-server', 'ban', ip);
  assert.equal(ban.code, 0, ban.err);
  await client.line(new RegExp(`ip=${ip.replaceAll('.', String.raw`\.`)}\\b`));
}
