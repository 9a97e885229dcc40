import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { Fault, orExit, ROOT, tell } from './say.ts';

/** Files that are long by name: `make test-long` runs these, and `make test` all others. */
const LONG = /\.long\.test\.ts$/;
const KINDS = ['short', 'long', 'all'] as const;
/** A test that takes longer than this hangs. */
const TEST_LIMIT_MS = 600_000;
/** Most of a test's time is spent waiting for programs that it started, so a processor has this many files. */
const FILES_A_PROCESSOR = 2;
const SLOWEST = 10;

/**
 * How long each file took when it last ran in this checkout. What takes long begins first, so that the run does not end in
 * waiting for one file that began last.
 */
const SECONDS_FILE = join(ROOT, 'build/test-seconds.json');

/** How long a file may take that has not run here yet: real hosts longest, whole fleets next. */
const GUESSED_SECONDS: readonly (readonly [folder: RegExp, seconds: number])[] = [
  [/^test\/(lab|chaos)\//, 40],
  [/^test\//, 20],
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
      files: { type: 'string', default: String(availableParallelism() * FILES_A_PROCESSOR) },
      watch: { type: 'boolean', default: false },
    },
  });
  const kind = KINDS.find((each) => each === values.kind);
  if (kind === undefined)
    throw new Fault(`Cannot run tests of kind "${values.kind}": the kinds are ${KINDS.join(', ')}`);
  const atOnce = Number(values.files);
  if (!Number.isInteger(atOnce) || atOnce < 1)
    throw new Fault(`Cannot run ${values.files} test files at once: give a whole number from 1`);
  const files = inOrder(chosen(positionals, kind));
  if (values.watch) await watch(files, atOnce);
  else await runOnce(files, atOnce);
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

/** The longest first, by what is known of them. */
function inOrder(files: readonly string[]): string[] {
  const before = secondsBefore();
  const expected = (path: string): number =>
    before[path] ?? GUESSED_SECONDS.find(([folder]) => folder.test(path))?.[1] ?? 1;
  return files.toSorted((one, other) => expected(other) - expected(one) || (one < other ? -1 : 1));
}

/** Runs the files, prints what failed and which took longest, and sets the exit code. */
async function runOnce(files: readonly string[], atOnce: number): Promise<void> {
  const interrupted = new AbortController();
  // What is started ends with this process, and the files end what they have started in their turn.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      process.exitCode = 1;
      interrupted.abort();
    });
  const took: Seconds = {};
  const tests = run({
    files: files.map((path) => join(ROOT, path)),
    concurrency: atOnce,
    timeout: TEST_LIMIT_MS,
    signal: interrupted.signal,
  });
  tests.on('test:fail', ({ todo }) => {
    if (todo === undefined || todo === false) process.exitCode = 1;
  });
  // A file is the outermost test of what runs in it, and is called by its path.
  tests.on('test:complete', ({ name, nesting, details }) => {
    if (nesting === 0 && name.endsWith('.test.ts'))
      took[relative(ROOT, name)] = Math.round(details.duration_ms / 100) / 10;
  });
  await pipeline(tests, new spec(), process.stdout, { end: false });
  const slowest = Object.entries(took).toSorted(([, one], [, other]) => other - one);
  if (slowest.length > 1) {
    const lines = slowest
      .slice(0, SLOWEST)
      .map(([path, seconds]) => `${seconds.toFixed(1).padStart(7)} s  ${path}`);
    tell(`\nThe slowest files, with ${atOnce} at a time:\n${lines.join('\n')}`);
  }
  if (!interrupted.signal.aborted) remember(took);
}

/** Runs the files, and again each that is changed, or imports what is, until it is interrupted. */
async function watch(files: readonly string[], atOnce: number): Promise<void> {
  const tests = run({ files: files.map((path) => join(ROOT, path)), concurrency: atOnce, watch: true });
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
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  writeFileSync(SECONDS_FILE, `${JSON.stringify({ ...secondsBefore(), ...took }, null, 2)}\n`);
}
