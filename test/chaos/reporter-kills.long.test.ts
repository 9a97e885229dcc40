import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startFleet, type Fleet } from '../fleet/index.ts';
import { addressOf, Chance, isLong } from './chance.ts';
import { ask, bansOfServer, statusOfServer } from './state-of.ts';

const REPORTS = isLong ? 60 : 12;
const KILLED = null;

function waiting(fleet: Fleet): string[] {
  return readdirSync(fleet.pathsOf('r').spool)
    .filter((name) => name.endsWith('.json'))
    .sort();
}

function dieAt(failpoint: string): { env: NodeJS.ProcessEnv } {
  return { env: { BANSHARE_FAILPOINT: failpoint } };
}

test('A reporter killed at each step of the spool loses no report that is in it, and none becomes two events', async (t) => {
  const chance = new Chance(t);
  await using fleet = await startFleet();
  await fleet.addReporter('r');
  await fleet.server.kill9();
  // Killed before the file has its name there is no report yet; from then on it is safe.
  const kept: string[] = [];
  for (let n = 0; n < REPORTS; n += 1) {
    const ip = addressOf(n);
    const point = chance.pick(['before-rename:1', 'after-rename:1', '']);
    const { code, stderr } = await fleet.report(
      'r',
      ['fail2ban', 'sshd', ip],
      point === '' ? {} : dieAt(point),
    );
    assert.equal(code, point === '' ? 0 : KILLED, stderr);
    if (point !== 'before-rename:1') kept.push(ip);
  }
  assert.equal(waiting(fleet).length, kept.length);
  await fleet.server.start();
  // Each flush dies after the server's answer and before the file is removed.
  for (let flushes = 0; waiting(fleet).length > 1; flushes += 1) {
    const before = waiting(fleet).length;
    const { code, stderr } = await fleet.report(
      'r',
      ['--flush'],
      dieAt(`before-removal:${chance.integer(1, 3)}`),
    );
    assert.ok(code === KILLED || waiting(fleet).length === 0, stderr);
    assert.ok(waiting(fleet).length <= before);
    if (flushes > REPORTS) break;
    if (chance.percent(50)) await fleet.server.kill9().then(() => fleet.server.start());
    if (waiting(fleet).length === before) await flushOne(fleet);
  }
  const { code, stderr } = await fleet.report('r', ['--flush']);
  assert.equal(code, 0, stderr);
  assert.deepEqual(waiting(fleet), []);
  assert.deepEqual((await bansOfServer(fleet.server)).map(({ ip }) => ip).sort(), kept.sort());
  assert.equal((await statusOfServer(fleet.server))?.head, kept.length);
  t.diagnostic(`${REPORTS} reports, ${kept.length} spooled`);
});

/** Lets a flush get past its first report before it dies. */
async function flushOne(fleet: Fleet): Promise<void> {
  const { code, stderr } = await fleet.report('r', ['--flush'], dieAt('before-removal:2'));
  assert.ok(code === KILLED || code === 0, stderr);
}

test('A reporter killed while it gives a report up leaves one dead letter with its reason', async () => {
  await using fleet = await startFleet();
  await fleet.addReporter('r');
  const ip = addressOf(1);
  await fleet.server.kill9();
  await fleet.report('r', ['fail2ban', 'sshd', ip]);
  await fleet.server.start();
  // What an operator lifted after the report was made is refused for good.
  const { serverSocket } = fleet.server.paths;
  assert.ok(await ask(serverSocket, 'ban', { ip, jail: 'sshd' }));
  assert.ok(await ask(serverSocket, 'unban', { ip }));
  for (const point of ['before-rename:1', 'after-rename:1']) {
    const { code } = await fleet.report('r', ['--flush'], dieAt(point));
    assert.equal(code, KILLED);
    assert.equal(waiting(fleet).length, 1);
  }
  const { stderr } = await fleet.report('r', ['--flush']);
  assert.match(stderr, /is given up, refused: an operator lifted this ban/);
  assert.deepEqual(waiting(fleet), []);
  const dead = join(fleet.pathsOf('r').spool, 'dead');
  const names = readdirSync(dead).filter((name) => !name.endsWith('.tmp'));
  assert.equal(names.length, 2);
  assert.match(
    readFileSync(join(dead, names.find((name) => name.endsWith('.reason')) ?? ''), 'utf8'),
    /lifted/,
  );
});

test('A --stdin killed after any answer loses nothing that was answered, and the same input again publishes nothing twice', async (t) => {
  const chance = new Chance(t);
  await using fleet = await startFleet();
  await fleet.addReporter('r');
  const ips = Array.from({ length: 150 }, (_, n) => addressOf(n));
  const stdin = ips.map((ip) => `fail2ban sshd ${ip}\n`).join('');
  const answered = chance.integer(1, 100);
  const killed = await fleet.report('r', ['--stdin'], { stdin, ...dieAt(`answered:${answered}`) });
  assert.equal(killed.code, KILLED);
  const { head = 0 } = (await statusOfServer(fleet.server)) ?? {};
  assert.ok(head >= answered, `${head} of ${answered} answered`);
  const again = await fleet.report('r', ['--stdin'], { stdin });
  assert.equal(again.code, 0, again.stderr);
  assert.equal((await statusOfServer(fleet.server))?.head, ips.length);
});

test('A server killed in the middle of a --stdin or a --flush loses no line, and none becomes two events', async (t) => {
  const chance = new Chance(t);
  await using fleet = await startFleet();
  await fleet.addReporter('r');
  const ips = Array.from({ length: 150 }, (_, n) => addressOf(n));
  const stdin = ips.map((ip) => `fail2ban sshd ${ip}\n`).join('');
  const points = ['before-commit', 'after-commit', 'before-answer'] as const;
  const startDying = async (): Promise<void> => {
    await fleet.server.start(dieAt(`${chance.pick(points)}:${chance.integer(2, 4)}`));
  };
  await fleet.server.kill9();
  await startDying();
  const streamed = await fleet.report('r', ['--stdin'], { stdin });
  assert.equal(streamed.code, 0, streamed.stderr);
  assert.ok(waiting(fleet).length > 0);
  await fleet.server.ended;
  await startDying();
  const flushed = await fleet.report('r', ['--flush']);
  assert.ok(flushed.code === 75 || waiting(fleet).length === 0, flushed.stderr);
  if (flushed.code === 75) {
    await fleet.server.ended;
    await fleet.server.start();
    assert.equal((await fleet.report('r', ['--flush'])).code, 0);
  }
  assert.deepEqual(waiting(fleet), []);
  assert.deepEqual((await bansOfServer(fleet.server)).map(({ ip }) => ip).sort(), ips.toSorted());
  assert.equal((await statusOfServer(fleet.server))?.head, ips.length);
});
