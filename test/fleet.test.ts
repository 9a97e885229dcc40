import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startFleet, takePort, untilAnswered } from './fleet/index.ts';

test('one report on h1 becomes one command on h2 and h3, and h1 skips its own', async () => {
  let root: string;
  {
    await using fleet = await startFleet({ hosts: ['h1', 'h2', 'h3'] });
    root = fleet.server.root;
    const { code, stderr } = await fleet.report('h1', ['fail2ban', 'sshd', '203.0.113.9']);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    const wanted = ['set', 'sshd', 'banip', '203.0.113.9'];
    assert.deepEqual(await fleet.host('h2').commands.next(), wanted);
    assert.deepEqual(await fleet.host('h3').commands.next(), wanted);
    await fleet.host('h1').line(/outcome=skipped/);
    assert.deepEqual(fleet.host('h1').commands.all, []);

    // What each runs on, as an administrator reads it.
    const told = async (): Promise<unknown> => {
      const { hosts } = await fleet.server.json<{ hosts: { node: string | null }[] }>('hosts');
      return hosts.every(({ node }) => node === process.versions.node) ? hosts : undefined;
    };
    await untilAnswered(told, 20_000, () => 'what each host runs on');
    assert.match(
      (await fleet.server.command('hosts')).stdout,
      new RegExp(` NODE .*\\n.* ${process.versions.node} `),
    );
    const { node } = await fleet.server.json<{ node: { version: string } }>('status');
    assert.equal(node.version, process.versions.node);
  }
  assert.equal(existsSync(root), false);
});

test('tests that run side by side take different ports, and none that Linux gives to whoever connects', () => {
  const mine = Array.from({ length: 400 }, takePort);
  const code = `import { takePort } from '${join(import.meta.dirname, 'fleet/ports.ts')}';
    console.log(JSON.stringify(Array.from({ length: 400 }, takePort)));`;
  const theirs = JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }),
  ) as number[];
  assert.equal(new Set([...mine, ...theirs]).size, 800);
  assert.deepEqual(
    [...mine, ...theirs].filter((port) => port < 1024 || port >= 32_768),
    [],
  );
});
