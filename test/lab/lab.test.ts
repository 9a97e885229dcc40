import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { PATIENCE_MS, untilTrue } from './ground/deadline.ts';
import { startFail2ban, untilBanned } from './ground/fail2ban.ts';
import { Host } from './ground/host.ts';
import { startLab } from './ground/lab.ts';
import { skipReason } from './ground/requirements.ts';

const skip = skipReason();

test(
  'an attack on h1 over IPv4 and IPv6 is reported once and dropped on h1, not on h2',
  { skip },
  async () => {
    await using lab = await startLab({ hosts: ['h1', 'h2'] });
    const [h1, h2] = [lab.host('h1'), lab.host('h2')];
    await h1.write('/usr/bin/stand-in', '#!/bin/sh\necho "$@" >>/var/log/reports.log\n', 0o755);
    const action = '[Definition]\nactionban = /usr/bin/stand-in "<name>" "<ip>"\nactionunban =\n';
    for (const host of [h1, h2]) await host.write('/etc/fail2ban/action.d/stand-in.conf', action);
    await Promise.all([h1, h2].map((host) => startFail2ban(host, { action: 'stand-in[name=%(__name__)s]' })));

    for (const ip of ['203.0.113.7', '2001:db8:bad::7']) {
      assert.equal(await lab.attacker.connects(h1, ip), true, `${ip} reaches h1 before the attack`);
      await lab.attacker.failLogin(h1, ip);
      await untilBanned(h1, 'sshd', ip);
      await lab.attacker.untilDropped(h1, ip);
      assert.equal(await lab.attacker.connects(h2, ip), true, `${ip} reaches h2 after the attack on h1`);
    }
    await h1.untilLines('/var/log/reports.log', /./, 2);
    assert.equal(await h1.read('/var/log/reports.log'), 'sshd 203.0.113.7\nsshd 2001:db8:bad::7\n');
  },
);

test('a lab leaves no process, mount or network behind when its test fails', { skip }, async () => {
  const before = machine();
  const names: string[] = [];
  await assert.rejects(async () => {
    await using lab = await startLab({ hosts: ['h1', 'h2'] });
    names.push(...lab.hosts.flatMap((host) => namespaces(host.pid)));
    await startFail2ban(lab.host('h1'));
    throw new Error('the test failed');
  }, /the test failed/);
  assert.equal(names.length, 4);
  assert.deepEqual(inhabitants(names), []);
  assert.deepEqual(machine(), before);
});

test('a lab ends with the process that started it, also by kill -9', { skip }, async () => {
  const before = machine();
  const program = join(import.meta.dirname, 'by-hand.ts');
  const killed = spawn(process.execPath, [program, '--bare'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: killed.stdout }), 'line')) as [string];
  const names = [...line.matchAll(/pid (\d+)/g)].flatMap((found) => namespaces(found[1] ?? ''));
  assert.ok(inhabitants(names).length >= 5, `by-hand.ts prints the pids of its hosts: ${line}`);
  killed.kill('SIGKILL');
  await untilTrue(
    PATIENCE_MS,
    'the processes of a killed lab to end',
    async () => inhabitants(names).length === 0,
  );
  assert.deepEqual(machine(), before);
});

test('a host ends by itself when its time to live is over', { skip }, async () => {
  // Without a network: a lab whose time is over while it starts says something else.
  const host = await Host.start('h1', { ipv4: '10.99.0.1', ipv6: 'fd99::1' }, 8, {});
  await untilTrue(PATIENCE_MS, 'h1 to end', async () => namespaces(host.pid).length === 0);
  await host.end();
});

test(
  'a host cannot change the files of the machine, nor see the processes of another',
  { skip },
  async () => {
    await using lab = await startLab({ hosts: ['h1', 'h2'] });
    const [h1, h2] = [lab.host('h1'), lab.host('h2')];
    const name = `banshare-lab-${process.pid}`;
    for (const path of [`/etc/${name}`, `/usr/bin/${name}`, `/var/lib/${name}`, `/tmp/${name}`]) {
      await h1.output(['touch', path]);
      assert.equal((await h2.run(['test', '-e', path])).code, 1, `${path} is h1's alone`);
      assert.throws(() => readFileSync(path), { code: 'ENOENT' });
    }
    assert.notEqual((await h1.run(['touch', `/${name}`])).code, 0);
    assert.doesNotMatch(await h1.output(['ps', 'ax']), /h2/);
    assert.notEqual(await h1.read('/etc/machine-id'), await h2.read('/etc/machine-id'));
  },
);

/** What a lab could leave behind on the machine. */
function machine(): { mounts: string; networks: string } {
  return {
    mounts: readFileSync('/proc/self/mounts', 'utf8'),
    networks: readFileSync('/proc/net/dev', 'utf8').replaceAll(/:.*/g, ''),
  };
}

/** The names of the pid and network namespaces of a process. */
function namespaces(pid: number | string): string[] {
  try {
    return ['pid', 'net'].map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`));
  } catch {
    return [];
  }
}

/** The processes that still live in one of the given namespaces. */
function inhabitants(names: readonly string[]): string[] {
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  return pids.filter((pid) => namespaces(pid).some((name) => names.includes(name)));
}
