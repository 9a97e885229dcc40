import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { limitTo, parseHosts } from '../deploy/hosts-file.ts';
import type { Outcome, Task } from '../deploy/install-host.ts';
import { Record } from '../deploy/record.ts';
import { answersIn } from '../deploy/remote-scripts.ts';
import { scpTarget, type Ended } from '../deploy/remote.ts';
import { askAll, rollOut, tasksOf, type RollOut } from '../deploy/roll-out.ts';
import { ServerView } from '../deploy/server-view.ts';
import { showStandings, standingsOf } from '../deploy/summary.ts';
import { Fault } from '../say.ts';
import { run } from '../../test/installers/fresh-build.ts';

const FLEET = `# the fleet
root@bans.example.org  server client   # both
web[1-3].example.org   web eu
db[08-10]              db canary

web2.example.org       de
ssh://admin@[2001:db8::1]:2222
`;

test('a list has ranges, roles, groups and comments; a destination on two lines has the words of both', () => {
  const found = parseHosts(FLEET).map(({ destination, roles, groups }) => [destination, roles, groups]);
  assert.deepEqual(found, [
    ['root@bans.example.org', ['server', 'client'], []],
    ['web1.example.org', ['client'], ['web', 'eu']],
    ['web2.example.org', ['client'], ['web', 'eu', 'de']],
    ['web3.example.org', ['client'], ['web', 'eu']],
    ['db08', ['client'], ['db', 'canary']],
    ['db09', ['client'], ['db', 'canary']],
    ['db10', ['client'], ['db', 'canary']],
    ['ssh://admin@[2001:db8::1]:2222', ['client'], []],
  ]);
});

test('ranges may be several, with commas, and in the middle', () => {
  const found = parseHosts('r[1-2]-n[1,3]x').map(({ destination }) => destination);
  assert.deepEqual(found, ['r1-n1x', 'r1-n3x', 'r2-n1x', 'r2-n3x']);
});

for (const [line, words] of [
  ['-oProxyCommand=x', /line 2: "-oProxyCommand=x" is no ssh destination/],
  ['h1;reboot', /is no ssh destination/],
  ['web[5-1]', /"\[5-1\]" is no range of numbers/],
  ['web[a-c]', /is no range of numbers/],
  ['web[1-99999]', /is no range of numbers/],
  ['h[1-200][1-200]', /more than 10000 hosts/],
  ['h1 --force', /"--force" is neither a role nor a group's name/],
] as const) {
  test(`the line "${line}" is refused by its number`, () => {
    assert.throws(() => parseHosts(`h0\n${line}\n`), words);
  });
}

test('--limit takes roles, groups, destinations with or without their user, and *', () => {
  const all = parseHosts(FLEET);
  const names = (...words: string[]) => limitTo(all, words).map(({ destination }) => destination);
  assert.deepEqual(names('server'), ['root@bans.example.org']);
  assert.deepEqual(names('bans.example.org', 'de'), ['root@bans.example.org', 'web2.example.org']);
  assert.deepEqual(names('db*'), ['db08', 'db09', 'db10']);
  assert.throws(() => names('wep'), /"wep": no role, group or destination/);
});

test('ssh and scp mean the same target', () => {
  assert.equal(scpTarget('web1', '/v/x'), 'web1:/v/x');
  assert.equal(scpTarget('root@2001:db8::1', '/v/x'), 'root@[2001:db8::1]:/v/x');
  assert.equal(scpTarget('root@[2001:db8::1]', '/v/x'), 'root@[2001:db8::1]:/v/x');
  assert.equal(scpTarget('ssh://root@web1:2222', '/v/x'), 'scp://root@web1:2222//v/x');
});

test('what a login prints beside the answers is not taken for one', () => {
  const answers = answersIn('Welcome machine=z\nbanshare-deploy machine=x86_64\nbanshare-deploy node=\n');
  assert.deepEqual(
    [...answers],
    [
      ['machine', 'x86_64'],
      ['node', ''],
    ],
  );
});

test('servers come first, then the group canary, then the others side by side', async () => {
  const log: string[] = [];
  let atOnce = 0;
  let most = 0;
  const outcomes = await roll(FLEET, {
    parallel: 3,
    carryOut: async (task) => {
      log.push(`${task.role} ${task.destination}`);
      most = Math.max(most, ++atOnce);
      await new Promise(setImmediate);
      atOnce--;
      return outcome(task);
    },
    confirm: (done) => Promise.resolve(void log.push(`seen ${done.destination}`)),
    afterServers: () => Promise.resolve(void log.push('served')),
  });
  assert.deepEqual(log.slice(0, 4), ['server root@bans.example.org', 'served', 'client db08', 'seen db08']);
  assert.equal(most, 3);
  assert.equal(outcomes.length, 9);
  assert.ok(outcomes.every(({ how }) => how === 'installed'));
});

test('when the server fails, no host is touched', async () => {
  const outcomes = await roll(FLEET, { carryOut: failing('root@bans.example.org') });
  assert.deepEqual(
    outcomes.map(({ how }) => how),
    ['failed', ...Array.from({ length: 8 }, () => 'waiting')],
  );
});

test('a dry run asks every host, also when the server does not answer', async () => {
  const how = { parallel: 2, carryOut: failing('s') };
  const outcomes = await askAll(tasksOf(parseHosts('s server\nh[1-3]')), how);
  assert.equal(outcomes.length, 4);
});

test('a canary that fails, or that the server does not see, keeps the others where they are', async () => {
  const failed = await roll('s server\nh[1-3]', { carryOut: failing('h1') });
  assert.deepEqual(
    failed.map(({ how }) => how),
    ['installed', 'failed', 'waiting', 'waiting'],
  );
  const unseen = await roll('s server\nh[1-3]', { confirm: () => Promise.reject(new Fault('not seen')) });
  assert.deepEqual(
    unseen.map(({ how }) => how),
    ['installed', 'installed', 'waiting', 'waiting'],
  );
  assert.match(unseen[3]?.words ?? '', /not seen/);
});

test('of an unreachable canary nothing is learnt: the next host is the canary', async () => {
  const confirmed: string[] = [];
  await roll('s server\nh[1-3]', {
    carryOut: (task) =>
      Promise.resolve(outcome(task, task.destination === 'h1' ? 'unreachable' : 'installed')),
    confirm: (done) => Promise.resolve(void confirmed.push(done.destination)),
  });
  assert.deepEqual(confirmed, ['h2']);
});

test('no further host is begun when more than the allowed number failed', async () => {
  const how = { carryOut: failing('h2', 'h4'), maxFailures: 1 };
  const outcomes = await roll('s server\nh[1-6]', how);
  assert.deepEqual(
    outcomes.map(({ how }) => how),
    ['installed', 'installed', 'failed', 'installed', 'failed', 'waiting', 'waiting'],
  );
});

test('the record tells what an earlier run has done, and only for the same installer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-record-'));
  try {
    const path = join(folder, 'below/record.json');
    const record = new Record(path);
    record.note('h1', 'client', { sha256: 'a', name: 'web1' });
    record.note('h2', 'client', { sha256: 'a', name: 'web2' });
    record.forget('h2', 'client');
    const again = new Record(path);
    assert.equal(again.nameIfDone('h1', 'client', 'a'), 'web1');
    assert.equal(again.nameIfDone('h1', 'client', 'b'), undefined);
    assert.equal(again.nameIfDone('h1', 'server', 'a'), undefined);
    assert.equal(again.nameIfDone('h2', 'client', 'a'), undefined);
    writeFileSync(path, 'spoilt');
    assert.equal(new Record(path).nameIfDone('h1', 'client', 'a'), undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('of several servers the first that answers says who is where, and each that answers has to serve the generation', async () => {
  const told = new Map<string, string>();
  const run = (destination: string): Promise<Ended> => {
    const out = told.get(destination);
    const ended =
      out === undefined ? { code: 255, out: '', said: 'No route to host' } : { code: 0, out, said: out };
    return Promise.resolve(ended);
  };
  const view = new ServerView({ run }, ['a', 'b']);
  await assert.rejects(
    view.hosts(),
    /Cannot ask the server on a: No route to host; Cannot ask the server on b/,
  );
  await assert.rejects(view.serves('new'), /Cannot ask the server on a: .*on b/);
  told.set('b', JSON.stringify({ hosts: [{ name: 'h1' }], generations: ['old', 'new'] }));
  assert.deepEqual(await view.hosts(), [{ name: 'h1' }]);
  assert.deepEqual(await view.serves('new'), ['Cannot ask the server on a: No route to host']);
  told.set('a', JSON.stringify({ hosts: [], generations: ['old'] }));
  await assert.rejects(
    view.serves('new'),
    /the server on a does not serve the generation new yet: deploy to it first/,
  );
  assert.deepEqual(await view.serves('old'), []);
});

test('several servers of a list are installed one by one, before any host', () => {
  const tasks = tasksOf(parseHosts('h1\na server\nb server client\n'));
  assert.deepEqual(
    tasks.map(({ destination, role }) => `${role} ${destination}`),
    ['server a', 'server b', 'client h1', 'client b'],
  );
});

test('the summary believes the server, not ssh', () => {
  const client = (destination: string, how: Outcome['how'], name = destination): Outcome => ({
    ...outcome({ destination, role: 'client' }, how),
    name,
  });
  const known = (name: string, generation: string, isBehind = false) => ({
    name,
    generation,
    isBehind,
    state: 'active',
  });
  const hosts = [
    known('a', 'new'),
    known('b', 'old'),
    known('c', 'new'),
    known('d', 'new', true),
    known('z', 'old'),
  ];
  const outcomes = [
    client('a', 'installed'),
    client('b', 'installed'),
    client('c', 'failed'),
    client('d', 'installed'),
  ];
  const standings = standingsOf([...outcomes, client('e', 'unreachable', '')], hosts, 'new');
  assert.deepEqual(
    standings.map(({ isThere }) => isThere),
    [true, false, true, false, false],
  );
  const lines = showStandings(standings, hosts, 'new').join('\n');
  assert.match(lines, /2 of 5 are there/);
  assert.match(lines, /ok +c: c, active, generation new; but failed: /);
  assert.match(lines, /LEFT +b: b, active, generation old/);
  assert.match(lines, /LEFT +e: not enrolled, as far as is known; unreachable/);
  assert.match(lines, /other z, active, generation old/);
});

test('without a list, or without a server in it, it says what is missing', () => {
  const script = join(import.meta.dirname, '../deploy.ts');
  const usage = run(process.execPath, [script]);
  assert.equal(usage.code, 1);
  assert.match(usage.err, /^Usage: make deploy HOSTS=FILE/);
  assert.match(
    run(process.execPath, [script, '--hosts=/nowhere']).err,
    /Cannot read the list of hosts "\/nowhere"/,
  );
  assert.match(run(process.execPath, [script, '--hosts=/dev/null']).err, /has the role server/);
  assert.match(run(process.execPath, [script, '--hosts=x', '--parallel=0']).err, /--parallel=0: it takes/);
});

function roll(text: string, how: Partial<RollOut>): Promise<Outcome[]> {
  return rollOut(tasksOf(parseHosts(text)), {
    carryOut: (task) => Promise.resolve(outcome(task)),
    confirm: () => Promise.resolve(),
    afterServers: () => Promise.resolve(),
    canary: 1,
    parallel: 1,
    maxFailures: 2,
    ...how,
  });
}

function outcome(task: Task, how: Outcome['how'] = 'installed'): Outcome {
  return { ...task, how, name: task.destination, words: '' };
}

function failing(...destinations: string[]): RollOut['carryOut'] {
  return (task) =>
    Promise.resolve(outcome(task, destinations.includes(task.destination) ? 'failed' : 'installed'));
}
