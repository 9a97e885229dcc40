import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runTool } from './run-tool.ts';

/** Its version says what is in it; what lies around that is of no account. */
export function isRuntime(path: string): boolean {
  return basename(path).startsWith('banshare-runtime');
}

/** The names of those packages that a folder has with other bytes; that somebody signed an rpm changes nothing in it. */
export function otherBytes(paths: readonly string[], folder: string): string[] {
  return paths
    .map((path) => basename(path))
    .filter((name, index) => {
      const there = join(folder, name);
      return existsSync(there) && !isSame(paths[index] ?? '', there);
    });
}

/** Whether two packages are the same but for a signature. */
export function isSame(one: string, other: string): boolean {
  if (readFileSync(one).equals(readFileSync(other))) return true;
  return one.endsWith('.rpm') && headOf(one) === headOf(other);
}

/** The sum of what an rpm says of itself, the sums of its files and of its payload among that. */
function headOf(path: string): string {
  return runTool('rpm', 'rpm', ['-qp', '--nosignature', '--queryformat', '%{SHA256HEADER}', path]);
}
