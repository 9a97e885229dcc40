import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { makePrivateDirectory } from '@banshare/runtime';

/**
 * What a command reads, in which folder that waits for it, and how much of what it says is kept; by default nothing, that for
 * temporary files, and 4 KiB. Whoever says how much needs all of it: a command that says more has failed then.
 */
export type ExecOptions = { input?: string; inputFolder?: string; keptBytes?: number };

/**
 * How a command ended. `code` is null after a signal or a failed start, `isMissing` where there is no such program, `isTooLong` where it
 * said more than is kept and all of it is needed; of stdout and stderr the beginning is kept.
 */
export type Ended = {
  code: number | null;
  isMissing?: true;
  isTooLong?: true;
  isTimedOut: boolean;
  stdout: string;
  stderr: string;
  milliseconds: number;
};

/** How a command that failed has ended, before what it said: "exit 1", or why there is no such code. */
export function howEnded({ code, isTimedOut }: Ended): string {
  if (isTimedOut) return 'it ran too long';
  return code === null ? 'it could not run' : `exit ${code}`;
}

type Spawned = Omit<ChildProcess, 'stdout' | 'stderr'> & {
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
 * Runs a program with arguments, without a shell: the only file of the client that starts processes. What runs longer than
 * the timeout is killed with its children.
 */
export function exec(
  words: readonly string[],
  timeoutMs: number,
  nowMs: () => number,
  { input, inputFolder = tmpdir(), keptBytes }: ExecOptions = {},
): Promise<Ended> {
  const [file = '', ...args] = words;
  const began = nowMs();
  return new Promise((resolve) => {
    const stdin = input === undefined ? NO_INPUT : layInput(input, inputFolder);
    if ('fault' in stdin) {
      resolve({ code: null, isTimedOut: false, stdout: '', stderr: stdin.fault, milliseconds: 0 });
      return;
    }
    let isTimedOut = false;
    let isMissing = false;
    let stdout = '';
    let said = 0;
    let stderr = '';
    // A group of its own, so that a timeout also reaches what the command started.
    const child: Spawned = spawn(file, args, {
      env: ENVIRONMENT,
      stdio: [stdin.from, 'pipe', 'pipe'],
      detached: true,
    });
    stdin.isHandedOver();
    let timer = setTimeout(() => {
      isTimedOut = true;
      killGroup(child.pid);
    }, timeoutMs);
    const end = (ended: number | null): void => {
      clearTimeout(timer);
      child.stdout?.destroy();
      child.stderr?.destroy();
      stdin.isRead();
      const milliseconds = Math.round(nowMs() - began);
      const how = { isTimedOut, stdout, milliseconds, ...(isMissing ? { isMissing } : {}) };
      const isTooLong = keptBytes !== undefined && said > keptBytes;
      if (isTooLong)
        resolve({ ...how, code: null, isTooLong, stderr: `it said more than ${keptBytes} bytes` });
      else resolve({ ...how, code: ended, stderr });
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      isMissing = error.code === 'ENOENT';
      stderr = isMissing ? `there is no program "${file}"` : error.message;
      end(null);
    });
    // 'close' comes once all that was said is read. A grandchild that holds the pipe open must not hold up the next ban.
    child.on('close', end);
    child.on('exit', (code) => {
      clearTimeout(timer);
      timer = setTimeout(end, READ_REST_MS, code);
    });
    // Without file descriptors left there is a child without pipes, and then its error.
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.length;
      stdout = keep(stdout, chunk, keptBytes ?? KEPT_BYTES);
    });
    child.stderr?.on('data', (chunk: Buffer) => (stderr = keep(stderr, chunk, KEPT_BYTES)));
  });
}

type Input = { from: 'ignore' | number; isHandedOver: () => void; isRead: () => void };

const NO_INPUT: Input = { from: 'ignore', isHandedOver: () => undefined, isRead: () => undefined };

/**
 * Lays what a program is to read into a file. Node's pipe is a socket, and a socket cannot be opened by its path: nft 0.9.3, 0.9.8
 * and 1.0.9 open /dev/stdin anew, and so may any program of an administrator. The file keeps its name until the program has ended,
 * for those that look for where /dev/stdin leads.
 */
function layInput(text: string, folder: string): Input | { fault: string } {
  const path = join(folder, `input-${randomBytes(8).toString('hex')}`);
  let descriptor: number | undefined;
  const isHandedOver = (): void => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  };
  const isRead = (): void => {
    try {
      rmSync(path, { force: true });
    } catch {
      // Its folder is not there either.
    }
  };
  try {
    // The folder may have been taken away beneath a running program.
    makePrivateDirectory(dirname(folder));
    makePrivateDirectory(folder);
    descriptor = openSync(path, 'wx+', 0o600);
    const bytes = Buffer.from(text, 'utf8');
    // At a position: the program reads from the beginning, by what it was handed too.
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at, bytes.length - at, at);
    return { from: descriptor, isHandedOver, isRead };
  } catch (error) {
    isHandedOver();
    isRead();
    return { fault: `Cannot lay out what it is to read in "${folder}": ${(error as Error).message}` };
  }
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
