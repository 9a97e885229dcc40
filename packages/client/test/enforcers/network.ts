import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
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

/** A network namespace of its own, with a firewall of its own. */
export class Network implements AsyncDisposable {
  readonly #holder: ChildProcess;
  /** Each program that ran in it, with its words. */
  readonly ran: string[] = [];

  static async open(): Promise<Network> {
    const holder = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up; echo up; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    return new Network(holder);
  }

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  /** Runs a program in the namespace, as the client does. */
  readonly run = (words: readonly string[], options?: ExecOptions): Promise<Ended> => {
    this.ran.push(words.join(' '));
    return exec(this.entering(...words), 20_000, () => performance.now(), options);
  };

  /** The words that start a program in the namespace. */
  entering(...words: string[]): string[] {
    return ['nsenter', '-t', String(this.#holder.pid), '-n', ...words];
  }

  /** What a program prints in it, which has to succeed. */
  async output(...words: readonly string[]): Promise<string> {
    const ended = await this.run(words, { keptBytes: 1e8 });
    if (ended.code !== 0) throw new Error(`${words.join(' ')}: ${ended.stderr}`);
    return ended.stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#holder, 'exit');
    this.#holder.stdin?.end();
    await ended;
  }
}
