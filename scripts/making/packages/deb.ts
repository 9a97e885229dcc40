import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from '../parts.ts';
import { keptPath, lay } from './lay.ts';
import { runTool } from './run-tool.ts';
import { MAINTAINER, type PackageFile, type PackageTree } from './tree.ts';
import { runtimeVersion } from './version.ts';

/** Debian's names. */
const NAMES: Readonly<Record<Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/** The file's name of a package. */
function debName({ name, version, architecture }: PackageTree): string {
  return `${name}_${version}_${architecture === undefined ? 'all' : NAMES[architecture]}.deb`;
}

/** Makes a package in a folder by way of a scratch folder, and returns its path. @throws Fault where dpkg-deb fails. */
export function makeDeb(tree: PackageTree, folder: string, scratch: string): string {
  const path = join(folder, debName(tree));
  const root = join(scratch, 'deb');
  const about: PackageFile[] = [
    { name: 'DEBIAN/control', mode: 0o644, bytes: Buffer.from(control(tree)) },
    { name: 'DEBIAN/md5sums', mode: 0o644, bytes: Buffer.from(sums(tree)) },
    ...Object.entries(tree.scripts.deb).map(([name, text]) => ({
      name: `DEBIAN/${name}`,
      mode: 0o755,
      bytes: Buffer.from(text),
    })),
  ];
  const kept = keptPath([...tree.files, ...about], 'deb');
  if (tree.isKept && existsSync(kept)) {
    copyFileSync(kept, path);
    return path;
  }
  for (const file of [...tree.files, ...about]) lay(root, file, tree.epoch);
  runTool('dpkg-deb', 'dpkg', ['--root-owner-group', '-Zxz', '-z1', '--build', root, path], {
    SOURCE_DATE_EPOCH: String(tree.epoch),
  });
  rmSync(root, { recursive: true });
  if (tree.isKept) copyFileSync(path, kept);
  return path;
}

function control(tree: PackageTree): string {
  const installed = tree.files.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / 1024), 0);
  const fields: Readonly<Record<string, string | undefined>> = {
    Package: tree.name,
    Version: tree.version,
    Architecture: tree.architecture === undefined ? 'all' : NAMES[tree.architecture],
    Maintainer: MAINTAINER,
    'Installed-Size': String(installed),
    Depends: dependencies(tree),
    Recommends: tree.name === 'banshare-client' ? 'fail2ban' : undefined,
    Suggests: tree.name === 'banshare-client' ? 'psad' : undefined,
    Section: 'admin',
    Priority: 'optional',
    Description: `${tree.summary}\n${folded(tree.description)}`,
  };
  return Object.entries(fields)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\n`]))
    .join('');
}

function dependencies({ name, version }: PackageTree): string | undefined {
  if (name === 'banshare-common') return undefined;
  if (name === 'banshare-runtime') return 'libc6 (>= 2.28), libgcc-s1 | libgcc1, libstdc++6 (>= 5)';
  return `banshare-common (>= ${version}), banshare-runtime (= ${runtimeVersion()})`;
}

/** A paragraph as control files have it: lines of at most 76 letters that begin with a blank. */
function folded(text: string): string {
  return ` ${text.replaceAll(/(.{1,75})(?: |$)/g, '$1\n ').trim()}`;
}

function sums({ files }: PackageTree): string {
  return files
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, bytes }) => `${createHash('md5').update(bytes).digest('hex')}  ${name}\n`)
    .join('');
}
