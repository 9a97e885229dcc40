import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { cpSync, existsSync, linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';

/** As package.json has it. */
export const VERSION = (
  JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { version: string }
).version;

const SCRIPTS = join(import.meta.dirname, '../../scripts');

export type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

/** Generations, builds and installers of a test's own, below a temporary folder that goes with it. */
export class FreshBuild implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'banshare-build-'));
  readonly certs = join(this.folder, 'certs');
  readonly dist = join(this.folder, 'dist');
  readonly metafiles = join(this.folder, 'metafiles');
  readonly #standIn = join(this.folder, 'node');

  /** Runs make's regen with the given flags. */
  regen(...flags: string[]): Ran {
    return this.#script('regen.ts', [`--certs=${this.certs}`, ...flags]);
  }

  /** Builds the three programs of the generation that is there. */
  build(): Ran {
    const folders = [`--certs=${this.certs}`, `--dist=${this.dist}`, `--metafiles=${this.metafiles}`];
    // A test sees no runtime grow old.
    const flags = [...folders, `--node-as-of=${new Date().toISOString().slice(0, 10)}`];
    return this.#script('build.ts', flags);
  }

  /** Makes the installer of a role; its path is below `dist`. */
  installer(role: 'client' | 'server', ...flags: string[]): Ran {
    const runtime = existsSync(this.#standIn) ? [`--runtime=${this.#standIn}`] : [];
    const folders = [`--certs=${this.certs}`, `--dist=${this.dist}`];
    return this.#script('installers.ts', [role, ...folders, ...runtime, ...flags]);
  }

  /** Makes the packages of the generation that is built; their paths are below `dist`. */
  packages(...flags: string[]): Ran {
    const runtime = existsSync(this.#standIn) ? [`--runtime=${this.#standIn}`] : [];
    return this.#script('packages.ts', [
      `--certs=${this.certs}`,
      `--dist=${this.dist}`,
      ...runtime,
      ...flags,
    ]);
  }

  /** Writes the generation as one file, for a server that has another one. */
  generationFile(file: string): Ran {
    return this.#script('generation-file.ts', [`--certs=${this.certs}`, `--file=${file}`]);
  }

  /** Lays the repository of the packages that are there; it is below `dist`. */
  repository(...flags: string[]): Ran {
    return this.#script('repository.ts', [`--certs=${this.certs}`, `--dist=${this.dist}`, ...flags]);
  }

  /** A generation, its build and both installers; throws what the first failing step said. */
  everything(...regenFlags: string[]): this {
    return this.#made(
      this.regen(...regenFlags),
      this.build(),
      this.installer('client'),
      this.installer('server'),
    );
  }

  /**
   * The same with a runtime of two lines, which runs the pinned one: most of what an installation costs is unpacking and
   * comparing the real one's hundred megabytes. It works only where this checkout can be reached.
   */
  light(...regenFlags: string[]): this {
    writeFileSync(this.#standIn, `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
    return this.everything(...regenFlags);
  }

  /** All that this one has made so far, in a folder of its own: a test may change it, and need not build it. */
  copy(): FreshBuild {
    const copied = new FreshBuild();
    // Only read: a hundred megabytes need not be there twice.
    const node = join(this.dist, 'lib/banshare/node');
    cpSync(this.folder, copied.folder, { recursive: true, filter: (path) => path !== node });
    linkSync(node, join(copied.dist, 'lib/banshare/node'));
    return copied;
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #made(...steps: Ran[]): this {
    for (const { code, out, err } of steps)
      if (code !== 0) throw new Error(`exit code ${code}: ${out}${err}`);
    return this;
  }

  #script(name: string, words: readonly string[]): Ran {
    return run(process.execPath, [join(SCRIPTS, name), ...words]);
  }
}

/** Runs a program to its end. */
export function run(command: string, words: readonly string[], env: NodeJS.ProcessEnv = {}): Ran {
  const done: SpawnSyncReturns<string> = spawnSync(command, words, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (done.error !== undefined) throw done.error;
  return { code: done.status, out: done.stdout, err: done.stderr };
}

/** Two generations with builds and installers of their own, light ones, for a file's tests: the second is the next of the first. */
export function twoLightBuilds(): { fresh: FreshBuild; next: FreshBuild } {
  const [fresh, next] = [new FreshBuild(), new FreshBuild()];
  before(() => {
    fresh.light('--server=bans.example.org');
    next.light('--server=bans.example.org');
  });
  after(() => {
    fresh[Symbol.dispose]();
    next[Symbol.dispose]();
  });
  return { fresh, next };
}
