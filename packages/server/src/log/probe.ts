import { findPrimary, isRefusal, nameOf, type Line } from './line.ts';
import { LogFault } from './log.ts';
import { noStandby } from './barrier.ts';
import type { PostgresLogOptions } from './postgres-log.ts';
import { STILL } from './statements.ts';

/** Looks whether the log could be written, and changes nothing there; what it finds ends a sentence. @throws LogFault */
export async function probeLog({ durability, ...access }: PostgresLogOptions): Promise<string> {
  const line = await findPrimary(access, 0);
  try {
    const names = await standbyNames(line);
    if (durability !== 'standby')
      return `${nameOf(line.at)} can be written; ledger.durability is "${durability}"`;
    if (names === '') throw noStandby(line);
    return `${nameOf(line.at)} can be written, and waits for its standby (${names})`;
  } finally {
    line.close();
  }
}

async function standbyNames(line: Line): Promise<string> {
  try {
    const [settings] = await line.ask(STILL);
    return String(settings?.['names']);
  } catch (error) {
    throw new LogFault(
      isRefusal(error) ? 'refused' : 'away',
      `Cannot ask the log's database: ${(error as Error).message}`,
      { cause: error },
    );
  }
}
