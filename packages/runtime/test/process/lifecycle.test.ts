import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

const fixture = new URL('../fixtures/program.ts', import.meta.url).pathname;

type Ending = { code: number | null; out: string[]; err: string };

/** Runs a life of the fixture, sends the signals in turn once it is ready, and returns how it ended. */
async function live(life: string, signals: readonly NodeJS.Signals[], deadlineSeconds = 5): Promise<Ending> {
  const child = spawn(process.execPath, [fixture, life, String(deadlineSeconds)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, JOURNAL_STREAM: '8:1' },
  });
  const ended = once(child, 'close');
  let out = '';
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
    if (chunk.includes('ready')) for (const signal of signals) child.kill(signal);
  });
  const [code] = (await ended) as [number | null];
  return { code, out: out.split('\n').slice(0, -1), err };
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`runProgram() closes what it owns in reverse order on ${signal} and ends with 0`, async () => {
    assert.deepEqual(await live('orderly', [signal]), {
      code: 0,
      out: ['ready', 'closed second', 'closed first'],
      err: '',
    });
  });
}

test('runProgram() ends with the code that start returns, after closing', async () => {
  assert.deepEqual(await live('refuses', []), { code: 78, out: ['closed first'], err: '' });
});

test('runProgram() ends at its deadline and names what hung', async () => {
  const ending = await live('hangs', ['SIGTERM'], 0.2);
  assert.equal(ending.code, 1);
  assert.equal(ending.err, '<3>banshare-test could not stop within 0.2 s: the ledger hung\n');
});

test('runProgram() ends at its deadline where the start does not heed the signal', async () => {
  const ending = await live('startHangs', ['SIGTERM'], 0.2);
  assert.equal(ending.code, 1);
  assert.match(ending.err, /its start hung/);
});

test('runProgram() takes a start that throws because it was stopped for a stop', async () => {
  assert.deepEqual(await live('startStops', ['SIGTERM']), { code: 0, out: ['ready'], err: '' });
});

const crashes: [life: string, message: RegExp][] = [
  ['startThrows', /error="bad\\nstart" stack=/],
  ['throwsLater', /error="later: disk full"/],
  ['rejectsLater', /error="nobody caught it"/],
];
for (const [life, message] of crashes) {
  test(`runProgram() ends with 70 and one line: ${life}`, async () => {
    const ending = await live(life, []);
    assert.equal(ending.code, 70);
    assert.match(ending.err, /^<3>banshare-test ends because of an error that nobody expected .*\n$/);
    assert.match(ending.err, message);
  });
}

test('runProgram() closes the rest where one thing cannot be closed, and ends with 1', async () => {
  const ending = await live('closeThrows', ['SIGTERM']);
  assert.equal(ending.code, 1);
  assert.deepEqual(ending.out, ['ready', 'closed first']);
  assert.equal(ending.err, '<3>Cannot close the second error=stuck\n');
});

for (const life of ['againBehindSignal', 'againBeforeSignal'])
  test(`runProgram() ends by a signal also where the program begins anew at that moment: ${life}`, async () => {
    assert.deepEqual(await live(life, ['SIGTERM']), { code: 0, out: ['ready'], err: '' });
  });

test('runProgram() ends by a signal also where that comes while the program gives way to the next one, which would never hear of it', async () => {
  assert.deepEqual(await live('againAtSignal', ['SIGKILL']), { code: null, out: [], err: '' });
});

test('runProgram() ends by a signal also where that comes while the loop is held by what is closed, for the program to begin anew', async () => {
  assert.deepEqual(await live('againWhileHeld', ['SIGKILL']), { code: 0, out: [], err: '' });
});

test('runProgram() ends at once on a second signal', async () => {
  const ending = await live('hangs', ['SIGTERM', 'SIGINT'], 60);
  assert.equal(ending.code, 1);
});
