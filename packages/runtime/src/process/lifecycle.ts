import { writeSync } from 'node:fs';
import { wallSeconds } from '../machine/clock.ts';
import { EXIT } from './exit-codes.ts';
import { errorText, renderLine, type LogFields } from '../log/log-line.ts';
import { textFormat } from '../log/log.ts';
import { supervisorOf } from './supervisor.ts';
import { keepPoolAwake } from './thread-pool.ts';

/** What a program holds and must close before it ends. */
export type Resources = {
  /** Takes charge of closing something; what was owned last is closed first. */
  own(label: string, close: () => unknown): void;
  /**
   * Has the program close everything and begin anew, in the same process id and with nothing of its old memory; so it needs
   * nobody who starts it again.
   */
  startAgain(): void;
  /** Says what SIGHUP does from now on, which until then is kept: systemd or a person may send it at any moment. */
  onReload(work: () => void): void;
  /** The program does what it is for; said by itself only where its start goes on behind that. */
  ready(): void;
  /** Says to whoever waits for the start what it does and that it may take so many seconds more, also where the loop is held; fulfilled once that is said. */
  starting(what: string, seconds: number): Promise<void>;
};

/** Something that keeps a program from starting and that a person can mend: it is told in one line, without a stack. */
export class StartFault extends Error {}

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

const STOPS = ['SIGTERM', 'SIGINT'] as const;

type Owned = { label: string; close: () => unknown };

/**
 * Runs a daemon from start to exit: 0 after a signal, 1 where something did not close in time or at all, 70 after an
 * error that nobody expected. A second signal ends it at once.
 */
export async function runProgram(program: Program): Promise<never> {
  const crash = (error: unknown): never => {
    const stack = error instanceof Error ? error.stack : undefined;
    complain(`${program.name} ends because of an error that nobody expected`, { error, stack });
    process.exit(EXIT.crashed);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  keepPoolAwake();
  const owned: Owned[] = [];
  const stop = stopOnSignals(program);
  const onReload = reloadOnSignal();
  const supervisor = await supervisorOf((text) => complain(text));

  let code: number = EXIT.done;
  try {
    const resources = {
      own: (label: string, close: () => unknown) => owned.push({ label, close }),
      startAgain: () => stop.again(),
      onReload,
      ready: () => supervisor.ready(),
      starting: (what: string, seconds: number) => supervisor.starting(what, seconds),
    };
    const result = await program.start(resources, stop.signal);
    if (typeof result === 'number') code = result;
    else {
      supervisor.ready();
      await stop.asked;
    }
  } catch (error) {
    // A start that was told to stop may well throw.
    if (!stop.signal.aborted && error instanceof StartFault) {
      complain(`${program.name} cannot start`, { reason: errorText(error) });
      code = EXIT.failed;
    } else if (!stop.signal.aborted) crash(error);
  }
  const clean = await closeAll(owned, stop.begin());
  await supervisor.close();
  // A signal that has come meanwhile is heard now: behind becomeAnew() it would be forgotten. What closed may have held the loop since
  // it last asked, and the first of two turns may belong to that question.
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  if (stop.isAgain() && clean) {
    stop.endAtOnce();
    becomeAnew(program.name);
  }
  process.exit(clean ? code : code || EXIT.failed);
}

/** Without a handler SIGHUP would end the program. */
function reloadOnSignal(): Resources['onReload'] {
  let [work, isAsked]: [(() => void) | undefined, boolean] = [undefined, false];
  process.on('SIGHUP', () => {
    if (work === undefined) isAsked = true;
    else work();
  });
  return (next) => {
    work = next;
    if (isAsked) work();
    isAsked = false;
  };
}

type Stop = {
  readonly signal: AbortSignal;
  readonly asked: Promise<void>;
  /** Starts the deadline, if no signal did already. */
  begin(): Stopping;
  /** Stops as after a signal, to begin anew, unless a signal has come or comes until then: who ends a program means it. */
  again(): void;
  isAgain(): boolean;
  /** From now on a signal ends the process by itself: nothing is left to close, and nobody here would hear of it any more. */
  endAtOnce(): void;
};

/** What is being closed at the moment, to be named where it hangs. */
type Stopping = { what: string };

function stopOnSignals(program: Program): Stop {
  const { name, deadlineSeconds } = program;
  const stopping: Stopping = { what: 'its start' };
  let deadline: NodeJS.Timeout | undefined;
  const begin = (): Stopping => {
    deadline ??= setTimeout(() => {
      complain(`${name} could not stop within ${deadlineSeconds} s: ${stopping.what} hung`);
      process.exit(EXIT.failed);
    }, deadlineSeconds * 1000);
    return stopping;
  };
  // A signal handler alone does not keep Node running, and only a signal ends the program.
  setInterval(() => {}, 2 ** 31 - 1);
  const controller = new AbortController();
  const { signal } = controller;
  const asked = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  let [isAgain, isEnding] = [false, false];
  for (const each of STOPS) {
    process.on(each, () => {
      if (isEnding) process.exit(EXIT.failed);
      isEnding = true;
      begin();
      controller.abort(new Error(`${name} received ${each}`));
    });
  }
  const again = (): void => {
    isAgain = true;
    begin();
    controller.abort(new Error(`${name} starts again`));
  };
  const endAtOnce = (): void => STOPS.forEach((each) => process.removeAllListeners(each));
  return { signal, asked, begin, again, isAgain: () => isAgain && !isEnding, endAtOnce };
}

/** Does not return, unless the kernel refuses: then whoever started the program has to. */
function becomeAnew(name: string): void {
  try {
    const { execPath, execArgv, argv } = process;
    process.execve?.(execPath, [execPath, ...execArgv, ...argv.slice(1)]);
  } catch (error) {
    complain(`${name} cannot start itself again`, { error: errorText(error) });
  }
}

async function closeAll(owned: readonly Owned[], stopping: Stopping): Promise<boolean> {
  let clean = true;
  for (const { label, close } of owned.toReversed()) {
    stopping.what = label;
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
