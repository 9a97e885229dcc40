import { compare } from './pin-node.ts';

/** What a release is judged by; tags are names such as `v0.1.0`. */
export type Before = {
  readonly version: string;
  readonly pinned: string;
  readonly tags: readonly string[];
  readonly changelog: string;
  /** What git says is not committed, a line each. */
  readonly unclean: string;
};

const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/;
const UNRELEASED = 'Unreleased';

/** Everything that speaks against a release, a sentence each; pure. */
export function faultsOf({ version, pinned, tags, changelog, unclean }: Before): string[] {
  if (!VERSION.test(version))
    return [`Cannot release "${version}": give a version of three numbers, make release VERSION=0.2.0`];
  const faults: string[] = [];
  if (unclean !== '')
    faults.push(`The work tree is not clean; commit or remove these first:\n${unclean.trimEnd()}`);
  const last = [pinned, ...tags.filter((tag) => VERSION.test(tag.slice(1))).map((tag) => tag.slice(1))]
    .toSorted(compare)
    .at(-1);
  if (last !== undefined && compare(version, last) <= 0)
    faults.push(`The version ${version} is not above the last one, ${last}`);
  const own = sectionOf(changelog, (title) => title === version || title.startsWith(`${version},`));
  const unreleased = sectionOf(changelog, (title) => title === UNRELEASED);
  if (own === undefined && unreleased === undefined)
    faults.push(`CHANGELOG.md has neither "## ${UNRELEASED}" nor "## ${version}": say what has changed`);
  else if (!/^- /m.test(own ?? unreleased ?? ''))
    faults.push(`CHANGELOG.md says nothing below "## ${own === undefined ? UNRELEASED : version}"`);
  return faults;
}

/** CHANGELOG.md with the heading of the version and its date, where that is not there yet. */
export function datedChangelog(changelog: string, version: string, day: string): string {
  return changelog.replace(
    new RegExp(`^## (${UNRELEASED}|${version.replaceAll('.', '\\.')})$`, 'm'),
    `## ${version}, ${day}`,
  );
}

type Manifest = { version?: string; dependencies?: Record<string, string> };

/** A package.json with the version, and with it of each package of ours that it stands on. */
export function versionedManifest(text: string, version: string): string {
  const manifest = JSON.parse(text) as Manifest;
  setVersion(manifest, version);
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** The lock file with the version of the repository and of its packages. */
export function versionedLock(text: string, version: string): string {
  const lock = JSON.parse(text) as Manifest & { packages: Record<string, Manifest> };
  lock.version = version;
  for (const [path, entry] of Object.entries(lock.packages))
    if (path === '' || path.startsWith('packages/')) setVersion(entry, version);
  return `${JSON.stringify(lock, undefined, 2)}\n`;
}

function setVersion(manifest: Manifest, version: string): void {
  manifest.version = version;
  for (const name of Object.keys(manifest.dependencies ?? {}))
    if (name.startsWith('@banshare/') && manifest.dependencies !== undefined)
      manifest.dependencies[name] = version;
}

/**
 * npm's bill of materials with nothing in it that differs each time, or by the folder's name: the moment is the commit's (epoch
 * seconds), the number is made of the content.
 */
export function steadySbom(text: string, at: number, digest: (text: string) => string): string {
  const sbom = JSON.parse(text) as {
    serialNumber?: string;
    metadata: { timestamp: string; component: { name: string } };
  };
  delete sbom.serialNumber;
  sbom.metadata.timestamp = new Date(at * 1000).toISOString();
  sbom.metadata.component.name = 'banshare';
  const hex = digest(JSON.stringify(sbom));
  // A UUID of version 8: made as its maker says.
  const uuid = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  const { metadata, ...rest } = sbom;
  return `${JSON.stringify({ ...rest, serialNumber: `urn:uuid:${uuid}`, metadata }, undefined, 2)}\n`;
}

/** What stands below a heading of the second level, up to the next. */
function sectionOf(changelog: string, is: (title: string) => boolean): string | undefined {
  const [, ...sections] = `\n${changelog}`.split('\n## ');
  const found = sections.find((section) => is((section.split('\n', 1)[0] ?? '').trim()));
  return found?.slice(found.indexOf('\n') + 1);
}
