import assert from 'node:assert/strict';
import { test } from 'node:test';
import { supervisorOf } from '../../src/process/supervisor.ts';
import type { Channel } from '../../src/process/systemd-notify.ts';

const ENV = { NOTIFY_SOCKET: '/run/systemd/notify' };

/** What is told to systemd, which the test lets it take or refuse. */
function systemd(): { told: string[]; channel: Channel; answer: (error?: Error) => void } {
  const told: string[] = [];
  let settle: ((error?: Error) => void) | undefined;
  const tell: Channel['tell'] = (assignments) => {
    told.push(assignments.join(' '));
    return new Promise((resolve, reject) => {
      settle = (error) => (error === undefined ? resolve() : reject(error));
    });
  };
  return { told, channel: { tell, close: () => Promise.resolve() }, answer: (error) => settle?.(error) };
}

const silent = (text: string): void => assert.fail(text);

test('nobody is told anything where no systemd waits for it', async () => {
  const { told, channel } = systemd();
  (await supervisorOf(silent, {}, channel)).ready();
  (await supervisorOf(silent, { NOTIFY_SOCKET: '' }, channel)).ready();
  assert.deepEqual(told, []);
});

test('systemd hears that a process is ready once it is, and from then on, by the timer of its loop, three times in each span of the watchdog', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { told, channel, answer } = systemd();
  const supervisor = await supervisorOf(silent, { ...ENV, WATCHDOG_USEC: '180000000' }, channel);
  t.mock.timers.tick(60_000);
  assert.deepEqual(told, ['WATCHDOG=1'], 'it waits, and is not deaf');
  supervisor.ready();
  supervisor.ready();
  assert.equal(told.length, 1, 'one word at a time');
  answer();
  await new Promise(setImmediate);
  assert.equal(told.at(-1), 'READY=1 WATCHDOG=1', 'and that it is ready at once behind it');
  answer();
  await new Promise(setImmediate);
  t.mock.timers.tick(59_999);
  assert.equal(told.length, 2);
  t.mock.timers.tick(1);
  assert.deepEqual(told, ['WATCHDOG=1', 'READY=1 WATCHDOG=1', 'READY=1 WATCHDOG=1']);
  t.mock.timers.tick(180_000);
  assert.equal(told.length, 3, 'what systemd does not read is not joined by more');
});

test('a systemd that cannot be told is complained of once, and told again all the same', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { told, channel, answer } = systemd();
  const complaints: string[] = [];
  const supervisor = await supervisorOf(
    (text) => complaints.push(text),
    { ...ENV, WATCHDOG_USEC: '3000000' },
    channel,
  );
  supervisor.ready();
  for (let times = 0; times < 3; times += 1) {
    answer(new Error('no such program'));
    await new Promise(setImmediate);
    t.mock.timers.tick(1000);
  }
  assert.equal(told.length, 4);
  assert.deepEqual(complaints, ['Cannot tell systemd that all is well: no such program']);
});

test('a watchdog of another process is not fed', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { told, channel, answer } = systemd();
  const env = { ...ENV, WATCHDOG_USEC: '3000000', WATCHDOG_PID: '1' };
  (await supervisorOf(silent, env, channel)).ready();
  answer();
  await new Promise(setImmediate);
  t.mock.timers.tick(60_000);
  assert.equal(told.length, 1);
});

test('a start that takes long says so and what it does, in turn with the feeds, and has the watchdog wait too until it is ready', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { told, channel, answer } = systemd();
  const supervisor = await supervisorOf(silent, { ...ENV, WATCHDOG_USEC: '180000000' }, channel);
  t.mock.timers.tick(60_000);
  const said = supervisor.starting('Takes a step', 3600);
  await new Promise(setImmediate);
  assert.equal(told.length, 1, 'one word at a time');
  answer();
  await new Promise(setImmediate);
  assert.equal(
    told.at(-1),
    'EXTEND_TIMEOUT_USEC=3600000000 STATUS=Takes a step WATCHDOG=1 WATCHDOG_USEC=3600000000',
  );
  answer();
  await said;
  supervisor.ready();
  assert.equal(told.at(-1), 'READY=1 WATCHDOG=1 STATUS= WATCHDOG_USEC=180000000');
  answer();
  await supervisor.starting('Takes another', 3600);
  assert.equal(told.length, 3, 'a process that is ready starts no more');
  await (await supervisorOf(silent, {}, channel)).starting('Takes a step', 3600);
  assert.equal(told.length, 3);
});

test('a word that the end cuts off is no fault to be told of, and none follows it', async () => {
  const { told, channel, answer } = systemd();
  const supervisor = await supervisorOf(silent, ENV, channel);
  const starting = supervisor.starting('Checks the ledger', 60);
  supervisor.ready();
  await supervisor.close();
  answer(new Error('the shell is gone'));
  await starting;
  await new Promise(setImmediate);
  assert.deepEqual(told, ['EXTEND_TIMEOUT_USEC=60000000 STATUS=Checks the ledger']);
});
