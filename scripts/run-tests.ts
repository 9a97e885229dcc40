import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec, type TestEvent } from 'node:test/reporters';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { groupsOf } from './making/test-groups.ts';
import { bundleForTests } from './making/test-programs.ts';
import { complain, Fault, orExit, ROOT, tell } from './say.ts';

/** Files that are long by name: `make test-long` runs these, and `make test` all others. */
const LONG = /\.long\.test\.ts$/;
const KINDS = ['short', 'long', 'all'] as const;
/** What node says at the end of a run. */
const COUNT = /^([a-z_]+) ([\d.]+)$/;
/** A file that takes longer than this hangs, seconds: more than twice the longest of its kind on a slow machine; `make chaos`, at length, is of all kinds. */
const FILE_LIMIT = { short: 400, long: 700, all: 900 } as const;
/** Most of a test is spent waiting for programs that it started, so two processors have five files, which leave them idle for a fiftieth; long ones leave one a quarter of its time with one file. */
const FILES_A_PROCESSOR = { short: 2.5, long: 1.5, all: 2.5 } as const;
const SLOWEST = 10;
/** What reads files that share a process. */
const GROUPS = 'build/together';
const BEFORE_EACH = pathToFileURL(join(ROOT, 'test/before-each-file.ts')).href;

/** What shows how long something takes while a machine is busy with it: these run one after the other, after all others. */
const ALONE = [/^test\/floods\b/, /^test\/lab\/no-server\./, /^test\/chaos\/(away|partition|stopped)\./];

/**
 * How long each file took when it last ran in this checkout. What takes long begins first, so that the run does not end in
 * waiting for one file that began last.
 */
const SECONDS_FILE = join(ROOT, 'build/test-seconds.json');

/**
 * How long a file may take that has not run here yet. One lab begins first, since it installs what the others start from, and
 * these come after the fleets, so that they need not wait for it.
 */
const GUESSED_SECONDS: readonly (readonly [path: RegExp, seconds: number])[] = [
  [/^test\/lab\/(attack|enforcers\/enforcers)\./, 60],
  [/^test\/(lab|chaos)\//, 20],
  [/^test\//, 40],
  [/^packages\/(server|report)\//, 5],
];

type Seconds = Record<string, number>;

type Kind = (typeof KINDS)[number];

await orExit(async () => {
  // Programs that the tests start read their sources from a cache of compiled code: it halves the processor time.
  process.env['NODE_COMPILE_CACHE'] ??= join(ROOT, 'build/compile-cache');
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      kind: { type: 'string', default: 'all' },
      files: { type: 'string' },
      'file-seconds': { type: 'string' },
      watch: { type: 'boolean', default: false },
    },
  });
  const kind = KINDS.find((each) => each === values.kind);
  if (kind === undefined)
    throw new Fault(`Cannot run tests of kind "${values.kind}": the kinds are ${KINDS.join(', ')}`);
  const atOnce = Number(values.files ?? Math.ceil(availableParallelism() * FILES_A_PROCESSOR[kind]));
  if (!Number.isInteger(atOnce) || atOnce < 1)
    throw new Fault(`Cannot run ${values.files} test files at once: give a whole number from 1`);
  const files = chosen(positionals, kind);
  if (values.watch) return watch(files, atOnce);
  process.env['BANSHARE_TEST_PROGRAMS'] ??= await bundleForTests();
  const most = Number(values['file-seconds'] ?? FILE_LIMIT[kind]);
  if (!(most > 0))
    throw new Fault(`Cannot end a file after ${values['file-seconds']} s: give a number above 0`);
  await runOnce(inOrder(together(files)), atOnce, most);
});

/** The test files of a kind that the patterns name, as paths from the top of the checkout; throws a Fault where a pattern names none. */
function chosen(patterns: readonly string[], kind: Kind): string[] {
  const files = new Set<string>();
  for (const pattern of patterns) {
    const found = globSync(pattern, { cwd: ROOT }).filter((path) => path.endsWith('.test.ts'));
    if (found.length === 0)
      throw new Fault(
        `No test file is called "${pattern}": give its path from the top of the checkout, as in test/trio.test.ts`,
      );
    for (const path of found) if (kind === 'all' || LONG.test(path) === (kind === 'long')) files.add(path);
  }
  return [...files];
}

/** The longest first, by what is known of the files that each runs. */
function inOrder(groups: ReadonlyMap<string, readonly string[]>): string[] {
  const before = secondsBefore();
  const expected = (path: string): number =>
    before[path] ?? GUESSED_SECONDS.find(([folder]) => folder.test(path))?.[1] ?? 1;
  const seconds = new Map(
    [...groups].map(([path, files]) => [path, files.reduce((sum, file) => sum + expected(file), 0)]),
  );
  return [...seconds]
    .toSorted(([one, first], [other, second]) => second - first || (one < other ? -1 : 1))
    .map(([path]) => path);
}

/**
 * The files, with one in the stead of those that share a process. It is called by what it holds: a run of some of them, as a test of this
 * script is, takes nothing from a run of all that goes on in the same checkout.
 */
function together(files: readonly string[]): Map<string, readonly string[]> {
  const folder = join(ROOT, GROUPS);
  mkdirSync(folder, { recursive: true });
  const mayShare = (path: string): boolean => !LONG.test(path) && !isAlone(path);
  const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
  const { groups, alone } = groupsOf(files.filter(mayShare), ROOT, read);
  const own = [...alone, ...files.filter((path) => !mayShare(path))];
  const all = new Map(own.map((path) => [path, [path]] as [string, readonly string[]]));
  for (const { name, text, files: members } of groups) {
    const path = join(folder, name);
    // Another run may be reading it.
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
    all.set(relative(ROOT, path), members);
  }
  return all;
}

function isAlone(path: string): boolean {
  return ALONE.some((pattern) => pattern.test(path));
}

/** Runs the files, prints what failed and which took longest, and sets the exit code. */
async function runOnce(files: readonly string[], atOnce: number, fileSeconds: number): Promise<void> {
  const interrupted = new AbortController();
  // What is started ends with this process, and the files end what they have started in their turn.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      process.exitCode = 1;
      interrupted.abort();
    });
  const took: Seconds = {};
  const groups = [
    { files: files.filter((path) => !isAlone(path)), atOnce },
    { files: files.filter(isAlone), atOnce: 1 },
  ];
  await pipeline(eventsOf(groups, took, fileSeconds, interrupted.signal), new spec(), process.stdout, {
    end: false,
  });
  const slowest = Object.entries(took)
    .filter(([path]) => !path.startsWith(GROUPS))
    .toSorted(([, one], [, other]) => other - one);
  if (slowest.length > 1) {
    const lines = slowest
      .slice(0, SLOWEST)
      .map(([path, seconds]) => `${seconds.toFixed(1).padStart(7)} s  ${path}`);
    tell(`\nThe slowest files, with ${atOnce} at a time:\n${lines.join('\n')}`);
  }
  if (!interrupted.signal.aborted) remember(took);
}

/** The events of one run of the groups after each other; counts and failures of all come at its end. */
async function* eventsOf(
  groups: readonly { files: readonly string[]; atOnce: number }[],
  took: Seconds,
  fileSeconds: number,
  signal: AbortSignal,
): AsyncGenerator<TestEvent> {
  const counts = new Map<string, number>();
  let end: TestEvent | undefined;
  for (const { files, atOnce } of groups) {
    if (files.length === 0 || signal.aborted) continue;
    const paths = files.map((path) => resolve(ROOT, path));
    const tests: AsyncIterable<TestEvent> = run({
      files: paths,
      concurrency: atOnce,
      // It ends a file that hangs, and keeps one from it whose writing is overslept. Node's own limit of run() is one of each test:
      // it knows nothing of a file whose tests are over, and that never ends.
      execArgv: ['--import', `${BEFORE_EACH}?seconds=${fileSeconds}`],
      signal,
    });
    for await (const event of tests) {
      note(event, took);
      const count = countIn(event);
      if (count !== undefined) counts.set(count.what, (counts.get(count.what) ?? 0) + count.number);
      // The end of a group is where the reporter would say what has failed in it.
      else if (event.type === 'test:summary' && event.data.file === undefined) end = event;
      else yield event;
    }
  }
  for (const [what, number] of counts) {
    const message = `${what} ${Math.round(number)}`;
    yield { type: 'test:diagnostic', data: { nesting: 0, message, level: 'info' } };
  }
  if (end !== undefined) yield end;
}

/** What node counted, where the event is about no file. */
function countIn({ type, data }: TestEvent): { what: string; number: number } | undefined {
  if (type !== 'test:diagnostic' || data.file !== undefined) return undefined;
  const [, what, number] = COUNT.exec(data.message) ?? [];
  return what === undefined ? undefined : { what, number: Number(number) };
}

/** Notes how a file ended, and how long it took. */
function note({ type, data }: TestEvent, took: Seconds): void {
  if (type === 'test:fail') process.exitCode = 1;
  // A file is the outermost test of what runs in it, and is called by its path; of those that share a process each is a suite.
  if (type === 'test:complete' && data.nesting === 0 && data.name.endsWith('.test.ts'))
    took[relative(ROOT, data.name)] = Math.round(data.details.duration_ms / 100) / 10;
}

/** Runs the files, and again each that is changed, or imports what is, until it is interrupted. */
async function watch(files: readonly string[], atOnce: number): Promise<void> {
  const tests = run({ files: files.map((path) => resolve(ROOT, path)), concurrency: atOnce, watch: true });
  await pipeline(tests, new spec(), process.stdout, { end: false });
}

function secondsBefore(): Seconds {
  try {
    return JSON.parse(readFileSync(SECONDS_FILE, 'utf8')) as Seconds;
  } catch {
    // The first run, or somebody's own file: the order costs time, and nothing else.
    return {};
  }
}

function remember(took: Seconds): void {
  const here = Object.entries(took).filter(([path]) => !path.startsWith('..'));
  const all = { ...secondsBefore(), ...Object.fromEntries(here) };
  try {
    mkdirSync(join(ROOT, 'build'), { recursive: true });
    writeFileSync(SECONDS_FILE, `${JSON.stringify(all, null, 2)}\n`);
  } catch (error) {
    complain(`The order of the next run is guessed: cannot write ${SECONDS_FILE}: ${String(error)}`);
  }
}
