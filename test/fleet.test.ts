import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startFleet, takePort } from './fleet/index.ts';

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
