import { readFileSync } from 'node:fs';

/** Linux counts in these, whatever the machine. */
const TICKS_A_SECOND = 100;

/** The processes that a process has started and that run. */
export function childrenOf(pid: number): number[] {
  const said = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return said === '' ? [] : said.split(/\s+/).map(Number);
}

/** The processor time of some processes until now, seconds. @throws where one of them has ended. */
export function processorSeconds(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    // The name of a program may have spaces and brackets in it.
    const words = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return Number(words[11]) + Number(words[12]);
  });
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS_A_SECOND;
}
