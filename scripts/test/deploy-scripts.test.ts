import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { answersIn, ASK, installScript, MAKE_FOLDER } from '../deploy/remote-scripts.ts';
import { SHELLS } from '../../test/installers/install-below.ts';

// The scripts that deploy sends to hosts, on this machine, as sh gets them: on its input.
for (const [command, ...words] of SHELLS) {
  const shell = [command, ...words].join(' ');
  const run = (script: string, env: NodeJS.ProcessEnv = {}) =>
    spawnSync(command, words, { input: script, encoding: 'utf8', env: { ...process.env, ...env } });

  test(`under ${shell} a host says what machine it is, and leaves out what it does not have`, () => {
    const asked = answersIn(run(ASK).stdout);
    assert.match(asked.get('machine') ?? '', /^(x86_64|aarch64)$/);
    assert.match(asked.get('node') ?? 'none', /^([0-9a-f]{64})?$/);
    assert.equal(asked.has('noroot'), process.getuid?.() !== 0 && !mayRunSudo());
  });

  test(`under ${shell} a user who cannot become root is told apart`, (context) => {
    if (process.getuid?.() !== 0) {
      context.skip('changing the user needs root');
      return;
    }
    const asUser = ['--reuid=65534', '--regid=65534', '--clear-groups', command, ...words];
    const asked = spawnSync('setpriv', asUser, { input: ASK, encoding: 'utf8' });
    assert.equal(answersIn(asked.stdout).get('noroot'), 'yes', asked.stderr);
  });

  for (const code of [0, 3]) {
    test(`under ${shell} an installer that ends with ${code} is gone afterwards, and its code is told`, (context) => {
      if (process.getuid?.() !== 0) {
        context.skip('running an installer needs root');
        return;
      }
      using home = new Home();
      const folder = answersIn(run(MAKE_FOLDER, { HOME: home.path }).stdout).get('folder') ?? '';
      assert.ok(folder.startsWith(`${home.path}/.banshare-deploy.`), folder);
      assert.equal(statSync(folder).mode & 0o777, 0o700);
      writeFileSync(join(folder, 'install.sh'), `echo "$@"; cat; exit ${code}\n`);
      const ran = run(installScript(folder, '--hook /a/b'), { HOME: home.path });
      assert.equal(ran.status, code, ran.stderr);
      assert.match(ran.stdout, /^--hook \/a\/b\nbanshare-deploy name=/, 'it reads nothing of the script');
      assert.ok(!existsSync(folder));
    });
  }

  test(`under ${shell} a folder that an earlier deploy left behind is removed after an hour`, () => {
    using home = new Home();
    const left = answersIn(run(MAKE_FOLDER, { HOME: home.path }).stdout).get('folder') ?? '';
    run(MAKE_FOLDER, { HOME: home.path });
    assert.ok(existsSync(left), 'another deploy may be at work');
    spawnSync('touch', ['-d', '2 hours ago', left]);
    run(MAKE_FOLDER, { HOME: home.path });
    assert.ok(!existsSync(left));
  });
}

class Home implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'banshare-home-'));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

function mayRunSudo(): boolean {
  return spawnSync('sudo', ['-n', 'true']).status === 0;
}
