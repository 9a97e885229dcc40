// Makes a release: judges whether there may be one, sets the version, builds everything in two folders and compares, and leaves in
// dist/ what was built with the sources, a bill of materials and checksums. It commits and tags unless told not to, and pushes nothing.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import {
  datedChangelog,
  faultsOf,
  steadySbom,
  versionedLock,
  versionedManifest,
} from './making/release-texts.ts';
import { Fault, orExit, ROOT, tell } from './say.ts';

const { version, 'no-commit': noCommit } = parseArgs({
  options: { version: { type: 'string', default: '' }, 'no-commit': { type: 'boolean', default: false } },
}).values;
/** What is built and given away, or kept for the fleet whose secrets are in it. */
const BUILT = /\.(sh|deb|rpm)$/;

await orExit(async () => {
  refuse();
  const before = readTexts();
  const day = new Date().toISOString().slice(0, 10);
  writeTexts(changed(before, day));
  const scratch = mkdtempSync(join(ROOT, 'build/release-'));
  chmodSync(scratch, 0o700);
  try {
    const [one, two] = [join(scratch, 'one'), join(scratch, 'another-one')];
    for (const copy of [one, two]) build(copy);
    refuseDifferent(one, two);
    const built = builtIn(one);
    if (!noCommit) commit(Object.keys(before));
    const files = [...built.map((name) => keep(join(one, 'dist', name), name)), ...sourcesAndBill()];
    write(
      'SHA256SUMS',
      files
        .toSorted()
        .map((name) => `${sha256(readFileSync(join(ROOT, 'dist', name)))}  ${name}\n`)
        .join(''),
    );
    tell(
      `dist/ has release ${version}, built twice to the same bytes: ${[...files.toSorted(), 'SHA256SUMS'].join(', ')}`,
    );
    tell(
      noCommit
        ? 'Nothing is committed: git diff shows the new version. The sources are those of the last commit, so that archive was left out.'
        : `Committed and tagged as v${version}; nothing is pushed. Next: make check test test-long, then git push origin HEAD v${version}. Back: git tag -d v${version} && git reset --hard HEAD~1`,
    );
  } catch (error) {
    if (git('log', '-1', '--format=%s').trim() !== subject()) writeTexts(before);
    throw error;
  } finally {
    rmSync(scratch, { recursive: true });
  }
});

function refuse(): void {
  const faults = faultsOf({
    version,
    pinned: (JSON.parse(read('package.json')) as { version: string }).version,
    tags: git('tag', '--list', 'v*').split('\n').filter(Boolean),
    changelog: read('CHANGELOG.md'),
    unclean: git('status', '--porcelain'),
  });
  if (faults.length > 0) throw new Fault(['Cannot make this release:', ...faults].join('\n'));
}

/** Every file that a release changes. */
function readTexts(): Record<string, string> {
  const names = [
    'package.json',
    ...globSync('packages/*/package.json', { cwd: ROOT }),
    'package-lock.json',
    'CHANGELOG.md',
  ];
  return Object.fromEntries(names.map((name) => [name, read(name)]));
}

function changed(texts: Record<string, string>, day: string): Record<string, string> {
  const of = (name: string, text: string): string => {
    if (name === 'CHANGELOG.md') return datedChangelog(text, version, day);
    return name === 'package-lock.json' ? versionedLock(text, version) : versionedManifest(text, version);
  };
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, of(name, text)]));
}

function writeTexts(texts: Record<string, string>): void {
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(ROOT, name), text);
}

/** Builds the files that git knows, as they are now, in a folder of their own; with the generation of certs/. */
function build(copy: string): void {
  for (const name of git('ls-files', '-z').split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(copy, name)), { recursive: true });
    cpSync(join(ROOT, name), join(copy, name), { verbatimSymlinks: true });
  }
  mkdirSync(join(copy, 'build'));
  for (const [from, to] of [
    ['node_modules', 'node_modules'],
    ['build/runtime', 'build/runtime'],
  ] as const)
    copyTree(realpathSync(join(ROOT, from)), join(copy, to));
  // What is installed is what the lock file wants, but for the version of our own packages.
  const installed = join(copy, 'node_modules/.installed-lock');
  rmSync(installed, { force: true });
  copyFileSync(join(copy, 'package-lock.json'), installed);
  cpSync(join(ROOT, 'certs'), join(copy, 'certs'), { recursive: true });
  const targets = ['client-install.sh', 'server-install.sh'];
  if (/^packages:/m.test(read('Makefile'))) targets.push('packages');
  tell(`Building ${targets.join(', ')} in ${copy}`);
  run('make', ['-C', copy, ...targets], 'build');
}

/** Files that nobody changes, so that links do; else copies. */
function copyTree(from: string, to: string): void {
  if (spawnSync('cp', ['-al', from, to], { stdio: 'ignore' }).status === 0) return;
  rmSync(to, { recursive: true, force: true });
  run('cp', ['-a', from, to], 'copy');
}

function builtIn(copy: string): string[] {
  return readdirSync(join(copy, 'dist'))
    .filter((name) => BUILT.test(name))
    .toSorted();
}

function refuseDifferent(one: string, two: string): void {
  const of = (copy: string) =>
    new Map(builtIn(copy).map((name) => [name, sha256(readFileSync(join(copy, 'dist', name)))]));
  const [first, second] = [of(one), of(two)];
  const different = [...new Set([...first.keys(), ...second.keys()])].filter(
    (name) => first.get(name) !== second.get(name),
  );
  if (different.length > 0)
    throw new Fault(
      `Cannot release: built twice, these differ: ${different.join(', ')}. A build has to be the same bytes wherever it is made`,
    );
}

/** The sources as they are tagged, and what stands in them of others. */
function sourcesAndBill(): string[] {
  const at = Number(git('log', '-1', '--format=%ct'));
  const npm = join(ROOT, 'build/runtime/node_modules/npm/bin/npm-cli.js');
  const words = [
    'sbom',
    '--sbom-format=cyclonedx',
    '--sbom-type=application',
    '--omit=dev',
    '--package-lock-only',
  ];
  const bill = execFileSync(process.execPath, [npm, ...words], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const names = [write(`banshare-${version}.cdx.json`, steadySbom(String(bill), at, sha256))];
  if (noCommit) return names;
  const archive = execFileSync('git', ['archive', `--prefix=banshare-${version}/`, 'HEAD'], {
    cwd: ROOT,
    maxBuffer: 1 << 28,
  });
  return [...names, write(`banshare-${version}.tar.gz`, gzipSync(archive, { level: 9 }))];
}

function subject(): string {
  return `Release ${version}`;
}

function commit(names: readonly string[]): void {
  run('git', ['-C', ROOT, 'commit', '--quiet', '-m', subject(), '--', ...names], 'commit');
  run('git', ['-C', ROOT, 'tag', '-a', `v${version}`, '-m', `banshare ${version}`], 'tag');
}

/** An installer has a fleet's secrets in it, and so the mode that it was made with. */
function keep(from: string, name: string): string {
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  const to = join(ROOT, 'dist', name);
  rmSync(to, { force: true });
  cpSync(from, to, { mode: 0 });
  return name;
}

function write(name: string, content: string | Uint8Array): string {
  writeFileSync(join(ROOT, 'dist', name), content);
  return name;
}

function read(name: string): string {
  return readFileSync(join(ROOT, name), 'utf8');
}

function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function git(...words: string[]): string {
  return execFileSync('git', ['-C', ROOT, ...words], { encoding: 'utf8', maxBuffer: 1 << 26 });
}

function run(command: string, words: readonly string[], what: string): void {
  const done = spawnSync(command, words, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (done.status !== 0)
    throw new Fault(`Cannot ${what}: ${command} ${words.slice(0, 3).join(' ')} failed: ${done.stdout}`);
}
