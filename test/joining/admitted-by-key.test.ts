import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeIdentity } from '@banshare/transport';
import { assertInTime, runProgram, startFleet, type FleetHost, type Ran } from '../fleet/index.ts';

// Hosts without any secret that others could use: their keys are fetched from them, and admitted. README.md, "Three ways to join".
type Hosts = { hosts: { name: string; state: string }[] };
type Audited = { entries: { what: string; details: Record<string, unknown> }[] };

const fleet = await startFleet({ serverToml: '[enrolment]\nmode = "closed"' });
after(() => fleet[Symbol.asyncDispose]());

/** A host as a package lays it: it knows its server, and has no key. */
function bareHost(name: string): FleetHost {
  const host = fleet.layHost(name);
  for (const file of readdirSync(host.paths.keys.dir)) rmKey(host, file);
  return host;
}

function rmKey(host: FleetHost, file: string): void {
  rmSync(join(host.paths.keys.dir, file));
}

function admit(lines: string, ...words: string[]): Promise<Ran> {
  const root = ['--root', fleet.server.root];
  return runProgram('server', ['hosts', 'admit', '-', ...words, ...root], { stdin: lines });
}

async function stateOf(wanted: string): Promise<string | undefined> {
  const { hosts } = await fleet.server.json<Hosts>('hosts');
  return hosts.find(({ name }) => name === wanted)?.state;
}

async function lineOf(name: string): Promise<string> {
  return `${name} ${(await makeIdentity()).publicHex}`;
}

test('banshare-client key makes the key of a host that has none, once, whoever else makes it meanwhile', async () => {
  const host = bareHost('made-1');
  const said = await Promise.all([host.command('key'), host.command('key'), host.command('key', '--json')]);
  const [first, second, json] = said.map(({ code, stdout }) => [code, stdout] as const);
  assert.match(first?.[1] ?? '', /^made-1 [0-9a-f]{64}\n$/);
  assert.deepEqual(second, first);
  const [name, key] = (first?.[1] ?? '').trim().split(' ');
  assert.deepEqual(JSON.parse(json?.[1] ?? ''), { name, key });
  assert.deepEqual(readdirSync(host.paths.keys.dir).toSorted(), ['host.key', 'host.key_secret']);
});

test('A host whose key was admitted beforehand enrols without any join secret while enrolment is closed', async () => {
  const host = bareHost('early-1');
  const line = (await host.command('key')).stdout;
  const { code, stdout } = await admit(`# fetched over ssh\n\n${line}`);
  assert.deepEqual([code, stdout], [0, 'early-1 is admitted.\n1 admitted, 0 admitted already.\n']);
  // It counts for nothing before it has come.
  assert.equal(await stateOf('early-1'), 'admitted');
  const { hosts, todo } = await fleet.server.json<{ hosts: number; todo: unknown[] }>('status');
  assert.deepEqual([hosts, todo], [0, []]);
  await host.start();
  assert.equal(await stateOf('early-1'), 'active');
  const again = await admit(line);
  assert.deepEqual(
    [again.code, again.stdout],
    [0, 'early-1 is admitted already.\n0 admitted, 1 admitted already.\n'],
  );
  assert.equal((await host.command('key')).stdout, line);
  const { entries } = await fleet.server.json<Audited>('audit');
  const own = entries.filter(({ details }) => details['name'] === 'early-1');
  assert.deepEqual(
    own.map(({ what }) => what),
    ['admitted'],
  );
});

test('A host that nobody admitted yet says in log and status what to do, and works within seconds after that', async () => {
  const host = bareHost('late-1');
  host.launch();
  const logged = await host.line(/Cannot enrol yet/);
  const [, line = ''] =
    /echo \\?"(late-1 [0-9a-f]{64})\\?" \| banshare-server hosts admit -/.exec(logged) ?? [];
  const status = await host.command('status');
  assert.equal(status.code, 1);
  assert.ok(status.stdout.includes(`echo "${line}" | banshare-server hosts admit -`), status.stdout);
  assert.match(
    status.stdout,
    /Not enrolled: .*hosts admit - takes the line that banshare-client key prints here/,
  );
  assert.equal((await host.command('--check')).code, 0);
  const asked = performance.now();
  assert.equal((await admit(line)).code, 0);
  await host.line(/^banshare-client ready name=late-1 /);
  await assertInTime(performance.now() - asked, 10_000);
});

test('All lines are judged before any is taken, and each that is not names its number and why', async () => {
  const [good, other] = [await lineOf('good-1'), await lineOf('good-1')];
  const key = good.split(' ')[1] ?? '';
  const off = `01${'0'.repeat(62)}`;
  const lines = [
    '# all',
    good,
    `b@d ${key}`,
    `alone`,
    `three ${key} words`,
    `near ${off}`,
    other,
    `GOOD-2 ${key}`,
  ];
  const { code, stdout, stderr } = await admit(lines.join('\n'));
  assert.equal(code, 65, stderr);
  assert.equal(stdout, '');
  for (const said of [
    /line 3: .*"b@d"/,
    /line 4: "alone" is not NAME KEY/,
    /line 5: .* is not NAME KEY/,
    /line 6: the key of near is none of a host/,
    /line 7: line 2 has the same name, with another key/,
    /line 8: line 2 has the same key, for good-1/,
    /nobody is admitted/,
  ])
    assert.match(stderr, said);
  assert.doesNotMatch(stderr, /line [12]:/);
  assert.equal(await stateOf('good-1'), undefined);
  assert.equal((await admit('# nothing came\n')).code, 65);
  assert.equal((await fleet.server.command('hosts', 'admit')).code, 64);
  const both = await admit(`${good}\n${good} # said twice\n`, '--json');
  assert.deepEqual(
    (JSON.parse(both.stdout) as Hosts).hosts.map(({ name }) => name),
    ['good-1'],
  );
});

test('A revoked key, another key of a name, and a name in another case are refused with what to do', async () => {
  const [first, second] = [await lineOf('Twin-1'), await lineOf('twin-1')];
  assert.equal((await admit(first)).code, 0);
  const taken = await admit(second);
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, /line 1: Twin-1 is another host, with another key: --replace .* REVOKES/);
  const replaced = await admit(second, '--replace');
  assert.deepEqual([replaced.code, /called Twin-1-old-/.test(replaced.stdout)], [0, true]);
  const revoked = await admit(first);
  assert.equal(revoked.code, 1);
  assert.match(revoked.stderr, /line 1: the key of Twin-1-old-.* was revoked: hosts forget Twin-1-old-/);
  assert.match((await admit(`operator ${first.split(' ')[1]}`)).stderr, /operator/);
});

test('A host that waits for an operator is approved by its line, and 300 lines are taken in a few seconds', async () => {
  await fleet.server.says('enrolment', 'approve');
  const peer = await fleet.newcomer();
  await peer.enrol('waits-1');
  const { stdout } = await admit(`waits-1 ${peer.identity.publicHex}`);
  assert.match(stdout, /1 approved that waited/);
  assert.equal(await stateOf('waits-1'), 'active');
  const many = await Promise.all(Array.from({ length: 300 }, (_, index) => lineOf(`rack-${index}`)));
  const { code, stdout: said, ms } = await admit(many.join('\n'));
  assert.deepEqual([code, said], [0, '300 admitted, 0 admitted already.\n']);
  await assertInTime(ms, 10_000);
  assert.equal((await admit(many.join('\n'))).stdout, '0 admitted, 300 admitted already.\n');
  // One among them that nobody expected is named.
  const extra = await admit([...many, await lineOf('guest-1')].join('\n'));
  assert.equal(extra.stdout, 'guest-1 is admitted.\n1 admitted, 300 admitted already.\n');
});

test('Who only asks for a name keeps nobody from being admitted by it, and waits on under another', async () => {
  await fleet.server.says('enrolment', 'approve');
  const [first, second, squatter] = await Promise.all([fleet.newcomer(), fleet.newcomer(), fleet.newcomer()]);
  await squatter.enrol('wanted-1');
  const line = await lineOf('Wanted-1');
  const { code, stdout } = await admit(line);
  const other = `wanted-1-${squatter.identity.publicHex.slice(0, 4)}`;
  assert.deepEqual(
    [code, stdout],
    [
      0,
      `Wanted-1 is admitted. Who waits and asked for wanted-1 too, with another key, is called ${other} now.\n1 admitted, 0 admitted already.\n`,
    ],
  );
  assert.deepEqual([await stateOf('Wanted-1'), await stateOf(other)], ['admitted', 'pending']);
  const { reason } = (await squatter.enrol('wanted-1')) as { reason?: string };
  assert.match(JSON.stringify([reason, squatter.name]), new RegExp(other));
  // The same where the host that is admitted came second, and waits too.
  await first.enrol('wanted-2');
  await second.enrol('wanted-2');
  const late = await admit(`wanted-2 ${second.identity.publicHex}`);
  assert.match(late.stdout, /^wanted-2 is in the fleet\. Who waits and asked for wanted-2 too/);
  assert.equal(await stateOf('wanted-2'), 'active');
  assert.equal(await stateOf(`wanted-2-${first.identity.publicHex.slice(0, 4)}`), 'pending');
  // One that is in keeps its name.
  assert.equal((await admit(await lineOf('wanted-2'))).code, 1);
  await fleet.server.says('enrolment', 'closed');
});
