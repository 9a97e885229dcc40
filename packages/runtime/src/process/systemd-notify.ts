import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** The way to systemd. */
export type Channel = {
  /** Sends one message. @throws where that is not possible. */
  tell(assignments: readonly string[]): Promise<void>;
  close(): Promise<void>;
};

/**
 * Node has no datagrams of unix sockets, and starting a program from a large process holds its loop for milliseconds, or a hundred under
 * load: so a small shell is started once, which starts systemd-notify for each line that it reads, of words with tabs between, and says how that ended.
 */
const SHELL = `IFS='\t'; set -f; while read -r words; do systemd-notify $words; echo $?; done`;
/** What would be another word, or another line. */
const BREAKS = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;
const PATH = '/usr/bin:/bin';

/** systemd-notify itself waits 5 s at most until systemd has read what it sent. */
const PATIENCE_MS = 10_000;
const CLOSE_MS = 1000;

type Process = ChildProcessByStdio<Writable, Readable, null>;
/** `ended` is fulfilled once it is gone. */
type Shell = { readonly process: Process; readonly ended: Promise<'gone'> };

/** The way to systemd by systemd-notify, for a unit that says NotifyAccess=all. */
export class SystemdNotify implements Channel {
  readonly #script: string;
  #shell: Shell | undefined;
  #answered: ((line: string) => void) | undefined;

  /** @param script what the shell does. */
  constructor(script = SHELL) {
    this.#script = script;
  }

  /** @throws where there is no such program, or systemd does not take it. */
  async tell(assignments: readonly string[]): Promise<void> {
    const shell = (this.#shell ??= this.#start());
    const answer = new Promise<string>((resolve) => (this.#answered = resolve));
    const timer = setTimeout(() => killGroup(shell.process), PATIENCE_MS);
    const words = [`--pid=${process.pid}`, ...assignments.map((each) => each.replaceAll(BREAKS, ' '))];
    shell.process.stdin.write(`${words.join('\t')}\n`);
    const code = await Promise.race([answer, shell.ended]);
    clearTimeout(timer);
    if (code === 'gone') throw new Error('the shell that starts systemd-notify is gone');
    if (code !== '0') throw new Error(`systemd-notify ended with exit code ${code}`);
  }

  /** Ends the shell. */
  async close(): Promise<void> {
    const shell = this.#shell;
    if (shell === undefined) return;
    const timer = setTimeout(() => killGroup(shell.process), CLOSE_MS);
    shell.process.stdin.end();
    await shell.ended;
    clearTimeout(timer);
  }

  #start(): Shell {
    const { NOTIFY_SOCKET } = process.env;
    const child = spawn('/bin/sh', ['-c', this.#script], {
      env: { PATH, NOTIFY_SOCKET },
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
    createInterface(child.stdout).on('line', (line) => this.#answered?.(line));
    // What cannot be written to it is seen by its end.
    child.stdin.on('error', () => undefined);
    const ended = new Promise<'gone'>((resolve) => {
      const end = (): void => {
        // Another one is started for the next word.
        if (this.#shell?.process === child) this.#shell = undefined;
        resolve('gone');
      };
      child.once('error', end).once('close', end);
    });
    return { process: child, ended };
  }
}

/** The shell and what it has started, which has its pipe open too: it would be waited for as long as systemd leaves a message unread. */
function killGroup({ pid }: Process): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}
