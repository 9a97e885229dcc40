import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostPaths } from '@banshare/runtime';

test('the hook closes a pair that it opened, once, and the other pairs stay open', () => {
  using host = new HookHost('24001 24002\n24003 24004\n');
  assert.equal(host.close(24001, 24002), 0);
  assert.equal(host.calls(), 'close 24001 24002\n');
  assert.equal(host.opened(), '24003 24004\n');
  assert.equal(host.close(24001, 24002), 0);
  assert.equal(host.calls(), 'close 24001 24002\n');
});

test('the hook is never run for ports that it did not open, whatever the daemon says', () => {
  using host = new HookHost('24001 24002\n');
  assert.equal(host.close(22, 24002), 0);
  assert.equal(host.calls(), '');
  assert.equal(host.opened(), '24001 24002\n');
});

test('a hook that fails leaves the pair noted as open, and the exit code says so', () => {
  using host = new HookHost('24001 24002\n', 'exit 3');
  assert.equal(host.close(24001, 24002), 1);
  assert.equal(host.opened(), '24001 24002\n');
});

test('without a hook nothing is done', () => {
  using host = new HookHost('24001 24002\n');
  rmSync(host.paths.firewallHook);
  assert.equal(host.close(24001, 24002), 1, 'it was opened by a hook that is gone');
  rmSync(host.paths.firewallOpened);
  assert.equal(host.close(24001, 24002), 0);
});

test('the hook opens a pair once, and one that fails is tried again', () => {
  using host = new HookHost('24003 24004\n', 'exit "${FAILS:-0}"');
  assert.equal(host.open(24001, 24002, '3'), 1);
  assert.equal(host.opened(), '24003 24004\n');
  assert.equal(host.open(24001, 24002), 0);
  assert.equal(host.opened(), '24003 24004\n24001 24002\n');
  assert.equal(host.calls(), 'open 24001 24002\nopen 24001 24002\n');
});

/** A server's root with a hook that notes its words. */
class HookHost implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), 'banshare-hook-'));
  readonly paths = hostPaths(this.#root);

  constructor(opened: string, last = 'exit 0') {
    mkdirSync(join(this.#root, 'etc/banshare'), { recursive: true });
    const script = `#!/bin/sh\necho "$*" >>'${this.#root}/calls'\n${last}\n`;
    writeFileSync(this.paths.firewallHook, script, { mode: 0o700 });
    writeFileSync(this.paths.firewallOpened, opened);
    writeFileSync(join(this.#root, 'calls'), '');
  }

  close(reportPort: number, publishPort: number): number | null {
    return this.#run('closePorts', [{ reportPort, publishPort }], [reportPort, publishPort]);
  }

  open(reportPort: number, publishPort: number, fails = '0'): number | null {
    return this.#run('openPorts', [reportPort, publishPort], [reportPort, publishPort], fails);
  }

  /** In a process of its own: what it says belongs on stderr. */
  #run(
    name: string,
    words: readonly unknown[],
    [reportPort, publishPort]: readonly [number, number],
    fails = '0',
  ): number | null {
    const script = `import { ${name} } from ${JSON.stringify(join(import.meta.dirname, '../../../src/cli/asking/firewall-hook.ts'))};
      process.exitCode = ${name}(${[this.paths, ...words].map((each) => JSON.stringify(each)).join(', ')});`;
    const ran = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { ...process.env, FAILS: fails },
    });
    assert.equal(ran.stdout, '', 'stdout belongs to the JSON document');
    assert.match(ran.stderr, new RegExp(`${reportPort} and ${publishPort}`));
    return ran.status;
  }

  calls(): string {
    return readFileSync(join(this.#root, 'calls'), 'utf8');
  }

  opened(): string {
    return readFileSync(this.paths.firewallOpened, 'utf8');
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}
