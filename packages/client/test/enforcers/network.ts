import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { exec, type Ended, type ExecOptions } from '../../src/host/exec.ts';

const HAS = spawnSync(
  'unshare',
  ['--net', 'sh', '-c', 'nft list tables && ipset version && iptables -S INPUT'],
  {
    encoding: 'utf8',
  },
);

/** Why there is no network namespace with a firewall here, as node:test's `skip` takes it. */
export const noNetwork =
  HAS.status === 0 ? false : `it needs root, nftables, ipset and iptables: ${HAS.stderr?.trim() ?? ''}`;

/** All that a program of the namespace gets to know, as exec() has it. */
const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  HOME: '/',
};
/** Of what a program says exec() keeps so much, where nobody needs more. */
const KEPT_BYTES = 4096;
/** Runs what each line names by its folder, and says the exit code. */
const SHELL = `ip link set lo up; echo up
while read -r job; do ( . "$job/words" ) <"$job/in" >"$job/out" 2>"$job/err"; echo "$?"; done`;

/**
 * A network namespace of its own, with a firewall of its own. A shell inside of it runs the programs one after the other: these tests run
 * thousands, and a start from here, of this large process by way of nsenter, costs more processor time than what it starts.
 */
export class Network implements AsyncDisposable {
  readonly #shell: ChildProcess;
  readonly #codes: AsyncIterator<string>;
  readonly #job = mkdtempSync(join(tmpdir(), 'banshare-network-'));
  #before: Promise<unknown> = Promise.resolve();
  /** Each program that ran in it, with its words. */
  readonly ran: string[] = [];

  static async open(): Promise<Network> {
    const shell = spawn('unshare', ['--net', 'sh', '-c', SHELL], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: ENVIRONMENT,
    });
    const codes = createInterface(shell.stdout)[Symbol.asyncIterator]();
    await codes.next();
    return new Network(shell, codes);
  }

  private constructor(shell: ChildProcess, codes: AsyncIterator<string>) {
    this.#shell = shell;
    this.#codes = codes;
  }

  /** Runs a program in the namespace; how it ended is told as exec() does. */
  readonly run = (words: readonly string[], options?: ExecOptions): Promise<Ended> => {
    this.ran.push(words.join(' '));
    const ended = this.#before.then(() => this.#runNow(words, options));
    this.#before = ended.catch(() => undefined);
    return ended;
  };

  /** The same by exec() itself, as the client does. */
  readonly exec = (words: readonly string[], options?: ExecOptions): Promise<Ended> => {
    this.ran.push(words.join(' '));
    return exec(this.entering(...words), 20_000, () => performance.now(), options);
  };

  /** The words that start a program in the namespace. */
  entering(...words: string[]): string[] {
    return ['nsenter', '-t', String(this.#shell.pid), '-n', ...words];
  }

  /** What a program prints in it, which has to succeed. */
  async output(...words: readonly string[]): Promise<string> {
    const ended = await this.run(words, { keptBytes: 1e8 });
    if (ended.code !== 0) throw new Error(`${words.join(' ')}: ${ended.stderr}`);
    return ended.stdout;
  }

  async #runNow(words: readonly string[], { input = '', keptBytes }: ExecOptions = {}): Promise<Ended> {
    const began = performance.now();
    const [asked, read, out, err] = ['words', 'in', 'out', 'err'].map((name) => join(this.#job, name));
    writeFileSync(asked!, `exec ${words.map(quoted).join(' ')}\n`);
    writeFileSync(read!, input);
    this.#shell.stdin?.write(`${this.#job}\n`);
    const answer = await this.#codes.next();
    if (answer.done === true) throw new Error(`the shell of a network ended with ${words.join(' ')}`);
    const stdout = readFileSync(out!, 'utf8');
    const milliseconds = Math.round(performance.now() - began);
    const how = { isTimedOut: false, stdout: stdout.slice(0, keptBytes ?? KEPT_BYTES), milliseconds };
    if (keptBytes !== undefined && stdout.length > keptBytes)
      return { ...how, code: null, isTooLong: true, stderr: `it said more than ${keptBytes} bytes` };
    return {
      ...how,
      code: Number(answer.value),
      stderr: readFileSync(err!, 'utf8').slice(0, KEPT_BYTES),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#shell, 'exit');
    this.#shell.stdin?.end();
    await ended;
    rmSync(this.#job, { recursive: true, force: true });
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
