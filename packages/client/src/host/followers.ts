import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** As a person runs it, and as its launcher does. */
const PROGRAM = /(^|\/)(banshare-report|banshare\/report\.cjs)$/;

/**
 * The logs that a `banshare-report --follow` of this host watches now, `-` for its standard input, as /proc tells of its processes.
 * `root` is the host's: several instances of banshare may run on one machine.
 */
export function followedLogs(root: string, proc = '/proc'): string[] {
  const logs = readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => followedBy(wordsOf(join(proc, pid, 'cmdline')), resolve('/', root)) ?? []);
  return [...new Set(logs)];
}

function wordsOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\0');
  } catch {
    // It has ended meanwhile, or is another user's.
    return [];
  }
}

/** What a process follows for the host below root; undefined where it follows nothing, or for another host. */
function followedBy(words: readonly string[], root: string): string | undefined {
  const program = words.findIndex((word) => PROGRAM.test(word));
  // Before it comes at most a way of starting it: node OPTION FILE.
  if (program < 0 || program > 3) return undefined;
  const options = words.slice(program + 1);
  const ofHost = valueOf(options, '--root') ?? '/';
  return resolve('/', ofHost) === root ? valueOf(options, '--follow') : undefined;
}

function valueOf(words: readonly string[], option: string): string | undefined {
  const at = words.findIndex((word) => word === option || word.startsWith(`${option}=`));
  const word = words[at];
  if (word === undefined) return undefined;
  return word === option ? words[at + 1] : word.slice(option.length + 1);
}
