import { hostPaths, type HostPaths } from '@banshare/runtime';
import { takePort } from './ports.ts';
import { Program, readyMs, runProgram, type Ran, type Surroundings } from './program.ts';
import { runAsking } from './warm-commands.ts';
import { writeServerToml, type Ports } from './roots.ts';

/** A real banshare-server below a temporary root. Its ports are free ones, and the same after every restart. */
export class FleetServer {
  readonly root: string;
  readonly paths: HostPaths;
  #toml: string;
  readonly #address: string;
  readonly ports: Ports;
  #program: Program | undefined;

  constructor(
    root: string,
    toml: string,
    address: string,
    ports: Ports = { report: takePort(), publish: takePort() },
  ) {
    this.root = root;
    this.paths = hostPaths(root);
    this.#toml = toml;
    this.#address = address;
    this.ports = ports;
  }

  get address(): string {
    return this.#address;
  }

  get pid(): number {
    return this.#running.pid;
  }

  /** All that this run has said. */
  get said(): readonly string[] {
    return this.#running.said;
  }

  /** Fulfilled with exit code or signal. */
  get ended(): Promise<number | string> {
    return this.#running.ended;
  }

  /** A line of its log, past or to come. */
  line(pattern: RegExp, withinMs?: number): Promise<string> {
    return this.#running.line(pattern, withinMs);
  }

  /** Starts it and waits until it is ready; the surroundings serve such things as faketime. */
  async start(surroundings: Surroundings = {}): Promise<this> {
    this.launch(surroundings);
    return this.ready(readyMs(surroundings.main));
  }

  /** Starts it and does not wait, for a test that takes it away at once. */
  launch(surroundings: Surroundings = {}): void {
    writeServerToml(this.root, this.ports, this.#toml, this.#address);
    this.#program = new Program('server', ['--root', this.root], surroundings);
  }

  async ready(withinMs = readyMs()): Promise<this> {
    await this.#running.line(/^banshare-server ready /, withinMs);
    return this;
  }

  async stop(): Promise<number | string> {
    return this.#running.stop();
  }

  /** Stops and starts it, with other lines of server.toml where some are given. */
  async restart(toml = this.#toml): Promise<void> {
    this.#toml = toml;
    await this.stop();
    await this.start();
  }

  /** Takes it away without a chance to tidy up; start() brings it back. */
  async kill9(): Promise<void> {
    await this.#running.stop('SIGKILL');
  }

  /** Runs one of its subcommands, such as `status --json`, as a process of its own. */
  command(...words: string[]): Promise<Ran> {
    return runProgram('server', [...words, '--root', this.root]);
  }

  /** The same of one that only asks the daemon, in a process that is there already. */
  asks(...words: string[]): Promise<Ran> {
    return runAsking([...words, '--root', this.root]);
  }

  /** What a subcommand prints that has to succeed. */
  async says(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.asks(...words);
    if (code !== 0) throw new Error(`banshare-server ${words.join(' ')} exited with ${code}: ${stderr}`);
    return stdout;
  }

  /** What a subcommand prints as JSON. */
  async json<T>(...words: string[]): Promise<T> {
    const { stdout, stderr } = await this.asks(...words, '--json');
    if (stdout === '') throw new Error(`banshare-server ${words.join(' ')} printed nothing: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  async close(): Promise<void> {
    this.#program?.kill('SIGCONT');
    await this.#program?.stop('SIGKILL');
  }

  get #running(): Program {
    if (this.#program === undefined) throw new Error('the server was never started');
    return this.#program;
  }
}
