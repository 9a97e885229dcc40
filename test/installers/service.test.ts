import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { run } from './fresh-build.ts';
import { SHELLS } from './install-below.ts';

// How an installer waits for a unit: its pieces, with a systemctl of the test's own and a clock that only sleep moves.
const PIECES = join(import.meta.dirname, '../../installers/setup');
const folder = mkdtempSync(join(tmpdir(), 'banshare-service-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const SYSTEMCTL = `
[ "$1" = show ] || exit 0
awk -F '|' -v now="$(cat clock)" '
  $1 <= now { line = $0 }
  END {
    split(line, part, "|"); n = split("at ActiveState SubState MainPID NRestarts StatusText Type", name, " ")
    for (i = 2; i <= n; i++) print name[i] "=" part[i]
  }' states`;
const BIN = {
  systemctl: SYSTEMCTL,
  sleep: 'now=$(cat clock); echo $((now + 20)) >clock',
  date: 'cat clock',
  journalctl: 'exit 0',
  timeout: 'exit 124',
};
for (const [name, text] of Object.entries(BIN))
  writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o700 });

const ALIVE = process.pid;
const SCRIPT = `
  cd "$1" || exit 1
  PATH=$1:$PATH role=server upgrade=yes new_generation=no role_sets=programs live=yes stage=$1 still_starts=
  . "$2/say.sh"; . "$2/unit.sh"; . "$2/service.sh"
  with_systemd() { :; }
  changed() { :; }
  undo() { say "puts back $1"; echo "0|active|running|1|0||notify" >states; }
  answers() { [ "$type" = notify ]; }
  start_service
  say "goes on after $(cat clock) s"
  say_later`;

function starts([command, ...words]: readonly [string, ...string[]], states: readonly string[]) {
  writeFileSync(join(folder, 'clock'), '0\n');
  rmSync(join(folder, 'later'), { force: true });
  writeFileSync(join(folder, 'states'), `${states.join('\n')}\n`);
  return run(command, [...words, '-euc', SCRIPT, 'sh', folder, PIECES]);
}

for (const shell of SHELLS) {
  const under = `under ${shell[0]}, `;
  const steps = `activating|start|${ALIVE}|0|Takes the ledger to 24|notify`;

  test(`${under}a version whose start takes ten minutes is waited for, with what it says, and not put back`, () => {
    const { code, out, err } = starts(shell, [`0|${steps}`, `600|active|running|${ALIVE}|0||notify`]);
    assert.equal(code, 0, out + err);
    assert.match(out, /^banshare-server still starts: Takes the ledger to 24\n/);
    assert.match(out, /\ngoes on after 600 s\n$/);
  });

  test(`${under}one that has not come up after a quarter of an hour is left to go on, and said`, () => {
    const { code, out, err } = starts(shell, [`0|${steps}`]);
    assert.equal(code, 0, out + err);
    assert.match(err, /is installed, and not ready yet: Takes the ledger to 24/);
    assert.match(out, /goes on after 900 s\n\nStill to do:\n {2}banshare-server is not ready yet/);
  });

  test(`${under}one that waits for its database is installed, at once and with a warning`, () => {
    const waits = `0|activating|start|${ALIVE}|0|Waiting for its database: refused|notify`;
    const { code, out, err } = starts(shell, [waits]);
    assert.equal(code, 0, out + err);
    assert.match(err, /is installed, and not ready yet: Waiting for its database: refused/);
    assert.match(out, /^goes on after 0 s\n/);
    // A unit of an old systemd says nothing; its process lives, and nobody answers.
    const old = starts(shell, [`0|active|running|${ALIVE}|0||exec`]);
    assert.equal(old.code, 0, old.out + old.err);
    assert.match(old.err, /not ready yet: it does not answer yet/);
  });

  test(`${under}one that fails is put back: at once, again and again, or after minutes of its start`, () => {
    for (const states of [
      ['0|failed|failed|0|0||notify'],
      ['0|activating|auto-restart|0|0||notify'],
      [`0|${steps}`, '20|activating|auto-restart|0|0||notify', `40|activating|start|${ALIVE}|3||notify`],
      [`0|${steps}`, '300|activating|auto-restart|0|1||notify', `320|activating|start|${ALIVE}|1||notify`],
    ]) {
      const { code, out, err } = starts(shell, states);
      assert.equal(code, 1, out + err);
      assert.match(out, /puts back programs\n$/);
      assert.match(err, /the previous one is back, and runs/);
    }
  });
}
