import { startFail2ban, type Fail2banSettings } from './fail2ban.ts';
import type { Host } from './host.ts';
import { installed } from './installed.ts';
import { startLab, type Lab } from './lab.ts';
import type { Running } from './running.ts';
import { PATIENCE_MS } from './deadline.ts';

/** The action that the administrator adds to the jails that shall report, as the installer advises. */
export const reportAction = 'banshare[port="%(port)s", protocol="%(protocol)s"]';

const asServerUser = ['setpriv', '--reuid=banshare', '--regid=banshare', '--init-groups', '--no-new-privs'];

/** Which hosts a fleet has and how they differ from one another. */
export type FleetOptions = {
  hosts: readonly string[];
  /** For a host, by name; without an entry its jail sshd reports. */
  fail2ban?: Readonly<Record<string, Fail2banSettings>>;
  /** For a host or the server `srv`, by name: layers over what the installer left. */
  layers?: Readonly<Record<string, readonly string[]>>;
  /** For a host, by name: its client.toml. */
  clientConfig?: Readonly<Record<string, string>>;
  /** What the network has beside its hosts, before any daemon is started. */
  prepare?: (lab: Lab) => Promise<void>;
};

/** A ban as `banshare-server bans --json` tells it. */
export type ServerBan = { ip: string; prog: string; jail: string; host: string; seq: number };

/** A lab in which a server and clients run that the real installers installed. */
export class Fleet implements AsyncDisposable {
  readonly lab: Lab;
  readonly server: Host;
  readonly #daemons = new Map<Host, Running>();

  constructor(lab: Lab) {
    this.lab = lab;
    this.server = lab.host('srv');
  }

  host(name: string): Host {
    return this.lab.host(name);
  }

  /** The running daemon of a host: of the server, or of a client. */
  daemon(host: Host): Running {
    const daemon = this.#daemons.get(host);
    if (daemon === undefined) throw new Error(`No daemon of banshare runs on ${host.name}`);
    return daemon;
  }

  /** Starts the daemon of a host, as the installer says where no systemd runs, and waits until it is ready. */
  async start(host: Host): Promise<void> {
    const isServer = host === this.server;
    const program = isServer ? 'banshare-server' : 'banshare-client';
    if (isServer)
      await host.output(['install', '-d', '-m', '0700', '-o', 'banshare', '/run/banshare/server']);
    const daemon = host.spawn([...(isServer ? asServerUser : []), `/usr/bin/${program}`, 'run']);
    this.#daemons.set(host, daemon);
    await daemon.line(new RegExp(`^${program} ready`));
  }

  /** Stops the daemon of a host and waits until it has ended. */
  async stop(host: Host): Promise<void> {
    const { code, stderr } = await this.daemon(host).stop();
    this.#daemons.delete(host);
    if (code !== 0) throw new Error(`${host.name}: banshare ended with ${code}:\n${stderr}`);
  }

  /** The active bans, in the order in which the server published them. */
  async bans(): Promise<ServerBan[]> {
    const text = await this.server.output(['banshare-server', 'bans', '--json']);
    const { bans } = JSON.parse(text) as { bans: ServerBan[] };
    return bans.toSorted((one, other) => one.seq - other.seq);
  }

  /** How many events the server has published since it was installed. */
  async eventCount(): Promise<number> {
    // It exits with 1 while a host has not yet acknowledged the last event.
    const { stdout } = await this.server.run(['banshare-server', 'status', '--json']);
    return (JSON.parse(stdout) as { head: number }).head;
  }

  /** Waits until the server has published a ban of this address that this host reported. */
  async untilPublished(ip: string, host: Host, milliseconds = PATIENCE_MS): Promise<void> {
    const escaped = ip.replaceAll('.', '\\.');
    await this.daemon(this.server).line(new RegExp(`ban ip=${escaped} .*host=${host.name} `), milliseconds);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
  }
}

/** Starts server, fail2ban and clients on hosts that the installers prepared, and waits until all are in step. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { layers } = await installed();
  const above = (name: string): readonly string[] => options.layers?.[name] ?? [];
  const ofHost = Object.fromEntries(options.hosts.map((name) => [name, [layers.client, ...above(name)]]));
  const lab = await startLab({
    hosts: options.hosts,
    server: 'srv',
    layers: { ...ofHost, srv: [layers.server, ...above('srv')] },
  });
  try {
    const fleet = new Fleet(lab);
    const hosts = options.hosts.map((name) => lab.host(name));
    const fail2bans = hosts.map((host) =>
      startFail2ban(host, { action: reportAction, ...options.fail2ban?.[host.name] }),
    );
    for (const [name, text] of Object.entries(options.clientConfig ?? {})) {
      await lab.host(name).write('/etc/banshare/client.toml', text);
    }
    await options.prepare?.(lab);
    await Promise.all([fleet.start(fleet.server), ...fail2bans]);
    await Promise.all(hosts.map((host) => fleet.start(host)));
    return fleet;
  } catch (error) {
    await lab[Symbol.asyncDispose]();
    throw error;
  }
}
