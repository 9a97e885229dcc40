import { isRefusal, nameOf, type Line } from './line.ts';
import { LogFault, type Durability } from './log.ts';
import { BARRIER, STILL } from './statements.ts';

/*
 * What is known of the standby: that the setting for it is there, and that a commit was acknowledged by it.
 */

type Settings = Readonly<Record<string, unknown>> | undefined;

/** Whether the setting for the standby was there all the time between two looks. */
export function isSame(one: Settings, other: Settings): boolean {
  return other?.['names'] !== '' && one?.['loaded'] === other?.['loaded'];
}

/** Makes a commit that stores nothing. passed: the standby let it go, so that all before it is there too. */
export async function passBarrier(line: Line): Promise<'passed' | 'no-standby' | 'changed'> {
  const { warnings } = line;
  const [[passed], [still]] = await Promise.all([line.ask(BARRIER), line.ask(STILL)]);
  if (still?.['names'] === '') return 'no-standby';
  return line.warnings === warnings && passed?.['names'] !== '' && isSame(passed, still)
    ? 'passed'
    : 'changed';
}

/** @throws LogFault, or what the database fails with */
export async function tryCommit(line: Line, durability: Durability): Promise<void> {
  const [tried] = await line.ask(BARRIER);
  if (tried?.['may'] !== true)
    throw new LogFault('refused', `The log's database lets this server's user not write into the table log`);
  if (durability === 'standby' && tried['names'] === '') throw noStandby(line);
}

/** @throws LogFault `away` */
export async function untilReplicated(line: Line): Promise<void> {
  try {
    if ((await passBarrier(line)) === 'passed') return;
  } catch (error) {
    if (isRefusal(error)) throw error;
    throw new LogFault(
      'away',
      `${nameOf(line.at)} answers, and no standby confirms what is written there: ${(error as Error).message}`,
      { cause: error },
    );
  }
  throw new LogFault('away', `The standby of ${nameOf(line.at)} is just being changed`);
}

/** What is said, and kept from being written, where the database has no second copy. */
export function noStandby(line: Line): LogFault {
  return new LogFault(
    'no-standby',
    `Nothing is written to the log: ${nameOf(line.at)} has no synchronous standby (synchronous_standby_names is empty), so one machine's death could lose what was answered OK; set one up, or choose another durability, in [ledger] of server.toml or by --durability of ledger move: "provider" where the provider replicates, or "none"`,
  );
}
