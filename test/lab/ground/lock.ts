import { Running } from './running.ts';

/** Has a lock that other processes wait for, also where this one ends without giving it back. */
export async function untilLocked(path: string): Promise<Running> {
  const holder = new Running(`the lock ${path}`, ['flock', path, 'sh', '-c', 'echo locked; exec cat']);
  await holder.line(/^locked$/, 300_000);
  return holder;
}
