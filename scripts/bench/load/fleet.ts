import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostPaths, parseFleet, type Fleet } from '@banshare/runtime';
import { readHostKey, type HostKey } from '@banshare/transport';
import { Program } from '../../demo/program.ts';
import { randomPorts } from '../../ports.ts';
import { Fault, ROOT } from '../../say.ts';

/** Far above what the bench sends, so that no report has to wait. */
const NO_LIMITS =
  '[limits]\nhost-per-minute = 1000000\nhost-burst = 1000000\nfleet-per-minute = 10000000\nactive = 10000000\n';

/** A host of the bench: its root, and its client while that runs. */
export type Host = { readonly name: string; readonly root: string; client: Program | undefined };

/**
 * A generation of the bench's own, built as make builds, with a server and clients on loopback. Reporters have no
 * client.toml, as most hosts: what they need is baked into them.
 */
export class BenchFleet {
  readonly folder = mkdtempSync(join(tmpdir(), 'banshare-bench-'));
  readonly certs = join(this.folder, 'certs');
  readonly dist = join(this.folder, 'dist');
  readonly bin = join(this.dist, 'bin');
  readonly library = join(this.dist, 'lib/banshare');
  server: Program | undefined;
  readonly #servers: Program[] = [];
  readonly hosts: Host[] = [];
  #fleet: Fleet | undefined;

  /** What the programs were built for. */
  get fleet(): Fleet {
    if (this.#fleet === undefined) throw new Error('not built yet');
    return this.#fleet;
  }

  /** Makes the generation and builds its programs. */
  async build(): Promise<void> {
    const ports = randomPorts([]);
    this.script('regen.ts', [`--certs=${this.certs}`, '--server=127.0.0.1', `--ports=${ports.join(',')}`]);
    this.script('build.ts', [
      `--certs=${this.certs}`,
      `--dist=${this.dist}`,
      `--metafiles=${join(this.folder, 'metafiles')}`,
    ]);
    const read = parseFleet(readFileSync(join(this.certs, 'fleet.toml'), 'utf8'));
    if (!read.ok) throw new Fault(read.fault);
    this.#fleet = read.value;
  }

  /** Starts the server. */
  async startServer(): Promise<void> {
    const root = join(this.folder, 'server');
    const generation = join(root, 'etc/banshare/generations', this.fleet.generation);
    mkdirSync(generation, { recursive: true, mode: 0o700 });
    for (const name of ['fleet.toml', 'server.key', 'server.key_secret', 'join.key'])
      copyFileSync(join(this.certs, name), join(generation, name));
    this.server = await this.serve('server');
  }

  /** Starts the server anew with an empty ledger, so that nothing of the figures before is in those that come. */
  async startAfresh(): Promise<void> {
    await this.server?.stop();
    const { ledger } = hostPaths(join(this.folder, 'server'));
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${ledger}${suffix}`, { force: true });
    await this.startServer();
  }

  /** Lays another server as a copy of one that stands still, its ledger too, but for the paths that are left out. */
  layServer(name: string, from: string, leftOut = /\.sock$/): void {
    const filter = (path: string): boolean => !leftOut.test(path);
    cpSync(join(this.folder, from), join(this.folder, name), { recursive: true, filter });
  }

  /** Runs a subcommand of a server to its end. */
  command(name: string, ...words: string[]): { status: number | null; stdout: string; stderr: string } {
    const root = join(this.folder, name);
    return spawnSync(join(this.bin, 'banshare-server'), [...words, '--root', root], { encoding: 'utf8' });
  }

  /** Starts a server that was laid, with more lines of server.toml. */
  async serve(name: string, toml = ''): Promise<Program> {
    const root = join(this.folder, name);
    writeFileSync(join(root, 'etc/banshare/server.toml'), `${NO_LIMITS}${toml}`);
    const program = new Program(name, join(this.bin, 'banshare-server'), ['--root', root]);
    this.#servers.push(program);
    await program.line((line) => line.startsWith('banshare-server ready'));
    return program;
  }

  /** Starts a host's client, which enrols itself; `toml` is its client.toml, if it shall have one. */
  async startHost(name: string, toml?: string): Promise<Host> {
    const root = join(this.folder, name);
    mkdirSync(join(root, 'etc/banshare/keys'), { recursive: true, mode: 0o700 });
    for (const suffix of ['.key', '.key_secret'])
      cpSync(join(this.certs, `join${suffix}`), join(root, 'etc/banshare/keys', `join${suffix}`));
    const config = join(root, 'etc/banshare/client.toml');
    writeFileSync(config, `name = "${name}"\n${toml ?? ''}`);
    const host: Host = { name, root, client: undefined };
    host.client = this.#client(host);
    this.hosts.push(host);
    await host.client.line((line) => line.startsWith('banshare-client ready'));
    if (toml === undefined) rmSync(config);
    return host;
  }

  /** A host whose client has been started again since it enrolled: what enrolment needed is not in its memory. */
  async startEnrolled(name: string, toml: string): Promise<void> {
    const host = await this.startHost(name, toml);
    await host.client?.stop();
    host.client = this.#client(host);
    await host.client.line((line) => line.startsWith('banshare-client ready'));
  }

  /** Starts a host's client again with another client.toml. */
  async restart(host: Host, toml: string): Promise<void> {
    await host.client?.stop();
    writeFileSync(join(host.root, 'etc/banshare/client.toml'), `name = "${host.name}"\n${toml}`);
    host.client = this.#client(host);
    await host.client.line((line) => line.startsWith('banshare-client ready'));
  }

  async stopClients(): Promise<void> {
    for (const host of this.hosts) await host.client?.stop();
  }

  /** Starts the clients of all hosts that are not only reporters again, and waits until they are in step. */
  async startClients(): Promise<void> {
    for (const host of this.hosts) {
      if (host.client === undefined) continue;
      host.client = this.#client(host);
      await host.client.line((line) => line.startsWith('banshare-client ready'));
    }
  }

  /** A host that is enrolled and whose client is stopped: it only reports. */
  async enrolReporter(name: string): Promise<Host & { key: HostKey }> {
    const host = await this.startHost(name);
    await host.client?.stop();
    host.client = undefined;
    const key = readHostKey(join(host.root, 'etc/banshare/keys/host'));
    if (!key.ok) throw new Fault(key.fault);
    return { ...host, key: key.value };
  }

  #client({ name, root }: Host): Program {
    return new Program(`the client of ${name}`, join(this.bin, 'banshare-client'), ['--root', root]);
  }

  /** Runs one of the repository's scripts to its end. */
  script(name: string, words: readonly string[]): void {
    const done = spawnSync(process.execPath, [join(ROOT, 'scripts', name), ...words], { encoding: 'utf8' });
    if (done.status !== 0) throw new Fault(`scripts/${name} failed: ${done.stdout}${done.stderr}`);
  }

  /** Stops and removes everything. */
  async remove(): Promise<void> {
    await Promise.all(this.hosts.map(async ({ client }) => client?.stop()));
    await Promise.all(this.#servers.map((server) => server.stop()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
