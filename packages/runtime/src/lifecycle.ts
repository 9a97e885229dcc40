import { writeSync } from 'node:fs';
import { wallSeconds } from './clock.ts';
import { errorText, renderLine, type LogFields } from './log-line.ts';
import { textFormat } from './log.ts';

/** What a program holds and must close before it ends. */
export type Resources = {
  /** Takes charge of closing something; what was owned last is closed first. */
  own(label: string, close: () => unknown): void;
};

export type Program = {
  readonly name: string;
  /**
   * Makes the program ready; it then runs until SIGTERM or SIGINT abort the signal. A number ends it at once with
   * that exit code, after what it owns is closed.
   */
  readonly start: (resources: Resources, signal: AbortSignal) => Promise<number | void>;
  /** How long stopping may take. */
  readonly deadlineSeconds: number;
};

type Owned = { label: string; close: () => unknown };

/**
 * Runs a daemon from start to exit: 0 after a signal, 1 where something did not close in time or at all, 70 after an
 * error that nobody expected. A second signal ends it at once.
 */
export async function runProgram(program: Program): Promise<never> {
  const owned: Owned[] = [];
  const stopping = new AbortController();
  const stopped = new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve()));
  const crash = (error: unknown): never => {
    complain(`${program.name} ends because of an error that nobody expected`, {
      error,
      stack: error instanceof Error ? error.stack : undefined,
    });
    process.exit(70);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);

  // A signal handler alone does not keep Node running, and only a signal ends the program.
  setInterval(() => {}, 2 ** 31 - 1);
  const watch = new Deadline(program);
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (stopping.signal.aborted) process.exit(1);
      watch.begin();
      stopping.abort(new Error(`${program.name} received ${name}`));
    });
  }

  let code = 0;
  try {
    const result = await program.start(
      { own: (label, close) => owned.push({ label, close }) },
      stopping.signal,
    );
    if (typeof result === 'number') code = result;
    else await stopped;
  } catch (error) {
    // A start that was told to stop may well throw.
    if (!stopping.signal.aborted) crash(error);
  }
  watch.begin();
  const closed = await closeAll(owned, watch);
  process.exit(closed ? code : code || 1);
}

/** Ends the program when stopping takes too long, and names what hung. */
class Deadline {
  closing = 'its start';
  readonly #program: Program;
  #timer: NodeJS.Timeout | undefined;

  constructor(program: Program) {
    this.#program = program;
  }

  begin(): void {
    const { name, deadlineSeconds } = this.#program;
    this.#timer ??= setTimeout(() => {
      complain(`${name} could not stop within ${deadlineSeconds} s: ${this.closing} hung`);
      process.exit(1);
    }, deadlineSeconds * 1000);
  }
}

async function closeAll(owned: readonly Owned[], watch: Deadline): Promise<boolean> {
  let clean = true;
  for (const { label, close } of owned.toReversed()) {
    watch.closing = label;
    try {
      await close();
    } catch (error) {
      clean = false;
      complain(`Cannot close ${label}`, { error: errorText(error) });
    }
  }
  return clean;
}

/** Written at once and past the log, which may not be open yet, or may be what failed. */
function complain(text: string, fields: LogFields = {}): void {
  const line = renderLine({ atSeconds: wallSeconds(), level: 'error', text, fields }, textFormat());
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // Nobody reads stderr: then there is nobody to tell.
  }
}
