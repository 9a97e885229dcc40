import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';

/** Files that run in one process: a file of its own, by this name, reads them. */
export type Group = { readonly name: string; readonly text: string; readonly files: readonly string[] };

/**
 * Which rooms' tests share processes, and how many files one has at most: most of what a short file costs is a process that reads the
 * same sources again, and another one for its fleet's commands. Files that start fleets wait for these, so that one process with
 * all of them would be the last to end. A file is of the first row that has a beginning of its path.
 */
const ROWS: readonly (readonly [name: string, most: number, rooms: readonly string[]])[] = [
  ['protocol', 99, ['packages/protocol/test/']],
  ['process', 99, ['admin', 'files', 'log', 'process'].map((room) => `packages/runtime/test/${room}/`)],
  ['runtime', 99, ['packages/runtime/test/']],
  ['transport', 99, ['packages/transport/test/']],
  ['sets', 2, ['packages/client/test/enforcers/sets/']],
  [
    'enforcers',
    6,
    ['enforcers', 'enforcer-change', 'fail2ban'].map((room) => `packages/client/test/${room}/`),
  ],
  ['follow', 6, ['follow', 'cli'].map((room) => `packages/client/test/${room}/`)],
  ['client', 24, ['packages/client/test/']],
  ['report', 5, ['packages/report/test/']],
  ['cli', 5, ['packages/server/test/cli/']],
  ['fleet', 5, ['packages/server/test/fleet/']],
  ['operator', 5, ['packages/server/test/operator/']],
  ['doors', 5, ['intake', 'publish', 'web', 'ports'].map((room) => `packages/server/test/${room}/`)],
  ['log', 4, ['packages/server/test/log/']],
  ['server', 99, ['packages/server/test/']],
  ['scripts', 5, ['scripts/test/']],
  ['installers', 3, ['test/installers/']],
  ['lab', 3, ['test/lab/']],
  ['whole', 3, ['test/']],
];

/**
 * What would meet the tests of other files in the same process: a clock or an environment that is another, or what lets libzmq's keys in, of
 * which a process has one, and for a moment still after it was closed.
 */
const KEEPS_TO_ITSELF =
  /mock\.timers|answerZap|Doorman|process\.((umask|chdir)\(|(execPath|env\[.*\]) *=[^=])/;

/**
 * Helpers that have something for the whole process, and close it after the tests: read outside of all files, since a file's hooks are run
 * when it ends, and theirs would be those of the first that reads them.
 */
export const OF_ALL_FILES: readonly (readonly [helper: string, reads: RegExp])[] = [
  ['packages/client/test/hand-made-server.ts', /^packages\/client\/test\//],
];

/**
 * Puts files into groups of two at least; those that are in none run by themselves.
 * @param read gives the text of a file, whose path is from the top of the checkout.
 */
export function groupsOf(
  files: readonly string[],
  top: string,
  read: (path: string) => string,
): { groups: Group[]; alone: string[] } {
  const rowOf = (path: string) => ROWS.find(([, , rooms]) => rooms.some((room) => path.startsWith(room)));
  const mayMeet = (path: string) => rowOf(path) !== undefined && !KEEPS_TO_ITSELF.test(read(path));
  const groups: Group[] = [];
  const alone: string[] = [];
  const rows = Map.groupBy(files.toSorted(), (path) => (mayMeet(path) ? rowOf(path) : undefined));
  for (const [row, some] of rows)
    for (const chunk of chunksOf(some, row?.[1] ?? 1))
      if (row !== undefined && chunk.length > 1) groups.push(groupOf(row[0], chunk, top));
      else alone.push(...chunk);
  return { groups, alone };
}

/** Chunks of as equal a size as can be. */
function chunksOf(files: readonly string[], most: number): string[][] {
  const number = Math.ceil(files.length / most);
  return Array.from({ length: number }, (_, index) => files.filter((_path, at) => at % number === index));
}

/** Each file is a suite, so that its hooks are around its own tests; they run one after the other. */
function groupOf(row: string, files: readonly string[], top: string): Group {
  const urlOf = (path: string): string => JSON.stringify(pathToFileURL(`${top}/${path}`).href);
  const ofAll = OF_ALL_FILES.filter(([, reads]) => files.some((path) => reads.test(path)));
  const text = [
    "import { describe } from 'node:test';",
    ...ofAll.map(([helper]) => `import ${urlOf(helper)};`),
    ...files.map(
      (path) => `describe(${JSON.stringify(path)}, async () => void (await import(${urlOf(path)})));`,
    ),
    '',
  ].join('\n');
  const name = `${row}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}.test.ts`;
  return { name, text, files };
}
