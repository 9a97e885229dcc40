import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** A process of banshare: its id, and the words behind the program. */
type Process = { pid: number; words: string[] };

/** How the words of each program's process look: as a person runs it, and as its launcher does. */
const PROGRAMS = {
  report: /(^|\/)(banshare-report|banshare\/report\.cjs)$/,
  client: /(^|\/)(banshare-client|banshare\/client\.mjs|client\/src\/main\.ts)$/,
} as const;

/**
 * The logs that a `banshare-report --follow` of this host watches now, `-` for its standard input, as /proc tells of its processes.
 * `root` is the host's: several instances of banshare may run on one machine.
 */
export function followedLogs(root: string, proc = '/proc'): string[] {
  const logs = processesOf('report', root, proc).flatMap(({ words }) => valueOf(words, '--follow') ?? []);
  return [...new Set(logs)];
}

/** The process of this host's client daemon, also where its socket cannot be found; undefined where none runs. */
export function runningClient(root: string, proc = '/proc'): number | undefined {
  return processesOf('client', root, proc).find(({ words }) => isDaemon(words))?.pid;
}

/** Without a command it runs too; `--check`, `--help` and `--version` do not. */
function isDaemon(words: readonly string[]): boolean {
  const own = words.filter((word, index) => {
    const before = words[index - 1] ?? '';
    return before !== '--root' && before !== '--config' && !/^--(root|config)(=|$)/.test(word) && word !== '';
  });
  return own.length === 0 || (own.length === 1 && own[0] === 'run');
}

function processesOf(program: keyof typeof PROGRAMS, root: string, proc: string): Process[] {
  return readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const all = wordsOf(join(proc, name, 'cmdline'));
      const at = all.findIndex((word) => PROGRAMS[program].test(word));
      // Before it comes at most a way of starting it: node OPTION FILE.
      if (at < 0 || at > 3) return [];
      const words = all.slice(at + 1);
      if (networkOf(name, proc) !== networkOf('self', proc)) return [];
      const isOfHost = resolve('/', valueOf(words, '--root') ?? '') === resolve('/', root);
      return isOfHost ? [{ pid: Number(name), words }] : [];
    });
}

/** A container that shares the machine's processes has a network of its own; a unit of systemd has not, unlike its mounts. */
function networkOf(pid: string, proc: string): string | undefined {
  try {
    return readlinkSync(join(proc, pid, 'ns/net'));
  } catch {
    return undefined;
  }
}

function wordsOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\0');
  } catch {
    // It has ended meanwhile, or is another user's.
    return [];
  }
}

function valueOf(words: readonly string[], option: string): string | undefined {
  const at = words.findIndex((word) => word === option || word.startsWith(`${option}=`));
  const word = words[at];
  if (word === undefined) return undefined;
  return word === option ? words[at + 1] : word.slice(option.length + 1);
}
