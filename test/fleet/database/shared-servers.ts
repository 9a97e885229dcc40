import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { startFleet, type Fleet, type FleetOptions } from '../fleet.ts';
import { takePort } from '../ports.ts';
import { Postgres } from './postgres.ts';
import { Folder } from '../roots.ts';
import { FleetServer } from '../server.ts';
import { untilAnswered } from '../within.ts';

/**
 * Two servers that share one ledger, which is in a real PostgreSQL without a standby. Where the fleet's hosts know two servers the second one
 * is at the other address, by the same ports; else it has ports of its own.
 */
export class SharedServers implements AsyncDisposable {
  readonly postgres: Postgres;
  readonly fleet: Fleet;
  readonly a: FleetServer;
  readonly b: FleetServer;
  readonly toml: string;
  readonly #folder: Folder;
  readonly #parts: AsyncDisposableStack;

  private constructor(
    parts: AsyncDisposableStack,
    { postgres, fleet, folder }: { postgres: Postgres; fleet: Fleet; folder: Folder },
    { servers, serverToml = '' }: FleetOptions,
  ) {
    this.postgres = postgres;
    this.fleet = fleet;
    this.#folder = folder;
    this.#parts = parts;
    this.a = fleet.server;
    this.toml = `${serverToml}\n[ledger]\nlog = "${postgres.url}?sslmode=disable"\ndurability = "none"\n`;
    this.b = this.further('b', servers?.[1], servers === undefined ? undefined : this.a.ports);
  }

  /** Whatever of it was started ends also where the rest does not start. */
  static async start(options: FleetOptions = {}): Promise<SharedServers> {
    const parts = new AsyncDisposableStack();
    try {
      const folder = parts.use(new Folder());
      const postgres = parts.use(await Postgres.start());
      const fleet = parts.use(await startFleet(options));
      const made = new SharedServers(parts, { postgres, fleet, folder }, options);
      const { a, b } = made;
      await a.says('ledger', 'move', postgres.url, '--durability', 'none');
      // It starts again by itself, and for the tests with lines that they know.
      const isBack = async (): Promise<true | undefined> =>
        (await a.command('status', '--json')).stdout === '' ? undefined : true;
      await untilAnswered(isBack, 20_000, () => 'the server that has moved its ledger');
      await a.restart(made.toml);
      made.layAs(b);
      await b.start();
      return made;
    } catch (error) {
      await parts.disposeAsync();
      throw error;
    }
  }

  /** Another server, which has nothing yet. */
  further(
    name: string,
    address = '127.0.0.1',
    ports = { report: takePort(), publish: takePort() },
  ): FleetServer {
    const made = new FleetServer(this.fileOf(name), this.toml, address, ports);
    this.#parts.defer(() => made.close());
    return made;
  }

  /** Gives a server the keys of the first, and no ledger. */
  layAs(server: FleetServer): void {
    layAs(this.a, server);
  }

  fileOf(name: string): string {
    return join(this.#folder.path, name);
  }

  /** What ends with them. */
  defer(end: () => unknown): void {
    this.#parts.defer(async () => void (await end()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}

/** Gives a server the keys of another, and no ledger. */
export function layAs({ root }: FleetServer, to: FleetServer): void {
  cpSync(root, to.root, { recursive: true, filter: (path) => !/\.sock$|ledger\.db/.test(path) });
}
