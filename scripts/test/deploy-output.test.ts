import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const DEPLOY = join(import.meta.dirname, '../deploy.ts');
const SLIM = `generation='20261121T000000Z-abcdef'\nruntimes='x64 node a\nx64 zeromq.node b\narm64 node a\narm64 zeromq.node b'\n`;
/** A host whose login tells of success in its own way, and one whose installer does. */
const SSH = `#!/bin/sh
lie() { printf 'x\\033]0;owned title\\007\\033[2J\\033[H\\033[32m2/2 root@evil: installed (all is well)\\033[0m\\r\\n\\302\\2332J\\342\\200\\256' >&2; }
script=$(cat)
case $* in *evil*) lie; exit 1 ;; esac
case $script in
*"machine="*) echo "banshare-deploy machine=x86_64" ;;
*mktemp*) echo "banshare-deploy folder=/tmp/.banshare-deploy.x" ;;
*"install.sh"*) lie; printf 'banshare-deploy name=\\033[31mred\\n' ;;
*"status --json"*) echo '{"generations":["20261121T000000Z-abcdef"]}' ;;
*"hosts --json"*) printf '{"hosts":[{"name":"\\\\u001b[2Jdark","state":"active","generation":"\\\\u001b[2J"}]}' ;;
esac
`;

test('nothing that a host says in a deploy steers the terminal, nor whoever reads its log later', () => {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-output-'));
  try {
    for (const name of ['bin', 'dist']) mkdirSync(join(folder, name));
    for (const role of ['client', 'server'])
      for (const kind of ['', '-slim']) writeFileSync(join(folder, `dist/${role}-install${kind}.sh`), SLIM);
    writeFileSync(join(folder, 'hosts'), 'root@srv server\nroot@evil\n');
    writeFileSync(join(folder, 'bin/ssh'), SSH, { mode: 0o755 });
    writeFileSync(join(folder, 'bin/scp'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    const flags = ['hosts', 'dist'].map((name) => `--${name}=${join(folder, name)}`);
    const ran = spawnSync(process.execPath, [DEPLOY, ...flags, `--record=${join(folder, 'record.json')}`], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH']}` },
    });
    const log = readFileSync(join(folder, 'logs/root@srv_server_.log'), 'utf8');
    for (const text of [ran.stdout, ran.stderr, log])
      // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
      assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    assert.match(ran.stdout + ran.stderr, /\\u001b\]0;owned title/);
    assert.doesNotMatch(ran.stdout, /^2\/2 root@evil: installed/m);
    assert.equal(ran.status, 1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
