import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { HostName } from '@banshare/protocol';
import { askAdmin, hostPaths } from '@banshare/runtime';
import { makeIdentity, writeCertificate, writeHostKey, type Identity } from '@banshare/transport';
import { FleetHost } from './host.ts';
import { Peer, type Meeting } from './peers/peer.ts';
import { runProgram, type Ran } from './program.ts';
import { Folder, layHostRoot, layServerRoot, makeFleetKeys, serverLines, type FleetKeys } from './roots.ts';
import { FleetServer } from './server.ts';
import { untilAnswered } from './within.ts';

export type FleetOptions = {
  /** Hosts whose clients run; reporters can be added without. */
  hosts?: readonly string[];
  /** Lines added to server.toml, which has [listen] already. */
  serverToml?: string;
  /** Lines put at the head of every client.toml, which has [apply] already at its end: own keys of [apply] come last. */
  clientToml?: string;
  applyToml?: string;
  /** Where the server listens; loopback unless said otherwise. */
  address?: string;
  /** The servers that hosts and reporters know, where they are several. */
  servers?: readonly string[];
};

/** What a run of the reporter may be given beside its words. */
export type ReportOptions = {
  stdin?: string | Uint8Array;
  env?: NodeJS.ProcessEnv;
  through?: readonly string[];
};

/** A server and its hosts as real processes on loopback, with keys of their own below temporary roots. */
export class Fleet implements AsyncDisposable {
  readonly keys: FleetKeys;
  readonly server: FleetServer;
  readonly hosts = new Map<string, FleetHost>();
  readonly #folder: Folder;
  readonly #options: FleetOptions;
  readonly #peers: Peer[] = [];
  readonly #twins: FleetServer[] = [];

  constructor(keys: FleetKeys, options: FleetOptions = {}) {
    this.keys = keys;
    this.#options = options;
    this.#folder = new Folder();
    this.server = new FleetServer(
      join(this.#folder.path, 'server'),
      options.serverToml ?? '',
      options.address ?? '127.0.0.1',
    );
    layServerRoot(this.server.root, keys);
  }

  get meeting(): Meeting {
    return { keys: this.keys, ports: () => this.server.ports, address: this.server.address };
  }

  host(name: string): FleetHost {
    const host = this.hosts.get(name);
    if (host === undefined) throw new Error(`this fleet has no host ${name}`);
    return host;
  }

  /** Lays out a host that may enrol; its client is not started yet. */
  layHost(
    name: string,
    clientToml = this.#options.clientToml ?? '',
    server: string | readonly string[] = this.#known,
  ): FleetHost {
    const host = new FleetHost(name, this.rootOf(name));
    this.hosts.set(name, host);
    const { applyToml = '' } = this.#options;
    layHostRoot(
      host.root,
      `name = ${JSON.stringify(name)}\n${serverLines(this.server.ports, this.keys, server)}${clientToml}\n${host.applyLines}${applyToml}\n[log]\nlevel = "info"\n`,
    );
    writeCertificate(host.paths.keys.join, { metadata: {}, curve: this.keys.join });
    return host;
  }

  /** Adds a host with its client running, which has told the server by then how it is. */
  async addHost(name: string, clientToml?: string): Promise<FleetHost> {
    const host = this.layHost(name, clientToml);
    await host.start();
    await untilAnswered(
      () => this.#hasHeard(name),
      20_000,
      () => `the server to hear ${name}`,
    );
    return host;
  }

  async #hasHeard(wanted: string): Promise<true | undefined> {
    const reply = await askAdmin(this.server.paths.serverSocket, { command: 'hosts' }, 20_000);
    if (!reply.ok) return undefined;
    const { hosts } = reply.result as { hosts: { name: string; version: string | null }[] };
    return hosts.some(({ name, version }) => name === wanted && version !== null) || undefined;
  }

  /** Adds a host that is enrolled and has no client running: enough for reports. Returns its root. */
  async addReporter(
    name: string,
    clientToml = '',
    server: string | readonly string[] = this.#known,
  ): Promise<string> {
    const root = this.rootOf(name);
    const paths = layHostRoot(root, serverLines(this.server.ports, this.keys, server) + clientToml);
    const peer = await this.peer(name);
    writeHostKey(paths.keys.host, peer.identity, peer.name);
    return root;
  }

  /**
   * A further server at another address, with the same ports, keys and ledger: a copy of the first one's, which is stopped meanwhile.
   * What one of the two commits from then on the other does not have.
   */
  async addTwin(address = '127.0.0.2'): Promise<FleetServer> {
    const { root, ports } = this.server;
    await this.server.stop();
    const twin = new FleetServer(
      join(this.#folder.path, `twin-${address}`),
      this.#options.serverToml ?? '',
      address,
      ports,
    );
    cpSync(root, twin.root, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    this.#twins.push(twin);
    await Promise.all([this.server.start(), twin.start()]);
    return twin;
  }

  get #known(): string | readonly string[] {
    return this.#options.servers ?? '127.0.0.1';
  }

  /** An enrolled host that the test plays itself. */
  async peer(name: string): Promise<Peer> {
    const peer = await Peer.enrolled(this.meeting, name);
    this.#peers.push(peer);
    return peer;
  }

  /** A host that the test plays with a fresh key; nobody has enrolled it. */
  async newcomer(): Promise<Peer> {
    return this.peerWith(await makeIdentity());
  }

  /** A host that the test plays with a key of the test's choice, under that name; nobody has enrolled it. */
  peerWith(identity: Identity, name?: HostName): Peer {
    const peer = new Peer(this.meeting, identity);
    peer.name = name;
    this.#peers.push(peer);
    return peer;
  }

  /** Runs banshare-report on a host to its end. */
  report(host: string, words: readonly string[], options: ReportOptions = {}): Promise<Ran> {
    return runProgram('report', ['--root', this.rootOf(host), ...words], options);
  }

  rootOf(name: string): string {
    const root = join(this.#folder.path, name);
    mkdirSync(root, { recursive: true });
    return root;
  }

  /** The paths of a host, also of one without a client. */
  pathsOf(name: string): ReturnType<typeof hostPaths> {
    return hostPaths(this.rootOf(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) peer.leave();
    try {
      const programs = [...this.hosts.values(), ...this.#twins, this.server];
      await Promise.all(programs.map((program) => program.close()));
    } finally {
      this.#folder[Symbol.dispose]();
    }
  }
}

/** Starts a server and, all at once, the clients of the named hosts; resolves when every one is ready, and the server knows it. */
export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const fleet = new Fleet(await makeFleetKeys(), options);
  try {
    await fleet.server.start();
    await Promise.all((options.hosts ?? []).map((name) => fleet.addHost(name)));
    return fleet;
  } catch (error) {
    await fleet[Symbol.asyncDispose]();
    throw error;
  }
}
