import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Kinds whose folders were looked through in this process. */
const looked = new Set<string>();

/** In which namespace a process has its number: to who is in another one all others look as if they were gone. */
const NUMBERED_IN = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';

/** A fresh folder whose name says which process has to remove it; those of processes that were killed before they could go first. */
export function ownedFolder(prefix: string): string {
  if (!looked.has(prefix)) removeDead(prefix);
  looked.add(prefix);
  return mkdtempSync(join(tmpdir(), `${prefix}${NUMBERED_IN}-${process.pid}-`));
}

function removeDead(prefix: string): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${prefix}${NUMBERED_IN}-(\\d+)-\\w{6}$`).exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid)))
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
