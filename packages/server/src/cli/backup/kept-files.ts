import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { asOwner, isAddition, readPlain, type HostPaths } from '@banshare/runtime';
import type { KeptFile } from '../../ledger/books/backup-file.ts';

/** What a generation's folder may hold; the rest is what an editor or an installer left there. The join secret may be absent. */
const GENERATION_FILES = ['fleet.toml', 'server.key', 'server.key_secret', 'join.key', 'join.key_secret'];
const OPTIONAL_FILE = 'join.key_secret';
/** Lies beside the generations where several servers share a log. */
const LEDGER_FILES = ['ledger.secret', 'ledger.password'];
const GENERATION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const CONFIG = 'server.toml';
const ADDITIONS = 'server.d';
const ADDITION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*\.toml$/;

/** What a backup carries beside the ledger, and what it leaves out because it is no file of ours; by path. */
export type Kept = { files: KeptFile[]; leftOut: string[] };

/** Everything beside the ledger. @throws where it cannot be read, or a generation is not whole: no server starts with it. */
export function filesToKeep(paths: HostPaths): Kept {
  const kept = asOwner(paths.generations, () => generationFiles(paths.generations));
  asOwner(dirname(paths.serverConfig), () => {
    const file = statSync(paths.serverConfig, { throwIfNoEntry: false });
    if (file === undefined) return;
    kept.files.push({ path: CONFIG, mode: file.mode & 0o777, content: readFileSync(paths.serverConfig) });
  });
  const additions = paths.serverAdditions;
  asOwner(additions, () => {
    if (statSync(additions, { throwIfNoEntry: false })?.isDirectory() !== true) return;
    for (const name of readdirSync(additions).filter(isAddition)) {
      const path = join(additions, name);
      const mode = statSync(path).mode & 0o777;
      if (ADDITION_NAME.test(name))
        kept.files.push({ path: `${ADDITIONS}/${name}`, mode, content: readFileSync(path) });
      else kept.leftOut.push(`${ADDITIONS}/${name}`);
    }
  });
  return kept;
}

function generationFiles(directory: string): Kept {
  const kept: Kept = { files: [], leftOut: [] };
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const { name } = entry;
    // An installer is at work, or was killed.
    if (name.startsWith('.')) continue;
    if (LEDGER_FILES.includes(name) && entry.isFile()) {
      const content = readPlain(join(directory, name));
      kept.files.push({ path: `generations/${name}`, mode: 0o600, content });
      continue;
    }
    if (!entry.isDirectory() || !GENERATION_NAME.test(name)) {
      kept.leftOut.push(`generations/${name}`);
      continue;
    }
    const there = readdirSync(join(directory, name));
    if (!GENERATION_FILES.some((file) => there.includes(file))) {
      kept.leftOut.push(`generations/${name}`);
      continue;
    }
    for (const file of GENERATION_FILES) {
      if (!there.includes(file) && file === OPTIONAL_FILE) continue;
      if (!there.includes(file))
        throw new Error(
          `the generation ${name} lacks its ${file}, and no server starts with it so: put the file back, or take ${join(directory, name)} away`,
        );
      const content = readPlain(join(directory, name, file));
      kept.files.push({ path: `generations/${name}/${file}`, mode: 0o600, content });
    }
    const others = there.filter((file) => !GENERATION_FILES.includes(file));
    kept.leftOut.push(...others.map((file) => `generations/${name}/${file}`));
  }
  if (!kept.files.some(({ path }) => path.endsWith('/fleet.toml')))
    throw new Error(`there is no generation in ${directory}`);
  return kept;
}

/**
 * Where a file of a backup belongs, and with which mode; undefined where it is no file of ours: what a backup says may come from
 * a server that was taken over.
 */
export function targetOf(
  paths: HostPaths,
  { path, mode }: { path: string; mode: number },
): { path: string; mode: number; generation?: string } | undefined {
  if (path === CONFIG) return { path: paths.serverConfig, mode: mode & 0o644 };
  const [folder, addition = '', ...below] = path.split('/');
  if (folder === ADDITIONS && below.length === 0 && ADDITION_NAME.test(addition))
    return { path: join(paths.serverAdditions, addition), mode: mode & 0o644 };
  const beside = LEDGER_FILES.find((name) => path === `generations/${name}`);
  if (beside !== undefined) return { path: join(paths.generations, beside), mode: 0o600, generation: '' };
  const [top, generation = '', file = '', ...more] = path.split('/');
  const isOurs = top === 'generations' && GENERATION_NAME.test(generation) && GENERATION_FILES.includes(file);
  if (!isOurs || more.length > 0) return undefined;
  return { path: join(paths.generations, generation, file), mode: 0o600, generation };
}
