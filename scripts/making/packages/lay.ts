import { createHash } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../../say.ts';
import type { PackageFile } from './tree.ts';

/** Writes a file below a folder with its mode, whatever the umask, and a time in seconds; the folders above are open to all. */
export function lay(root: string, { name, bytes, mode }: PackageFile, epoch: number): void {
  const path = join(root, name);
  const before = process.umask(0o022);
  mkdirSync(dirname(path), { recursive: true });
  process.umask(0);
  writeFileSync(path, bytes, { mode });
  process.umask(before);
  utimesSync(path, epoch, epoch);
}

/** Where a package of these files is kept until one of them changes. */
export function keptPath(files: readonly PackageFile[], kind: 'deb' | 'rpm'): string {
  const hash = createHash('sha256');
  for (const { name, mode, bytes } of files)
    hash.update(`${name} ${mode} ${createHash('sha256').update(bytes).digest('hex')}\n`);
  const folder = join(ROOT, 'build/payload');
  mkdirSync(folder, { recursive: true });
  return join(folder, `runtime-${hash.digest('hex').slice(0, 16)}.${kind}`);
}
