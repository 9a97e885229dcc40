import { closeSync, openSync, readFileSync } from 'node:fs';

/** Beyond this part of its descriptors a program soon cannot accept anybody. */
const NEARLY_ALL = 0.8;
/** So many must be left for anything that takes some. */
const SPARE = 32;

/** How many descriptors this process may have; Node raises the soft limit to the hard one at its start. */
export function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
}

/**
 * How far this process is from running out of descriptors, since the kernel always gives the lowest free one. `out`: too near
 * to do anything that needs a new one; libzmq aborts where it gets none for a bind.
 */
export function descriptorsLeft(limit: number): 'enough' | 'few' | 'out' {
  try {
    const lowestFree = openSync('/dev/null', 'r');
    closeSync(lowestFree);
    if (limit - lowestFree <= SPARE) return 'out';
    return lowestFree >= limit * NEARLY_ALL ? 'few' : 'enough';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EMFILE' ? 'out' : 'enough';
  }
}
