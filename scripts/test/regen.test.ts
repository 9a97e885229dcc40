import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FreshBuild, run } from '../../test/installers/fresh-build.ts';
import { makeGeneration } from '../making/generation.ts';
import { randomPorts } from '../ports.ts';
import { Fault } from '../say.ts';

test('the first generation is for this machine, and says so', () => {
  using fresh = new FreshBuild();
  const ran = fresh.regen();
  assert.equal(ran.code, 0, ran.err);
  assert.match(ran.out, /127\.0\.0\.1/);
  assert.match(ran.out, /SERVER was not given/);
  assert.match(
    ran.out,
    /^Next: make packages generation-file, or make client-install\.sh server-install\.sh,/m,
  );
  assert.equal(value(fresh, 'server'), '127.0.0.1');
  assert.equal(value(fresh, 'ban-command'), '/usr/bin/fail2ban-client set JAIL banip SRCIP');
});

test('a generation is five files, the secrets for their owner only', () => {
  using fresh = new FreshBuild();
  fresh.regen();
  const modes = readdirSync(fresh.certs).map((name) => [
    name,
    statSync(join(fresh.certs, name)).mode & 0o777,
  ]);
  assert.deepEqual(Object.fromEntries(modes), {
    'fleet.toml': 0o644,
    'join.key': 0o644,
    'join.key_secret': 0o600,
    'server.key': 0o644,
    'server.key_secret': 0o600,
  });
});

test('each generation has keys, ports and a name of its own; SERVER and BAN_COMMAND are remembered', () => {
  using fresh = new FreshBuild();
  fresh.regen('--server=bans.example.org', '--ban-command=/usr/sbin/ban SRCIP "in JAIL"');
  const first = contents(fresh);
  const ran = fresh.regen();
  assert.equal(ran.code, 0, ran.err);
  const second = contents(fresh);
  for (const name of Object.keys(first)) assert.notEqual(first[name], second[name], name);
  assert.equal(value(fresh, 'server'), 'bans.example.org');
  assert.equal(value(fresh, 'ban-command'), '/usr/sbin/ban SRCIP "in JAIL"');
  assert.doesNotMatch(ran.out, /SERVER was not given/);
});

test('SERVER may name several servers, which all of this generation and of the next know', () => {
  using fresh = new FreshBuild();
  const ran = fresh.regen('--server=a.example.org  2001:db8::2');
  assert.equal(ran.code, 0, ran.err);
  assert.match(ran.out, /^ {2}servers {2}a\.example\.org, 2001:db8::2, ports \d+/m);
  assert.equal(value(fresh, 'server'), '[ "a.example.org", "2001:db8::2" ]');
  fresh.regen();
  assert.equal(value(fresh, 'server'), '[ "a.example.org", "2001:db8::2" ]');
  fresh.regen('--server=a.example.org');
  assert.equal(value(fresh, 'server'), 'a.example.org');
});

test('ports are two, in 20000-64000 outside the ephemeral range, and not those of the previous generation', () => {
  const all = new Set<number>();
  for (let round = 0; round < 200; round++) {
    const [report, publish] = randomPorts([]);
    assert.notEqual(report, publish);
    all.add(report).add(publish);
  }
  for (const port of all)
    assert.ok((port >= 20_000 && port < 32_768) || (port > 60_999 && port <= 64_000), String(port));
  assert.ok(all.size > 300, `${all.size} of 400 differ`);
  const free = [20_007, 63_999];
  const taken = [...Array(64_001).keys()].filter((port) => port >= 20_000 && !free.includes(port));
  const few = taken.filter((port) => port < 32_768 || port > 60_999);
  assert.deepEqual(new Set(randomPorts(few)), new Set(free));
  using fresh = new FreshBuild();
  const rounds = [1, 2].map(() => {
    fresh.regen();
    return [Number(value(fresh, 'report-port')), Number(value(fresh, 'publish-port'))];
  });
  assert.equal(new Set(rounds.flat()).size, 4);
});

test('PORTS fixes the ports, for this generation', () => {
  using fresh = new FreshBuild();
  assert.equal(fresh.regen('--ports=24001,24002').code, 0);
  assert.equal(value(fresh, 'report-port'), '24001');
  assert.equal(value(fresh, 'publish-port'), '24002');
});

const refused: readonly [string, RegExp][] = [
  ['--ports=24001', /PORTS=24001/],
  ['--ports=24001,24001', /must differ/],
  ['--ports=0,24001', /PORTS/],
  ['--ports=24001,65536', /65535/],
  ['--ports=1e3,24001', /PORTS/],
  ['--server=a_name! b.example.org', /server/],
  ['--server=a.example.org,b.example.org', /server/],
  ['--server= ', /names no server/],
  ['--server=a.example.org b.example.org A.example.org', /names "A\.example\.org" twice/],
  ['--server=a.example.org 0.0.0.0', /0\.0\.0\.0/],
  ['--server=a b c d e f g h i', /8 servers at most/],
  ['--server=1.2.3', /not one IPv4 or IPv6 address/],
  ['--server=010.0.0.1', /not one IPv4 or IPv6 address/],
  ['--server=0.0.0.0', /0\.0\.0\.0/],
  ['--server=x;reboot', /server/],
  ['--server=-h', /server/],
  ['--ban-command=/bin/ban "SRCIP', /never closed/],
  ['--ban-command=/bin/ban JAIL', /SRCIP/],
  ['--ban-command=/bin/ban\nSRCIP', /one line/],
];
// One generation is there for all of them: what is refused changes nothing, as each of them shows.
const steady = new FreshBuild();
before(() => assert.equal(steady.regen('--server=bans.example.org').code, 0));
after(() => steady[Symbol.dispose]());
for (const [flag, word] of refused) {
  test(`${JSON.stringify(flag)} is refused with a clear word, and the previous generation stays`, async () => {
    const was = contents(steady);
    const asked = makeGeneration([`--certs=${steady.certs}`, flag]);
    await assert.rejects(asked, (error) => error instanceof Fault && word.test(error.message));
    assert.deepEqual(contents(steady), was);
  });
}

test('a refusal is one line and exit code 1', () => {
  const ran = steady.regen('--server=a.example.org 0.0.0.0');
  assert.deepEqual([ran.code, ran.out], [1, '']);
  assert.match(ran.err, /^Cannot use SERVER=0\.0\.0\.0: [^\n]+\n$/);
});

test('a regen that cannot write leaves the previous generation whole', () => {
  using fresh = new FreshBuild();
  fresh.regen();
  const before = contents(fresh);
  const script = join(import.meta.dirname, '../regen.ts');
  // No file may grow beyond nothing: as on a full disk.
  const ran = run('sh', [
    '-c',
    'ulimit -f 0 && exec "$@"',
    'sh',
    process.execPath,
    script,
    `--certs=${fresh.certs}`,
  ]);
  assert.notEqual(ran.code, 0);
  rmSync(join(fresh.certs, '.next'), { recursive: true, force: true });
  assert.deepEqual(contents(fresh), before);
});

test('a regen that was killed between two files is finished by the next program that looks', () => {
  using fresh = new FreshBuild();
  using other = new FreshBuild();
  fresh.regen();
  other.regen();
  const complete = contents(other);
  // As a kill leaves it: the new generation complete in .ready, one of its files already moved.
  renameSync(other.certs, join(fresh.certs, '.ready'));
  renameSync(join(fresh.certs, '.ready/server.key'), join(fresh.certs, 'server.key'));
  assert.equal(fresh.generationFile(fresh.path('generation')).code, 0);
  assert.deepEqual(contents(fresh), complete);
});

test('a build refuses a generation whose files do not fit together', () => {
  using fresh = new FreshBuild();
  using other = new FreshBuild();
  fresh.regen();
  other.regen();
  renameSync(join(other.certs, 'fleet.toml'), join(fresh.certs, 'fleet.toml'));
  const ran = fresh.build();
  assert.equal(ran.code, 1);
  assert.match(ran.err, /two generations; run make regen/);
});

function contents(fresh: FreshBuild): Record<string, string> {
  const files = readdirSync(fresh.certs).map((name) => [name, readFileSync(join(fresh.certs, name), 'utf8')]);
  return Object.fromEntries(files) as Record<string, string>;
}

function value(fresh: FreshBuild, key: string): string | undefined {
  const text = readFileSync(join(fresh.certs, 'fleet.toml'), 'utf8');
  const found = new RegExp(`^${key} = (.*)$`, 'm').exec(text)?.[1];
  return found?.startsWith('"') === true ? (JSON.parse(found) as string) : found;
}
