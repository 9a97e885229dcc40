import {
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { bad, good, type Result } from '@banshare/protocol';
import {
  asOwner,
  GENERATION_FILES,
  openPlain,
  parseFleet,
  parseGenerationFile,
  syncDirectory,
  writePrivate,
  type Fleet,
  type GenerationFiles,
  type HostPaths,
} from '@banshare/runtime';
import { readGeneration } from './generations.ts';

/** A generation that came; `isNew` where it was not here before. */
export type AddedGeneration = { readonly fleet: Fleet; readonly isNew: boolean };

/**
 * Takes in a generation from a file that `make generation-file` made: beside those that are in service, whole or not at all. What is
 * wrong is said in one sentence. The server that runs has to begin anew to serve it.
 */
export async function addGeneration(paths: HostPaths, file: string): Promise<Result<AddedGeneration>> {
  const text = readOwnFile(file);
  if (!text.ok) return text;
  const files = parseGenerationFile(text.value);
  if (!files.ok) return bad(`Cannot add a generation: ${file} ${files.fault}`);
  const fleet = parseFleet(files.value['fleet.toml']);
  if (!fleet.ok) return bad(`Cannot add a generation: the fleet.toml in ${file} has a fault: ${fleet.fault}`);
  const { generation, reportPort, publishPort } = fleet.value;
  const folder = join(paths.generations, generation);
  if (isHere(paths, folder))
    return isSame(paths, folder, files.value)
      ? good({ fleet: fleet.value, isNew: false })
      : bad(takenBy(folder));
  for (const port of [reportPort, publishPort])
    if (!(await isFree(port)))
      return bad(
        `Cannot add the generation ${generation}: something on this machine listens on its port ${port} already, and the server would not start; nothing was changed. Make one with other ports: make regen`,
      );
  try {
    return asOwner(paths.generations, () => lay(paths, generation, files.value, fleet.value));
  } catch (error) {
    return bad(`Cannot add the generation ${generation}: ${(error as Error).message}; nothing was changed`);
  }
}

/** Takes one back that was just added. @throws the system's error. */
export function dropGeneration(paths: HostPaths, { generation }: Pick<Fleet, 'generation'>): void {
  asOwner(paths.generations, () => {
    rmSync(join(paths.generations, generation), { recursive: true, force: true });
  });
}

/** No link, and nobody else's: root would lay what somebody else wrote, and the server would be known by a key that he has. */
function readOwnFile(path: string): Result<string> {
  let file: number;
  try {
    file = openPlain(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return bad(`Cannot read ${path}: ${code === 'ELOOP' ? 'it is a link; give the file itself' : message}`);
  }
  try {
    const { mode, uid } = fstatSync(file);
    if ((mode & 0o177) !== 0) {
      const is = (mode & 0o777).toString(8).padStart(4, '0');
      return bad(
        `Cannot use ${path}: it holds a secret, so its mode must be 0600, it is ${is}. Who could read it meanwhile has the key: make regen, and a file of that`,
      );
    }
    if (uid !== process.geteuid?.())
      return bad(`Cannot use ${path}: it belongs to another user than the one who runs this`);
    return good(readFileSync(file, 'utf8'));
  } catch (error) {
    return bad(`Cannot read ${path}: ${(error as Error).message}`);
  } finally {
    closeSync(file);
  }
}

function isHere(paths: HostPaths, folder: string): boolean {
  return asOwner(paths.generations, () => lstatSync(folder, { throwIfNoEntry: false }) !== undefined);
}

function isSame(paths: HostPaths, folder: string, files: GenerationFiles): boolean {
  return asOwner(paths.generations, () =>
    GENERATION_FILES.every((name) => {
      const path = join(folder, name);
      return existsSync(path) && readFileSync(path, 'utf8') === files[name];
    }),
  );
}

function takenBy(folder: string): string {
  return `Cannot add that generation: ${folder} is there already, with other files; nothing was changed. banshare-server --check says whether it is whole`;
}

/** Laid beside, and read as the server will read it, before it gets its name. */
function lay(
  paths: HostPaths,
  generation: string,
  files: GenerationFiles,
  fleet: Fleet,
): Result<AddedGeneration> {
  const beside = join(paths.generations, `.${generation}.new`);
  rmSync(beside, { recursive: true, force: true });
  try {
    mkdirSync(beside, { mode: 0o700 });
    for (const name of GENERATION_FILES) writePrivate(join(beside, name), files[name]);
    const read = readGeneration(beside, generation);
    if ('faults' in read) return bad(`Cannot add the generation ${generation}: ${read.faults.join('; ')}`);
    renameSync(beside, join(paths.generations, generation));
    syncDirectory(paths.generations);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
  return good({ fleet, isNew: true });
}

/** Whether nothing listens on a port of this machine. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'));
  server.listen({ port, exclusive: true }, () => resolve(true));
  const free = await promise;
  server.close();
  return free;
}
