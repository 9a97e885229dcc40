import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../say.ts';
import type { Role } from './hosts-file.ts';

/** An installer as it travels: mode 0600. */
export type Installer = { readonly path: string; readonly name: string; readonly megabytes: string };

/** What a role's hosts get. */
type Kit = {
  readonly whole: Installer;
  readonly slim: Installer;
  /** By architecture and file, the sha256 of what the slim one relies on. */
  readonly runtimes: ReadonlyMap<string, string>;
  /** Of the slim one, which has all but the runtime: what a host was given is known by it. */
  readonly sha256: string;
};

/** The installers of one generation, copied into a private folder that goes with this object. */
export class InstallersToSend implements Disposable {
  readonly generation: string;
  readonly hook: string | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), 'banshare-deploy-'));
  readonly #kits: Readonly<Record<Role, Kit>>;

  constructor(dist: string, hook: string | undefined) {
    try {
      this.#kits = { server: this.#kit(dist, 'server'), client: this.#kit(dist, 'client') };
      this.hook = hook === undefined ? undefined : this.#copy(hook, 'hook').path;
      const [server, client] = (['server', 'client'] as const).map((role) => generationOf(this.#kits[role]));
      if (server === undefined || server !== client)
        throw new Fault(
          `Cannot deploy: the installers in "${dist}" are not of one generation; run make first`,
        );
      this.generation = server;
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  sha256(role: Role): string {
    return this.#kits[role].sha256;
  }

  /** The slim installer where the host has its runtime already. @throws Fault for an architecture that is not in it. */
  choose(role: Role, machine: string, digestOf: (file: string) => string | undefined): Installer {
    const { whole, slim, runtimes } = this.#kits[role];
    const architecture = { x86_64: 'x64', amd64: 'x64', aarch64: 'arm64', arm64: 'arm64' }[machine];
    const files = ['node', 'zeromq.node'];
    const wanted = files.map((file) => runtimes.get(`${architecture} ${file}`));
    if (wanted.includes(undefined))
      throw new Fault(`this machine is ${machine}, which the installer is not for: ARCH="x64 arm64"`);
    return files.every((file, index) => digestOf(file) === wanted[index]) ? slim : whole;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #kit(dist: string, role: Role): Kit {
    const whole = this.#copy(join(dist, `${role}-install.sh`), `${role}-install.sh`);
    const slim = this.#copy(join(dist, `${role}-install-slim.sh`), `${role}-install-slim.sh`);
    const bytes = readFileSync(slim.path);
    const [, lines = ''] = /^runtimes='([^']*)'$/m.exec(bytes.toString('latin1')) ?? [];
    const runtimes = new Map(
      lines.split('\n').map((line) => {
        const [architecture, file, sha256 = ''] = line.split(' ');
        return [`${architecture} ${file}`, sha256];
      }),
    );
    return { whole, slim, runtimes, sha256: createHash('sha256').update(bytes).digest('hex') };
  }

  #copy(from: string, name: string): Installer {
    const path = join(this.#folder, name);
    try {
      copyFileSync(from, path);
      chmodSync(path, 0o600);
    } catch (cause) {
      throw new Fault(`Cannot read "${from}": ${(cause as Error).message}`, { cause });
    }
    return { path, name, megabytes: (statSync(path).size / 1e6).toFixed(1) };
  }
}

function generationOf({ slim }: Kit): string | undefined {
  return /^generation='([^']*)'$/m.exec(readFileSync(slim.path, 'latin1'))?.[1];
}
