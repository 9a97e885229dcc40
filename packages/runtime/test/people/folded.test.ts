import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { folded, terminalColumns } from '../../src/people/folded.ts';

const TEXT = [
  'To do: the fleet is frozen since 3 s and for 10 m more, and banshare-server thaw ends it',
  '  203.0.113.9 is banned',
  `  at ${'x'.repeat(80)} and on`,
].join('\n');

test('on a terminal a line that is longer is folded between its words, and what goes on is indented', () => {
  assert.equal(folded(TEXT, Infinity), TEXT);
  const lines = folded(TEXT, 60).split('\n');
  assert.deepEqual(lines.slice(0, 3), [
    'To do: the fleet is frozen since 3 s and for 10 m more, and',
    '    banshare-server thaw ends it',
    '  203.0.113.9 is banned',
  ]);
  // A word that has no room on any line stands alone.
  assert.deepEqual(
    lines.slice(3).map((line) => line.trim().length),
    [2, 80, 6],
  );
  assert.equal(lines.map((line) => line.trim()).join(' '), TEXT.replaceAll(/\s+/g, ' '));
});

test('nothing is folded where no terminal is, nor where one does not know how wide it is', () => {
  assert.equal(terminalColumns({ isTTY: true, columns: 60 }), 60);
  for (const columns of [0, 1, undefined])
    assert.equal(terminalColumns({ isTTY: true, columns: columns as number }), Infinity);
  assert.equal(terminalColumns({ isTTY: false, columns: 60 }), Infinity);
});

// A terminal of so many columns, in which a program says a line.
const IN_A_TERMINAL = `
import fcntl, os, struct, sys, termios
mine, its = os.openpty()
fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack('HHHH', 24, int(sys.argv[1]), 0, 0))
if os.fork() == 0:
    os.dup2(its, 1)
    os.execv(sys.argv[2], sys.argv[2:])
os.close(its)
said = b''
try:
    while True:
        said += os.read(mine, 65536)
except OSError:
    pass
sys.stdout.buffer.write(said)
`;
const hasPython = spawnSync('python3', ['--version']).status === 0;

for (const [columns, lines] of [
  [60, 2],
  [0, 1],
] as const)
  test(
    `what a command says in a real terminal of ${columns} columns has ${lines} lines`,
    { skip: hasPython ? false : 'python3 is not installed' },
    () => {
      const source = join(import.meta.dirname, '../../src/people/tell.ts');
      const code = `import { tell } from ${JSON.stringify(source)}; tell(${JSON.stringify(TEXT.split('\n', 1)[0])});`;
      const words = [
        '-c',
        IN_A_TERMINAL,
        String(columns),
        process.execPath,
        '--input-type=module',
        '-e',
        code,
      ];
      const { stdout } = spawnSync('python3', words, {
        encoding: 'utf8',
        env: { ...process.env, NO_COLOR: '1' },
      });
      assert.equal(stdout.trimEnd().split('\r\n').length, lines, stdout);
    },
  );
