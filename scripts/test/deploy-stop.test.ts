import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const DEPLOY = join(import.meta.dirname, '../deploy.ts');
const SLIM = `generation='20261121T000000Z-abcdef'\nruntimes='x64 node a\nx64 zeromq.node b\narm64 node a\narm64 zeromq.node b'\n`;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`a deploy that ${signal} stops while it copies leaves no installer on the host`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'banshare-stop-'));
    const home = join(folder, 'home');
    const copied = join(folder, 'copied');
    let copying = 0;
    try {
      for (const name of ['home', 'bin', 'dist']) mkdirSync(join(folder, name));
      for (const role of ['client', 'server'])
        for (const kind of ['', '-slim']) writeFileSync(join(folder, `dist/${role}-install${kind}.sh`), SLIM);
      writeFileSync(join(folder, 'hosts'), 'host1 server client\n');
      assert.equal(spawnSync('mkfifo', [copied]).status, 0);
      // The host is this machine, and the copy never ends.
      program(join(folder, 'bin/ssh'), `HOME=${home} exec sh`);
      // Whoever runs the tests need not be root, nor may become it.
      program(join(folder, 'bin/sudo'), '[ "$1" != -n ] || shift\nexec "$@"');
      program(
        join(folder, 'bin/scp'),
        `for last; do from=$to to=$last; done\ncp "$from" "\${to#*:}" && echo $$ >${copied}\nexec sleep 60`,
      );
      const deploy = spawn(
        process.execPath,
        [
          DEPLOY,
          `--hosts=${join(folder, 'hosts')}`,
          `--dist=${join(folder, 'dist')}`,
          `--record=${join(folder, 'record.json')}`,
        ],
        { env: { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH']}` }, stdio: 'ignore' },
      );
      const ended = once(deploy, 'close');
      const told = spawn('cat', [copied], { stdio: ['ignore', 'pipe', 'ignore'] });
      // A deploy that ends before it copies would be waited for without end.
      void ended.then(() => told.kill());
      for await (const pid of told.stdout) copying = Number(String(pid));
      assert.ok(copying > 0, 'the deploy ended before it copied');
      assert.equal(leftIn(home).length, 1);
      deploy.kill(signal);
      assert.deepEqual((await ended)[0], signal === 'SIGINT' ? 130 : 143);
      assert.deepEqual(leftIn(home), []);
    } finally {
      if (copying > 0) process.kill(copying);
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

function program(path: string, script: string): void {
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

function leftIn(home: string): string[] {
  return readdirSync(home).filter((name) => name.startsWith('.banshare-deploy.'));
}
