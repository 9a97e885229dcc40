import { Fault } from '../say.ts';
import type { Target } from './hosts-file.ts';
import type { Outcome, Task } from './install-host.ts';

/** How the tasks are carried out, and when to stop. */
export type RollOut = {
  readonly carryOut: (task: Task) => Promise<Outcome>;
  /** Resolves when the server sees this host where it belongs. @throws Fault when it does not. */
  readonly confirm: (outcome: Outcome) => Promise<void>;
  /** Called when the servers are done. @throws Fault when hosts cannot move yet. */
  readonly afterServers: () => Promise<void>;
  readonly canary: number;
  readonly parallel: number;
  readonly maxFailures: number;
};

/** The tasks in their order: servers, then clients, those of the group canary first. */
export function tasksOf(targets: readonly Target[]): Task[] {
  const clients = targets.filter(({ roles }) => roles.includes('client'));
  const isFirst = ({ groups }: Target): boolean => groups.includes('canary');
  const ordered = [...clients.filter(isFirst), ...clients.filter((target) => !isFirst(target))];
  return [
    ...targets.filter(({ roles }) => roles.includes('server')).map((target) => task(target, 'server')),
    ...ordered.map((target) => task(target, 'client')),
  ];
}

/**
 * Servers one by one, then a few canaries that the server has to confirm, then the others side by side. Whatever happens,
 * there is an outcome for each task: what was not begun waits for the next run.
 */
export async function rollOut(tasks: readonly Task[], how: RollOut): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const waiting = [...tasks];
  const next = async (): Promise<Outcome> => {
    const outcome = await how.carryOut(shift(waiting));
    outcomes.push(outcome);
    return outcome;
  };
  const stop = (why: string): Outcome[] => [
    ...outcomes,
    ...waiting.map((each): Outcome => ({ ...each, how: 'waiting', name: '', words: why })),
  ];
  while (waiting[0]?.role === 'server')
    if (isFailure(await next())) return stop('the server comes first, and failed');
  const unserved = await faultOf(how.afterServers());
  if (unserved !== undefined) return stop(unserved);
  for (let seen = 0; seen < how.canary && waiting.length > 0;) {
    if (failuresIn(outcomes) > how.maxFailures) return stop(`more than ${how.maxFailures} failed`);
    const outcome = await next();
    // Of a host that cannot be reached nothing is learnt: the next one is the canary.
    if (outcome.how === 'unreachable') continue;
    if (isFailure(outcome)) return stop(`the canary ${outcome.destination} failed`);
    const unseen = await faultOf(how.confirm(outcome));
    if (unseen !== undefined) return stop(unseen);
    seen++;
  }
  await sideBySide(how.parallel, () => waiting.length > 0 && failuresIn(outcomes) <= how.maxFailures, next);
  return stop(`more than ${how.maxFailures} failed`);
}

/** Asks every host what it would get, in whatever order. */
export async function askAll(
  tasks: readonly Task[],
  { parallel, carryOut }: Pick<RollOut, 'parallel' | 'carryOut'>,
): Promise<Outcome[]> {
  const waiting = [...tasks];
  const outcomes: Outcome[] = [];
  const next = async () => outcomes.push(await carryOut(shift(waiting)));
  await sideBySide(parallel, () => waiting.length > 0, next);
  return outcomes;
}

export function isFailure({ how }: Outcome): boolean {
  return how === 'failed' || how === 'unreachable';
}

async function sideBySide(
  count: number,
  mayGoOn: () => boolean,
  next: () => Promise<unknown>,
): Promise<void> {
  const work = async (): Promise<void> => {
    while (mayGoOn()) await next();
  };
  await Promise.all(Array.from({ length: count }, work));
}

async function faultOf(work: Promise<void>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

function failuresIn(outcomes: readonly Outcome[]): number {
  return outcomes.filter(isFailure).length;
}

function task({ destination }: Target, role: Task['role']): Task {
  return { destination, role };
}

function shift(tasks: Task[]): Task {
  const first = tasks.shift();
  if (first === undefined) throw new Error('unreachable: there is a task');
  return first;
}
