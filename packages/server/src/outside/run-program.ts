import { spawn } from 'node:child_process';
import { bad, good, oneLine, type Result } from '@banshare/protocol';

/** All that a program gets to know. */
const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  HOME: '/',
};
const KEPT_LETTERS = 300;

/**
 * Runs a program without a shell, which reads a text on its standard input. What runs longer than the timeout is killed with its
 * children. It never throws.
 */
export function runProgramWith(
  words: readonly string[],
  input: string,
  timeoutMs: number,
): Promise<Result<undefined>> {
  const [file = '', ...args] = words;
  return new Promise((resolve) => {
    let said = '';
    let isLate = false;
    // A group of its own, so that a timeout also reaches what it started.
    const child = spawn(file, args, { env: ENVIRONMENT, stdio: ['pipe', 'ignore', 'pipe'], detached: true });
    const timer = setTimeout(() => {
      isLate = true;
      end(bad(`${file} did not end within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    const end = (result: Result<undefined>): void => {
      clearTimeout(timer);
      if (isLate) killGroup(child.pid);
      child.stderr.destroy();
      resolve(result);
    };
    child.on('error', (error: NodeJS.ErrnoException) =>
      end(bad(error.code === 'ENOENT' ? `there is no program "${file}"` : oneLine(error.message))),
    );
    child.on('exit', (code, signal) => {
      if (code === 0) return end(good(undefined));
      const why = said === '' ? '' : `: ${oneLine(said.trim())}`;
      end(bad(`${file} ended with ${code === null ? signal : `exit code ${code}`}${why}`));
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(0, KEPT_LETTERS);
    });
    // It may end before it has read everything.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}
