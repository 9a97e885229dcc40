import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../say.ts';
import type { Architecture } from '../parts.ts';
import { keptPath, lay } from './lay.ts';
import { runTool } from './run-tool.ts';
import { MAINTAINER, type PackageTree } from './tree.ts';
import { runtimeVersion } from './version.ts';

/** rpm's names. */
const NAMES: Readonly<Record<Architecture, string>> = { x64: 'x86_64', arm64: 'aarch64' };

/** Debian's own pages and licences lie elsewhere on rpm systems, which compress what they want themselves. */
const NOT_HERE = /\/changelog\.gz$|\/lintian\//;

/**
 * Makes a package in a folder by way of a scratch folder, and returns its path: by Debian's rpmbuild, on a tree that is complete, so that
 * nothing is compiled, stripped or looked through. @throws Fault where rpmbuild fails.
 */
export function makeRpm(tree: PackageTree, folder: string, scratch: string): string {
  const architecture = tree.architecture === undefined ? 'noarch' : NAMES[tree.architecture];
  const path = join(folder, `${tree.name}-${tree.version}-1.${architecture}.rpm`);
  const files = tree.files.filter(({ name }) => !NOT_HERE.test(name));
  const spec = specOf({ ...tree, files });
  const about = { name: 'spec', mode: 0o644, bytes: Buffer.from(spec) };
  const kept = keptPath([...files, about], 'rpm');
  if (tree.isKept && existsSync(kept)) {
    copyFileSync(kept, path);
    return path;
  }
  const top = join(scratch, 'rpm');
  rmSync(top, { recursive: true, force: true });
  mkdirSync(join(top, 'db'), { recursive: true });
  for (const file of files) lay(join(top, 'tree'), file, tree.epoch);
  writeFileSync(join(top, 'package.spec'), spec);
  const defines = {
    _topdir: top,
    _dbpath: join(top, 'db'),
    _tree: join(top, 'tree'),
    _buildhost: 'banshare',
    _build_id_links: 'none',
    debug_package: '%{nil}',
    __os_install_post: '%{nil}',
    _binary_payload: 'w1.xzdio',
    use_source_date_epoch_as_buildtime: '1',
    clamp_mtime_to_source_date_epoch: '1',
  };
  const words = Object.entries(defines).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  const target = tree.architecture === undefined ? 'noarch' : `${architecture}-linux`;
  runTool('rpmbuild', 'rpm', ['-bb', '--quiet', '--target', target, ...words, join(top, 'package.spec')], {
    SOURCE_DATE_EPOCH: String(tree.epoch),
  });
  const [made, ...more] = readdirSync(join(top, 'RPMS'), { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.rpm'),
  );
  if (made === undefined || more.length > 0)
    throw new Fault(`Cannot find the package that rpmbuild made of ${tree.name}`);
  copyFileSync(join(top, 'RPMS', made), path);
  rmSync(top, { recursive: true });
  if (tree.isKept) copyFileSync(path, kept);
  return path;
}

function specOf(tree: PackageTree): string {
  const { name, version, role, files } = tree;
  const needs =
    name === 'banshare-runtime'
      ? ['libc.so.6(GLIBC_2.28)(64bit)', 'libgcc_s.so.1()(64bit)', 'libstdc++.so.6()(64bit)']
      : name === 'banshare-common'
        ? []
        : [`banshare-common >= ${version}`, `banshare-runtime = ${runtimeVersion()}`];
  return [
    `Name: ${name}`,
    `Version: ${version}`,
    'Release: 1',
    `Summary: ${capital(tree.summary)}`,
    'License: MIT',
    'Group: System Environment/Daemons',
    `Packager: ${MAINTAINER}`,
    'AutoReqProv: no',
    ...needs.map((each) => `Requires: ${each}`),
    ...(role === 'client' ? ['Recommends: fail2ban-server'] : []),
    ...(role === undefined
      ? []
      : ['Requires(pre): shadow-utils', 'Requires(post): systemd', 'Requires(preun): systemd']),
    `%description`,
    tree.description.replaceAll(/(.{1,75})(?: |$)/g, '$1\n').trim(),
    '%install',
    'mkdir -p %{buildroot} && cp -a %{_tree}/. %{buildroot}/',
    ...Object.entries(tree.scripts.rpm).map(
      ([script, text]) => `%${script}\n${text.replace(/^#!.*\n/, '').replaceAll('%', '%%')}`,
    ),
    '%files',
    ...files.map(
      ({ name: path, mode }) => `%attr(${mode.toString(8)}, root, root) ${isDocument(path)}/${path}`,
    ),
    ...foldersOf(files.map(({ name: path }) => path)).map((path) => `%dir %attr(755, root, root) /${path}`),
    '%changelog',
    `* ${dayOf(tree.epoch)} ${MAINTAINER} - ${version}-1\n- See CHANGELOG.md of banshare.`,
    '',
  ].join('\n');
}

/** As changelogs of rpm have it. */
function dayOf(epoch: number): string {
  const [weekday = '', day, month, year] = new Date(epoch * 1000).toUTCString().split(' ');
  return `${weekday.slice(0, 3)} ${month} ${day} ${year}`;
}

function isDocument(path: string): string {
  return /^usr\/share\/(doc|man)\//.test(path) ? '%doc ' : '';
}

/** The folders that are this package's own. */
function foldersOf(paths: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const path of paths)
    for (let folder = path; (folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) !== '';)
      if (/\/banshare/.test(folder)) folders.add(folder);
  return [...folders].toSorted();
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
