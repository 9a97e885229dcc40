import { Fault } from '../say.ts';
import type { Target } from './hosts-file.ts';
import type { Outcome, Task } from './install-host.ts';

/** How the tasks are carried out, and when to stop. */
export type RollOut = {
  readonly carryOut: (task: Task) => Promise<Outcome>;
  /** Whether the server sees this host where it belongs. */
  readonly confirm: (outcome: Outcome) => Promise<boolean>;
  /** Called when the servers are done. */
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
  try {
    await how.afterServers();
  } catch (error) {
    if (error instanceof Fault) return stop(error.message);
    throw error;
  }
  for (let seen = 0; seen < how.canary && waiting.length > 0;) {
    if (failuresIn(outcomes) > how.maxFailures) return stop(`more than ${how.maxFailures} failed`);
    const outcome = await next();
    // Of a host that cannot be reached nothing is learnt: the next one is the canary.
    if (outcome.how === 'unreachable') continue;
    if (isFailure(outcome)) return stop(`the canary ${outcome.destination} failed`);
    if (!(await how.confirm(outcome)))
      return stop(`the server does not see the canary ${outcome.destination} on this generation`);
    seen++;
  }
  const work = async (): Promise<void> => {
    while (waiting.length > 0 && failuresIn(outcomes) <= how.maxFailures) await next();
  };
  await Promise.all(Array.from({ length: how.parallel }, work));
  return stop(`more than ${how.maxFailures} failed`);
}

export function isFailure({ how }: Outcome): boolean {
  return how === 'failed' || how === 'unreachable';
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
