import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** What a command reads, and how much of what it says is kept; by default nothing and 4 KiB. */
export type ExecOptions = { input?: string; keptBytes?: number };

/** How a command ended. `code` is null after a signal or a failed start; of stdout and stderr the beginning is kept. */
export type Ended = {
  code: number | null;
  isTimedOut: boolean;
  stdout: string;
  stderr: string;
  milliseconds: number;
};

type Spawned = Omit<ChildProcess, 'stdout' | 'stderr' | 'stdin'> & {
  stdin?: Writable | null;
  stdout?: Readable | null;
  stderr?: Readable | null;
};

const KEPT_BYTES = 4096;
/** What a command said before it ended is in the pipe: reading it takes milliseconds. */
const READ_REST_MS = 500;
/** Where programs are looked for that are named without a path. */
const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
/** All that a command gets to know: nothing of the daemon's own surroundings. */
const ENVIRONMENT = {
  PATH: FOLDERS.join(':'),
  LANG: 'C.UTF-8',
  HOME: '/',
};

/**
 * Runs a program with arguments, without a shell: the only place of the client that starts processes. What runs longer than
 * the timeout is killed with its children.
 */
export function exec(
  words: readonly string[],
  timeoutMs: number,
  nowMs: () => number,
  { input, keptBytes = KEPT_BYTES }: ExecOptions = {},
): Promise<Ended> {
  const [file = '', ...args] = words;
  const began = nowMs();
  return new Promise((resolve) => {
    let isTimedOut = false;
    let stdout = '';
    let stderr = '';
    // A group of its own, so that a timeout also reaches what the command started.
    const child: Spawned = spawn(file, args, {
      env: ENVIRONMENT,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    let timer = setTimeout(() => {
      isTimedOut = true;
      killGroup(child.pid);
    }, timeoutMs);
    const end = (code: number | null): void => {
      clearTimeout(timer);
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve({ code, isTimedOut, stdout, stderr, milliseconds: Math.round(nowMs() - began) });
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      stderr = error.code === 'ENOENT' ? `there is no program "${file}"` : error.message;
      end(null);
    });
    // 'close' comes once all that was said is read. A grandchild that holds the pipe open must not hold up the next ban.
    child.on('close', end);
    child.on('exit', (code) => {
      clearTimeout(timer);
      timer = setTimeout(end, READ_REST_MS, code);
    });
    // Without file descriptors left there is a child without pipes, and then its error.
    child.stdout?.on('data', (chunk: Buffer) => (stdout = keep(stdout, chunk, keptBytes)));
    child.stderr?.on('data', (chunk: Buffer) => (stderr = keep(stderr, chunk, KEPT_BYTES)));
    // It may end without reading all; its exit code tells.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** Whether there is a program of this name, or at this path, for exec() to run. */
export function isProgram(file: string): boolean {
  return file.includes('/') ? existsSync(file) : FOLDERS.some((folder) => existsSync(join(folder, file)));
}

function keep(text: string, chunk: Buffer, bytes: number): string {
  return text.length >= bytes ? text : (text + chunk.toString('utf8')).slice(0, bytes);
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended in this moment.
  }
}
