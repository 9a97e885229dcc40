import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { run, type FreshBuild, type Ran } from './fresh-build.ts';

/** A shell that the installers have to work under. */
export type Shell = readonly [command: string, ...words: string[]];
export const SHELLS: readonly Shell[] = [['dash'], ['busybox', 'sh']];

type Found = { readonly mode: string; readonly content: string };

/** A machine's file system below a folder, into which installers install. */
export class Below {
  readonly root: string;
  readonly #fresh: FreshBuild;

  constructor(fresh: FreshBuild, name: string) {
    this.#fresh = fresh;
    this.root = fresh.path(name);
    rmSync(this.root, { recursive: true, force: true });
    mkdirSync(this.root);
  }

  install(
    role: 'client' | 'server',
    flags: readonly string[] = [],
    how: { shell?: Shell; env?: NodeJS.ProcessEnv } = {},
  ): Ran {
    const [command, ...words] = how.shell ?? ['dash'];
    const installer = join(this.#fresh.dist, `${role}-install.sh`);
    return run(command, [...words, installer, ...flags], { DESTDIR: this.root, ...how.env });
  }

  /** Runs an installed program on this file system. */
  program(name: string, ...words: string[]): Ran {
    return run(join(this.root, 'usr/bin', name), ['--root', this.root, ...words]);
  }

  path(...names: string[]): string {
    return join(this.root, ...names);
  }

  read(path: string): string {
    return readFileSync(this.path(path), 'utf8');
  }

  has(path: string): boolean {
    return existsSync(this.path(path));
  }

  write(path: string, text: string): void {
    mkdirSync(join(this.path(path), '..'), { recursive: true });
    writeFileSync(this.path(path), text);
  }

  mode(path: string): string {
    return (statSync(this.path(path)).mode & 0o7777).toString(8);
  }

  /** The full paths of all files but links. */
  plainFiles(): string[] {
    return [...this.files()].filter(([, found]) => found.mode !== 'link').map(([path]) => this.path(path));
  }

  /** Every file with its mode and the hash of its content. */
  files(): Map<string, Found> {
    const all = readdirSync(this.root, { recursive: true, withFileTypes: true }).filter(
      (each) => !each.isDirectory(),
    );
    return new Map(
      all
        .map((each) => join(each.parentPath, each.name))
        .toSorted()
        .map((path) => [path.slice(this.root.length), describe(path)]),
    );
  }
}

/**
 * A folder for the front of PATH with a tool of that name, which counts its calls and is `$real` with the same words
 * unless the shell lines before say otherwise.
 */
export function wrapTool(fresh: FreshBuild, name: string, lines: string): string {
  const folder = fresh.path(`wrapped-${name}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const real = run('sh', ['-c', `command -v ${name}`]).out.trim();
  const count = `count=$(($(cat ${folder}/count 2>/dev/null || echo 0) + 1)); echo $count >${folder}/count`;
  writeFileSync(join(folder, name), `#!/bin/sh\nreal=${real}\n${count}\n${lines}\nexec $real "$@"\n`, {
    mode: 0o755,
  });
  return `${folder}:${process.env['PATH'] ?? ''}`;
}

function describe(path: string): Found {
  const link = readLink(path);
  if (link !== undefined) return { mode: 'link', content: link };
  const mode = (statSync(path).mode & 0o7777).toString(8);
  return { mode, content: createHash('sha256').update(readFileSync(path)).digest('hex') };
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
