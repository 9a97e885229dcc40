import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostPaths, type HostPaths } from '@banshare/runtime';
import { BanCommands } from './ban-commands.ts';
import { Program, readyMs, runProgram, type Ran, type Surroundings } from './program.ts';

/** A real banshare-client below a temporary root, whose ban command notes its words. */
export class FleetHost {
  readonly name: string;
  readonly root: string;
  readonly paths: HostPaths;
  readonly commands: BanCommands;
  #program: Program | undefined;

  constructor(name: string, root: string) {
    this.name = name;
    this.root = root;
    this.paths = hostPaths(root);
    const directory = join(root, 'commands');
    mkdirSync(directory, { recursive: true });
    this.commands = new BanCommands(directory);
  }

  /** The part of client.toml that a host of a test has by itself. */
  get applyLines(): string {
    const { script } = this.commands;
    return [
      '[apply]',
      `command = "${script} set JAIL banip SRCIP"`,
      `unban-command = "${script} set JAIL unbanip SRCIP"`,
      '',
    ].join('\n');
  }

  get pid(): number {
    return this.#running.pid;
  }

  /** All that this run of the client has said. */
  get said(): readonly string[] {
    return this.#running.said;
  }

  /** Fulfilled with exit code or signal. */
  get ended(): Promise<number | string> {
    return this.#running.ended;
  }

  kill(signal: NodeJS.Signals): void {
    this.#running.kill(signal);
  }

  /** A line of the client's log, past or to come. */
  line(pattern: RegExp): Promise<string> {
    return this.#running.line(pattern);
  }

  /** Starts the client and waits until it has caught up with the server. */
  async start(surroundings: Surroundings = {}): Promise<void> {
    this.launch(surroundings);
    await this.#running.line(/^banshare-client ready /, readyMs(surroundings.main));
  }

  /** Starts the client and does not wait, for a test without a server. */
  launch(surroundings: Surroundings = {}): void {
    this.#program = new Program('client', ['--root', this.root], surroundings);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    return this.#running.stop(signal);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Runs one of the client's subcommands, such as `status --json`. */
  command(...words: string[]): Promise<Ran> {
    return runProgram('client', [...words, '--root', this.root]);
  }

  writeToml(text: string): void {
    writeFileSync(this.paths.clientConfig, text);
  }

  async close(): Promise<void> {
    this.#program?.kill('SIGCONT');
    await this.#program?.stop('SIGKILL');
    this.commands.close();
  }

  get #running(): Program {
    if (this.#program === undefined) throw new Error(`the client of ${this.name} was never started`);
    return this.#program;
  }
}
