import { readFileSync, readlinkSync } from 'node:fs';

/** The number that the kernel gives the machine's own namespace of processes, at every start. */
const MACHINES_OWN = 'pid:[4026531836]';
/** What container engines put before the one program of a container. */
const BEFORE_ONE_PROGRAM = new Set([
  'catatonit',
  'podman-init',
  'docker-init',
  'tini',
  'dumb-init',
  'pause',
  'conmon',
]);

/**
 * Whether this program was started alone in a container that shows it none of the machine's processes. In a container that has an init
 * system of its own, as LXC makes them, sshd runs beside it and is seen: there this is false.
 * @param proc where /proc is mounted.
 */
export function isShownNoMachine(proc: string): boolean {
  try {
    if (readlinkSync(`${proc}/self/ns/pid`) === MACHINES_OWN) return false;
    const status = readFileSync(`${proc}/self/status`, 'utf8');
    const [pid, parent] = ['Pid', 'PPid'].map(
      (name) => new RegExp(`^${name}:\t(\\d+)$`, 'm').exec(status)?.[1],
    );
    // The parent of what an engine starts among processes that a pod shares lies outside of it.
    if (pid === '1') return true;
    return (
      /^[01]$/.test(parent ?? '') && BEFORE_ONE_PROGRAM.has(readFileSync(`${proc}/1/comm`, 'utf8').trim())
    );
  } catch {
    return false;
  }
}
