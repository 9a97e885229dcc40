import { Attacker } from './attacker.ts';
import { Host } from './host.ts';
import { addressPlan, plugIn, startSwitch } from './network.ts';
import type { Running } from './running.ts';

/**
 * Which hosts a lab has. A layer is a folder with etc, usr and var that is put over the machine's own. A root is a tar file of a whole system in
 * their place; on such a host nothing listens but what it starts itself.
 */
export type LabOptions = {
  hosts: readonly string[];
  server?: string;
  layers?: Readonly<Record<string, readonly string[]>>;
  roots?: Readonly<Record<string, string>>;
  timeToLiveSeconds?: number;
};

/** A running lab: hosts and an attacker on one network. Disposing of it leaves nothing behind. */
export class Lab implements AsyncDisposable {
  readonly attacker: Attacker;
  readonly #hosts: ReadonlyMap<string, Host>;
  readonly #switch: Running;

  constructor(attacker: Attacker, hosts: ReadonlyMap<string, Host>, networkSwitch: Running) {
    this.attacker = attacker;
    this.#hosts = hosts;
    this.#switch = networkSwitch;
  }

  /** A host by its name. */
  host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined)
      throw new Error(`The lab has no host "${name}", only ${[...this.#hosts.keys()].join(', ')}`);
    return host;
  }

  /** All hosts but the attacker. */
  get hosts(): Host[] {
    return [...this.#hosts.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endAll([this.attacker.host, ...this.hosts], this.#switch);
  }
}

/**
 * Starts a lab and waits until its hosts reach one another.
 *
 * Each host lives as long as the pipe to its first process: it ends when it is disposed of, when this process ends in
 * whatever way, and at the latest when its time to live is over.
 */
export async function startLab(options: LabOptions): Promise<Lab> {
  const timeToLive = options.timeToLiveSeconds ?? 7200;
  const plan = addressPlan(options.hosts, options.server);
  const networkSwitch = await startSwitch(timeToLive);
  const started: Host[] = [];
  try {
    const switchPid = await networkSwitch.innerPid();
    const start = async (name: string): Promise<void> => {
      const addresses = plan.get(name)!;
      const root = options.roots?.[name];
      const host = await Host.start(name, addresses, timeToLive, {
        root,
        layers: options.layers?.[name] ?? [],
      });
      started.push(host);
      await plugIn(switchPid, name, host.pid, addresses);
      if (name !== 'attacker' && root === undefined) await host.agent.listen(22);
    };
    await settleAll([...plan.keys()].map(start));
    const byName = new Map(
      [...plan.keys()].map((name) => [name, started.find((host) => host.name === name)!]),
    );
    for (const host of started) await host.write('/etc/hosts', hostsFile(plan));
    const attacker = new Attacker(byName.get('attacker')!);
    byName.delete('attacker');
    await attacker.prepare();
    return new Lab(attacker, byName, networkSwitch);
  } catch (error) {
    await endAll(started, networkSwitch);
    throw error;
  }
}

function hostsFile(plan: ReturnType<typeof addressPlan>): string {
  const lines = [...plan].map(([name, { ipv4, ipv6 }]) => `${ipv4} ${name}\n${ipv6} ${name}\n`);
  return `127.0.0.1 localhost\n::1 localhost\n${lines.join('')}`;
}

async function endAll(hosts: readonly Host[], networkSwitch: Running): Promise<void> {
  const ends = hosts.map((host) => host.end());
  networkSwitch.hangUp();
  await settleAll([...ends, networkSwitch.ended]);
}

/** Waits for all, also when one fails: what has been started must be known before it can be ended. */
async function settleAll(promises: readonly Promise<unknown>[]): Promise<void> {
  const failures = (await Promise.allSettled(promises)).filter((outcome) => outcome.status === 'rejected');
  if (failures[0] !== undefined) throw failures[0].reason;
}
