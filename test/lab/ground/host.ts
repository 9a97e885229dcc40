import { EventEmitter } from 'node:events';
import { watch } from 'node:fs';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Agent } from './agent.ts';
import { PATIENCE_MS, untilTrue, within } from './deadline.ts';
import type { HostAddresses } from './network.ts';
import { Running, type Exit } from './running.ts';

const initScript = join(import.meta.dirname, 'init.sh');
const rootScript = join(import.meta.dirname, 'roots/init-root.sh');

/** What a command run in a host may be given. */
export type RunOptions = { input?: string; environment?: Record<string, string>; milliseconds?: number };

/** What a host has for files: folders over the machine's own, or a whole system of its own in their place, as a tar file. */
export type HostFiles = { layers?: readonly string[]; root?: string | undefined };

/** A host of the lab: a process tree in namespaces of its own, seen from outside. */
export class Host {
  readonly name: string;
  readonly addresses: HostAddresses;
  /** The host's first process, as numbered outside. */
  readonly pid: number;
  readonly #init: Running;
  readonly #running = new Set<Running>();
  #agent: Agent | undefined;
  #firewall: Promise<Running> | undefined;
  readonly #firewallNews = new EventEmitter().setMaxListeners(0);

  /** Starts the host's first process and waits until its files are in place; its network comes later. */
  static async start(
    name: string,
    addresses: HostAddresses,
    timeToLiveSeconds: number,
    files: HostFiles,
  ): Promise<Host> {
    const namespaces = [
      '--net',
      '--mount',
      '--uts',
      '--ipc',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
    ];
    const { root, layers = [] } = files;
    const script = root === undefined ? [initScript, name] : [rootScript, name];
    const over = root === undefined ? layers : [root];
    const argv = ['unshare', ...namespaces, 'sh', ...script, String(timeToLiveSeconds), ...over];
    const init = new Running(`${name}'s init`, argv);
    await init.line(/^mounted$/);
    return new Host(name, addresses, init, await init.innerPid());
  }

  private constructor(name: string, addresses: HostAddresses, init: Running, pid: number) {
    this.name = name;
    this.addresses = addresses;
    this.#init = init;
    this.pid = pid;
  }

  /** Starts a program in the host; its lines of output can be awaited. */
  spawn(argv: readonly string[], environment: Record<string, string> = {}): Running {
    const title = `${this.name}: ${argv.join(' ')}`;
    const enter = ['nsenter', '-t', String(this.pid), '-a', '--', ...argv];
    const running = new Running(title, enter, environment);
    this.#running.add(running);
    void running.ended.then(() => this.#running.delete(running));
    return running;
  }

  /** Runs a program in the host to its end, whatever its exit code. */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<Exit> {
    const running = this.spawn(argv, options.environment);
    if (options.input !== undefined) running.say(options.input);
    running.hangUp();
    const what = `"${argv.join(' ')}" to end on ${this.name}`;
    try {
      return await within(options.milliseconds ?? PATIENCE_MS, what, running.ended, () => running.tail());
    } catch (error) {
      await running.stop('SIGKILL');
      throw error;
    }
  }

  /** Runs a program that has to succeed and returns what it printed. */
  async output(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    const exit = await this.run(argv, options);
    if (exit.code === 0) return exit.stdout;
    throw new Error(
      `${this.name}: "${argv.join(' ')}" ended with ${exit.code}:\n${exit.stdout}\n${exit.stderr}`,
    );
  }

  /**
   * The path under which this process sees a file of the host. Absolute symbolic links on the way lead astray, and
   * so do /proc/sys and /sys, where the reader's own namespaces count.
   */
  outside(path: string): string {
    return `/proc/${this.pid}/root${path}`;
  }

  /** Writes a file of the host, and the folders above it. */
  async write(path: string, text: string, mode = 0o644): Promise<void> {
    await mkdir(dirname(this.outside(path)), { recursive: true });
    await writeFile(this.outside(path), text, { mode });
  }

  /** Adds to the end of a file of the host. */
  async append(path: string, text: string): Promise<void> {
    await appendFile(this.outside(path), text);
  }

  /** Reads a file of the host; one that is not there is empty. */
  async read(path: string): Promise<string> {
    try {
      return await readFile(this.outside(path), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    }
  }

  /** Waits until a file of the host answers the question with true, asking again at each change in its folder. */
  async untilFile(
    path: string,
    question: (text: string) => boolean,
    what: string,
    milliseconds = PATIENCE_MS,
  ): Promise<string> {
    const stop = new AbortController();
    let last = '';
    const awaited = new Promise<string>((resolve, reject) => {
      const look = (): void => {
        this.read(path).then((text) => {
          last = text;
          if (question(text)) resolve(text);
        }, reject);
      };
      watch(dirname(this.outside(path)), { signal: stop.signal }, look);
      look();
    });
    try {
      return await within(milliseconds, `${what} in ${path} on ${this.name}`, awaited, () =>
        last.slice(-2000),
      );
    } finally {
      stop.abort();
    }
  }

  /** Waits until a file of the host has the given number of lines that match. */
  async untilLines(path: string, pattern: RegExp, count = 1, milliseconds = PATIENCE_MS): Promise<string[]> {
    const matching = (text: string): string[] => text.split('\n').filter((line) => pattern.test(line));
    const what = `${count} line(s) ${pattern}`;
    return matching(await this.untilFile(path, (text) => matching(text).length >= count, what, milliseconds));
  }

  /** Waits until the host's nftables rules answer the question with true, asking again at each change the kernel tells. */
  async untilFirewall(
    question: (rules: string) => boolean,
    what: string,
    milliseconds = PATIENCE_MS,
  ): Promise<void> {
    await (this.#firewall ??= this.#watchFirewall());
    let changed = true;
    const look = async (): Promise<boolean> => {
      if (!changed) await new Promise((resolve) => this.#firewallNews.once('change', resolve));
      changed = false;
      return question(await this.output(['nft', 'list', 'ruleset']));
    };
    const onChange = (): void => {
      changed = true;
    };
    this.#firewallNews.on('change', onChange);
    try {
      await untilTrue(milliseconds, `${what} in the firewall of ${this.name}`, look);
    } finally {
      this.#firewallNews.off('change', onChange);
      this.#firewallNews.emit('change');
    }
  }

  /** The program inside the host's network that listens and connects for the tests. */
  get agent(): Agent {
    return (this.#agent ??= new Agent(this.name, this.pid));
  }

  /** Ends the host, and with it all of its processes, mounts and its network. */
  async end(): Promise<void> {
    await this.#agent?.end();
    this.#init.hangUp();
    try {
      await within(5_000, `${this.name} to end`, this.#init.ended);
    } catch {
      // unshare's --kill-child takes the first process, and so all others, with it.
      this.#init.child.kill('SIGKILL');
      await within(PATIENCE_MS, `${this.name} to end after SIGKILL`, this.#init.ended);
    }
    // What stood in front of a frozen program is frozen too, and would outlive it.
    for (const running of this.#running) running.child.kill('SIGKILL');
    await within(
      PATIENCE_MS,
      `what ran on ${this.name} to end`,
      Promise.all([...this.#running].map(({ ended }) => ended)),
    );
  }

  async #watchFirewall(): Promise<Running> {
    const monitor = this.spawn(['nft', 'monitor']);
    monitor.onLine(() => this.#firewallNews.emit('change'));
    // nft does not say when it has begun to listen: provoke a change until it is told.
    const seen = monitor.line(/table inet lab-marker/);
    const provoke = 'add table inet lab-marker\ndelete table inet lab-marker\n';
    let listening = false;
    seen.then(
      () => (listening = true),
      () => (listening = true),
    );
    while (!listening) await this.output(['nft', '-f', '-'], { input: provoke });
    await seen;
    return monitor;
  }
}
