import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { exec, type Ended } from '../../src/host/exec.ts';
import { State } from '../../src/bans/state.ts';
import { folder } from '../make.ts';

const LONG_MS = 60_000;
const run = (words: string[], timeoutMs = LONG_MS): Promise<Ended> =>
  exec(words, timeoutMs, () => performance.now());

test('exec() hands every word over as it is: no shell looks at it', async () => {
  using scratch = folder();
  const mark = join(scratch.path, 'mark');
  const words = [
    `$(touch ${mark})`,
    `; touch ${mark}`,
    `\`touch ${mark}\``,
    `'"`,
    '*',
    '',
    'a b',
    '-h',
    'ü\n',
  ];
  const ended = await run(['/usr/bin/printf', '%s\\0', ...words]);
  assert.equal(ended.stdout, words.map((word) => `${word}\0`).join(''));
  assert.equal(ended.code, 0);
  assert.equal(existsSync(mark), false);
});

test('exec() finds no program in a word with blanks', async () => {
  const ended = await run(['true; true']);
  assert.equal(ended.code, null);
  assert.match(ended.stderr, /there is no program "true; true"/);
});

test('exec() gives exactly the fixed environment', async () => {
  process.env['BANSHARE_SECRET'] = 'x';
  const ended = await run(['/usr/bin/env']);
  assert.deepEqual(ended.stdout.trim().split('\n').sort(), [
    'HOME=/',
    'LANG=C.UTF-8',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  ]);
});

test('exec() gives nothing to read, and no file or socket of the daemon', async () => {
  using scratch = folder();
  const state = new State(scratch.path);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const ended = await run([
    '/bin/sh',
    '-c',
    'cat; for fd in /proc/self/fd/*; do echo "${fd##*/} $(readlink $fd)"; done',
  ]);
  server.close();
  state.close();
  const more = ended.stdout.split('\n').filter((line) => !/^[012] /.test(line));
  assert.deepEqual(
    more.filter((line) => line.includes('socket:') || line.includes(scratch.path)),
    [],
  );
});

test('exec() tells exit code, both outputs and duration', async () => {
  const ended = await run(['/bin/sh', '-c', 'echo out; echo err >&2; exit 3']);
  const { milliseconds, ...rest } = ended;
  assert.deepEqual(rest, { code: 3, isTimedOut: false, stdout: 'out\n', stderr: 'err\n' });
  assert.ok(milliseconds >= 0 && milliseconds < LONG_MS);
});

test('exec() loses no output of a program that ends at once', async () => {
  const all = await Promise.all(Array.from({ length: 50 }, () => run(['/bin/echo', '0'])));
  assert.deepEqual(
    all.map(({ stdout }) => stdout),
    all.map(() => '0\n'),
  );
});

test('exec() keeps 4 KiB of what a talkative program says, and lets it say the rest', async () => {
  const ended = await run(['/bin/sh', '-c', 'head -c 3000000 /dev/zero | tr "\\0" x; exit 4']);
  assert.equal(ended.stdout, 'x'.repeat(4096));
  assert.equal(ended.code, 4);
});

test('exec() says that a program is missing', async () => {
  const ended = await run(['/nonexistent/fail2ban-client', 'set']);
  assert.equal(ended.code, null);
  assert.equal(ended.isTimedOut, false);
  assert.match(ended.stderr, /there is no program "\/nonexistent\/fail2ban-client"/);
});

test('exec() kills what runs too long, with its children', async () => {
  using scratch = folder();
  const fifo = join(scratch.path, 'held');
  spawnSync('mkfifo', [fifo]);
  // The reader comes to the end when the last process that holds the other side is gone.
  const gone = once(createReadStream(fifo).resume(), 'end');
  const ended = await run(['/bin/sh', '-c', `sleep 600 > ${fifo} & echo began; wait`], 2000);
  assert.equal(ended.isTimedOut, true);
  assert.equal(ended.code, null);
  assert.equal(ended.stdout, 'began\n');
  await gone;
});

test('exec() kills a program that ignores SIGTERM', async () => {
  const ended = await run(['/bin/sh', '-c', 'trap "" TERM INT; while :; do sleep 1; done'], 200);
  assert.equal(ended.isTimedOut, true);
});

test('exec() does not wait for a grandchild that holds the pipes open', async () => {
  const ended = await run(['/bin/sh', '-c', 'sleep 30 & echo $!; exit 0']);
  assert.equal(ended.code, 0);
  assert.ok(ended.milliseconds < 20_000, `${ended.milliseconds} ms`);
  process.kill(Number(ended.stdout), 'SIGKILL');
});

test('exec() fails, and ends nothing else, where no descriptor is left', () => {
  const script = `
    import { openSync } from 'node:fs';
    import { exec } from ${JSON.stringify(join(import.meta.dirname, '../../src/host/exec.ts'))};
    try { for (;;) openSync('/dev/null'); } catch {}
    const failure = await exec(['/bin/true'], 1000, () => 0).then(({ code }) => 'code ' + code, (error) => error.code);
    await new Promise((resolve) => setImmediate(resolve));
    process.stdout.write(failure + ' and lives');
  `;
  const ran = spawnSync('/bin/sh', [
    '-c',
    'ulimit -n 64; exec "$@"',
    'sh',
    process.execPath,
    '--input-type=module',
    '-e',
    script,
  ]);
  assert.match(String(ran.stdout), /^code null and lives$/, String(ran.stderr));
});

test('exec() hands over what a command is to read, and keeps as much of its output as is asked for', async () => {
  const input = '203.0.113.9\n'.repeat(20_000);
  const ended = await exec(['/bin/cat'], LONG_MS, () => performance.now(), { input, keptBytes: 1e6 });
  assert.equal(ended.stdout, input);
  const unread = await exec(['/bin/true'], LONG_MS, () => performance.now(), { input });
  assert.equal(unread.code, 0);
});

test('exec() feeds also a program that opens /dev/stdin anew, twice or by where it leads, as old and new nft do', async () => {
  using scratch = folder();
  const inputFolder = join(scratch.path, 'run/banshare/client/input');
  const input = 'add element inet banshare v4 { 203.0.113.9 }\n'.repeat(3000);
  const script = 'cat </dev/stdin; cat /dev/stdin; cat "$(readlink -f /dev/stdin)"; cat';
  const options = { input, inputFolder, keptBytes: 1e6 };
  const all = await Promise.all(
    Array.from({ length: 4 }, () =>
      exec(['/bin/sh', '-c', script], LONG_MS, () => performance.now(), options),
    ),
  );
  for (const { stdout, stderr } of all) {
    assert.equal(stderr, '');
    assert.equal(stdout, input.repeat(4));
  }
  assert.deepEqual(readdirSync(inputFolder), [], 'nothing stays behind');
});

test('exec() says where it could not lay out what a program is to read, and leaves nothing', async () => {
  using scratch = folder();
  const inputFolder = join(scratch.path, 'file');
  writeFileSync(inputFolder, '');
  const options = { input: 'x', inputFolder };
  const { code, stderr } = await exec(['/bin/cat'], LONG_MS, () => performance.now(), options);
  assert.equal(code, null);
  assert.match(stderr, /^Cannot lay out what it is to read in ".*file": EEXIST|ENOTDIR/);
});
