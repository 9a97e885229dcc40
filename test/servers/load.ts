import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { untilAnswered, type Fleet, type FleetHost, type FleetServer } from '../fleet/index.ts';

/** Reports without an end, from several hosts, until it is told to stop; the addresses that were accepted or wait in a spool. */
export class Load implements AsyncDisposable {
  readonly sent: string[] = [];
  readonly #fleet: Fleet;
  readonly #first: number;
  #isOver = false;
  readonly #running: Promise<unknown>;

  constructor(fleet: Fleet, names: readonly string[], first: number) {
    this.#fleet = fleet;
    this.#first = first;
    this.#running = Promise.all(names.slice(0, 3).map((name, index) => this.#report(name, index)));
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  /** What it would do after its test nobody waits for. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }

  async #report(host: string, index: number): Promise<void> {
    for (let run = 0; !this.#isOver; run += 1) {
      const addresses = Array.from({ length: 5 }, (_, n) => `45.${this.#first + index}.${run}.${n + 1}`);
      const stdin = addresses.map((ip) => `fail2ban sshd ${ip}\n`).join('');
      const { code, stderr } = await this.#fleet.report(host, ['--stdin'], { stdin });
      assert.equal(code, 0, stderr);
      this.sent.push(...addresses);
    }
  }
}

/** The addresses that a server's ledger has, and those that a host has in place or found itself. */
export async function ledgerOf(server: FleetServer): Promise<string[]> {
  const { bans } = await server.json<{ bans: { ip: string }[] }>('bans', '--limit', '100000');
  return bans.map(({ ip }) => ip).toSorted();
}

async function bansOf(host: FleetHost): Promise<string[]> {
  const { bans } = JSON.parse((await host.command('bans', '--json')).stdout) as { bans: { ip: string }[] };
  return bans.map(({ ip }) => ip).toSorted();
}

/** Everything that was sent is in the ledger, each spool is empty, and every host has what the ledger has. */
export async function assertNothingLost(
  fleet: Fleet,
  names: readonly string[],
  server: FleetServer,
  sent: readonly string[],
): Promise<void> {
  const spooled = (): number =>
    names.reduce((sum, name) => {
      try {
        const { spool } = fleet.pathsOf(name);
        return sum + readdirSync(spool).filter((file) => file.endsWith('.json')).length;
      } catch {
        return sum;
      }
    }, 0);
  await untilAnswered(
    async () => (spooled() === 0 ? true : undefined),
    60_000,
    () => 'empty spools',
  );
  const ledger = await ledgerOf(server);
  const lost = sent.filter((ip) => !ledger.includes(ip));
  assert.deepEqual(lost, []);
  for (const name of names) {
    const isEqual = async (): Promise<true | undefined> =>
      (await bansOf(fleet.host(name))).join() === ledger.join() ? true : undefined;
    await untilAnswered(isEqual, 20_000, () => `${name} with all ${ledger.length} bans`);
  }
}
