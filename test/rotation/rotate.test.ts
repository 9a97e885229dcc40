import { test } from 'node:test';
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeIdentity, writeCertificate, writeHostKey } from '@banshare/transport';
import { publish } from '../../packages/server/test/reports.ts';
import { rotate as goOver } from '../../packages/client/src/identity/rotate.ts';
import { Program, startFleet } from '../fleet/index.ts';
import {
  as,
  assertShutOut,
  assertTidy,
  fateOf,
  hasBanned,
  isRotating,
  keyIn,
  keyOf,
  knownNames,
  rotate,
} from './rotating.ts';

test('a reporter that follows a log across a rotation reports on with the new key', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const log = join(fleet.rootOf('h1'), 'fail2ban.log');
  writeFileSync(log, '');
  const follower = new Program('report', ['--root', fleet.rootOf('h1'), '--follow', log]);
  const line = (ip: string): void =>
    appendFileSync(log, `2026-11-21 10:00:00,000 fail2ban.actions [7]: NOTICE  [sshd] Ban ${ip}\n`);
  // Lines that are there before it follows are not its matter: written until the first arrives.
  const first = hasBanned(fleet.host('h2'), ['198.51.100.1']);
  const again = setInterval(() => line('198.51.100.1'), 100);
  await first;
  clearInterval(again);
  assert.equal((await rotate(fleet, 'h1')).code, 0);
  line('198.51.100.2');
  await hasBanned(fleet.host('h2'), ['198.51.100.2']);
  await follower.stop('SIGKILL');
});

test('without a daemon rotate does it alone, and the spool from before is delivered after it', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  await fleet.host('h1').stop();
  await fleet.server.stop();
  assert.equal((await fleet.report('h1', ['fail2ban', 'sshd', '198.51.100.7'])).code, 0);
  await fleet.server.start();
  const before = keyOf(fleet, 'h1');
  const { code, stdout, stderr } = await rotate(fleet, 'h1');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^h1 has a new key/);
  assertTidy(fleet, 'h1');
  await assertShutOut(fleet, before, 'h1');
  assert.equal((await fleet.report('h1', ['--flush'])).code, 0);
  await hasBanned(fleet.host('h2'), ['198.51.100.7']);
  await fleet.host('h1').start();
  assert.match((await fleet.host('h1').command('status')).stdout, /^h1 has received everything/);
});

test('without a server nothing changes, and the next try takes up the key that waits', async () => {
  await using fleet = await startFleet({ hosts: ['h1'] });
  await fleet.server.stop();
  const { hostNext } = fleet.pathsOf('h1').keys;
  const before = keyOf(fleet, 'h1');
  const { code, stderr } = await rotate(fleet, 'h1');
  assert.equal(code, 75);
  assert.match(stderr, /Cannot rotate: no answer from .* Nothing has changed; try again later/);
  assert.equal(keyOf(fleet, 'h1').publicHex, before.publicHex);
  assert.equal(statSync(`${hostNext}.key_secret`).mode & 0o777, 0o600);
  const waiting = keyIn(hostNext);
  await fleet.server.start();
  assert.equal((await rotate(fleet, 'h1')).code, 0);
  assert.equal(keyOf(fleet, 'h1').publicHex, waiting.publicHex);
  assertTidy(fleet, 'h1');
});

test('a host that is not enrolled, or that the server does not know, is told so', async () => {
  await using fleet = await startFleet();
  fleet.layHost('fresh');
  const fresh = await rotate(fleet, 'fresh');
  assert.deepEqual([fresh.code, /banshare-client status/.test(fresh.stderr)], [78, true], fresh.stderr);
  await fleet.addReporter('h1');
  await fleet.server.command('hosts', 'revoke', 'h1');
  const before = keyOf(fleet, 'h1');
  const revoked = await rotate(fleet, 'h1');
  assert.equal(revoked.code, 1);
  assert.match(revoked.stderr, /does not admit this host's key: it was revoked/);
  assert.equal(keyOf(fleet, 'h1').publicHex, before.publicHex);
});

test('two rotations at once leave one new key', async () => {
  await using fleet = await startFleet({ hosts: ['h1'] });
  await fleet.addReporter('alone');
  for (const name of ['h1', 'alone']) {
    const ran = await Promise.all([rotate(fleet, name), rotate(fleet, name), rotate(fleet, name)]);
    assert.ok(ran.some(({ code }) => code === 0));
    for (const { code, stderr } of ran)
      if (code !== 0)
        assert.match(stderr, /rotate is at work here|another daemon answers there|was just ending/);
    assertTidy(fleet, name);
    assert.equal(await fateOf(as(fleet, keyOf(fleet, name), name)), 'accepted');
    assert.equal((await rotate(fleet, name)).code, 0);
  }
});

test('rotations that know nothing of one another leave one key, which is let in, and each says so', async () => {
  await using fleet = await startFleet();
  const peer = await fleet.addReporter('alone').then(() => fleet.peer('other'));
  const paths = fleet.pathsOf('alone');
  const server = {
    reportEndpoint: `tcp://127.0.0.1:${fleet.server.ports.report}`,
    publishEndpoint: `tcp://127.0.0.1:${fleet.server.ports.publish}`,
    serverKey: peer.serverKey,
  };
  const before = keyOf(fleet, 'alone');
  const apart = (): ReturnType<typeof goOver> => goOver(paths, server, () => undefined);
  for (const result of await Promise.all([apart(), apart()]))
    assert.match(result.ok ? result.says : result.reason, /^alone has a new key/);
  assertTidy(fleet, 'alone');
  assert.equal(await fateOf(as(fleet, keyOf(fleet, 'alone'), 'alone')), 'accepted');
  await assertShutOut(fleet, before, 'alone');
});

test('a host that is revoked in the middle of a rotation is shut out with both keys', async () => {
  await using fleet = await startFleet();
  await fleet.addReporter('h1');
  await rotate(fleet, 'h1', { BANSHARE_FAILPOINT: 'rotating:2' });
  assert.deepEqual(await isRotating(fleet), ['h1']);
  const { keys } = fleet.pathsOf('h1');
  const [own, next] = [keyIn(keys.host), keyIn(keys.hostNext)];
  await fleet.server.command('hosts', 'revoke', 'h1');
  for (const key of [own, next]) await assertShutOut(fleet, key, 'h1');
  assert.equal((await rotate(fleet, 'h1')).code, 1);
  assert.equal(keyIn(keys.host).publicHex, own.publicHex);
});

test('where the server is restored from a backup of before the rotation, the host comes back by itself, with its new key', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const file = join(fleet.rootOf('h2'), 'backup');
  assert.equal((await fleet.server.command('backup', file)).code, 0);
  const before = keyOf(fleet, 'h1');
  assert.equal((await rotate(fleet, 'h1')).code, 0);
  const key = keyOf(fleet, 'h1');
  await fleet.server.stop();
  assert.equal((await fleet.server.command('restore', file)).code, 0);
  await fleet.server.start();
  const h1 = fleet.host('h1');
  await h1.line(/knew only the key before/);
  const good = await fleet.peer('good');
  await publish(good, '198.51.100.1');
  await hasBanned(h1, ['198.51.100.1']);
  assert.equal(keyOf(fleet, 'h1').publicHex, key.publicHex);
  assert.equal((await fleet.report('h1', ['fail2ban', 'sshd', '198.51.100.2'])).code, 0);
  await hasBanned(fleet.host('h2'), ['198.51.100.2']);
  await assertShutOut(fleet, before, 'h1');
  assert.deepEqual((await knownNames(fleet)).toSorted(), ['good', 'h1', 'h2']);
});

test('a daemon whose key was changed beside it goes over to it as soon as its own is refused', async () => {
  await using fleet = await startFleet({ hosts: ['h1'] });
  const h1 = fleet.host('h1');
  const own = keyOf(fleet, 'h1');
  // As rotate does it on a host where the daemon could not be asked.
  h1.kill('SIGSTOP');
  const { paths } = h1;
  const apart = fleet.pathsOf('apart');
  const toml = readFileSync(paths.clientConfig);
  fleet.layHost('apart');
  writeFileSync(apart.clientConfig, toml);
  writeHostKey(apart.keys.host, own, own.name);
  assert.equal((await rotate(fleet, 'apart')).code, 0);
  for (const name of readdirSync(apart.keys.dir).filter((each) => each.startsWith('host.')))
    writeFileSync(join(paths.keys.dir, name), readFileSync(join(apart.keys.dir, name)));
  h1.kill('SIGCONT');
  const good = await fleet.peer('good');
  await publish(good, '198.51.100.1');
  await hasBanned(h1, ['198.51.100.1']);
});

test('a clone drops the keys of a rotation that it found', async () => {
  await using fleet = await startFleet();
  const host = fleet.layHost('h1');
  const { keys, machineId } = host.paths;
  writeFileSync(machineId, 'one\n');
  await host.start();
  await host.stop();
  await rotate(fleet, 'h1');
  const own = keyIn(keys.host);
  writeHostKey(keys.hostNext, await makeIdentity(), own.name);
  writeFileSync(machineId, 'two\n');
  const cloned = await rotate(fleet, 'h1');
  assert.equal(cloned.code, 78);
  assert.match(cloned.stderr, /cloned from; run banshare-client enrol/);
  writeCertificate(keys.join, { metadata: {}, curve: fleet.keys.join });
  assert.equal((await host.command('enrol')).code, 0);
  for (const base of [keys.hostNext, keys.hostBefore]) assert.equal(existsSync(`${base}.key_secret`), false);
  assert.notEqual(keyIn(keys.host).publicHex, own.publicHex);
  assert.equal(await fateOf(as(fleet, own, 'h1')), 'accepted');
});
