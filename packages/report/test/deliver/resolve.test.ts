import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { assertInTime, startFleet } from '../../../../test/fleet/index.ts';
import { inSilence, noNamespaces } from '../silence.ts';

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());
const WORDS = ['fail2ban', 'sshd', '203.0.113.9'];
const NAME = 'bans.example.org';

/** What the client daemon wrote when it last looked the name up. */
function cache(host: string, text: string, secondsAgo = 0): void {
  const { serverAddress } = fleet.pathsOf(host);
  mkdirSync(dirname(serverAddress), { recursive: true });
  writeFileSync(serverAddress, text);
  const at = Date.now() / 1000 - secondsAgo;
  utimesSync(serverAddress, at, at);
}

test('a server that is a name is looked up', async () => {
  await fleet.addReporter('local', '', 'localhost');
  const { code, stderr } = await fleet.report('local', WORDS);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

test('the address that the client looked up is used, so that a silent resolver costs nothing', async () => {
  await fleet.addReporter('cached', '', NAME);
  cache('cached', `${NAME} 127.0.0.1\n`);
  const { code, stderr, ms } = await fleet.report('cached', WORDS);
  assert.equal(code, 0);
  assert.doesNotMatch(stderr, /spool/);
  await assertInTime(ms, 0);
});

for (const [says, text, secondsAgo] of [
  ['older than 10 minutes', `${NAME} 127.0.0.1`, 601],
  ['of another name', 'old.example.org 127.0.0.1', 0],
  ['that is no address', `${NAME} 127.1`, 0],
  ['without an address', NAME, 0],
] as const) {
  test(`a looked-up address ${says} is not used`, { skip: noNamespaces }, async () => {
    const host = `cached${secondsAgo}${text.length}`;
    const root = await fleet.addReporter(host, '', NAME);
    cache(host, text, secondsAgo);
    const { stderr } = await fleet.report(host, ['--timeout', '1s', ...WORDS], {
      through: inSilence(join(root, 'resolv.conf')),
    });
    assert.match(stderr, /cannot resolve bans\.example\.org/);
  });
}
