import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  monotonicSeconds,
  StartFault,
  wallSeconds,
  type Log as Lines,
  type Resources,
} from '@banshare/runtime';
import { stateOf } from './ledger/books/backup-file.ts';
import { Ledger } from './ledger/ledger.ts';
import { LOG_START, LogFault, type Log, type LogPosition } from './log/log.ts';
import type { PostgresLogOptions } from './log/postgres-log.ts';
import { wayOn, whyNotAgain } from './log/way-on.ts';
import { LONG_SECONDS, Patience, sayLong, type Patiently, type Told } from './sharing/patience.ts';
import { beginWithSnapshot, lastStartOver, startOver } from './sharing/start-over.ts';
import { takeSteps } from './sharing/take-steps.ts';
import type { Distributor } from './publish/distribute.ts';
import type { ReportPort } from '@banshare/transport';

/** Without its database for so long a server is stale: its hosts look for another. */
const STALE_SECONDS = 3;
/** Hosts that hear that their server is stale have listened to each other one by then. */
const LEAVE_SECONDS = 6;
const WATCH_MS = 250;

/**
 * Opens the ledger: alone, or as a replica of what several servers share, which has applied by then all that the others have committed. While
 * the database is away it waits, since a port that is open says that its server knows what the others know.
 * @throws StartFault when the ledger cannot be used.
 */
export async function openLedger(
  path: string,
  options: PostgresLogOptions | undefined,
  lines: Lines,
  resources: Resources,
  signal: AbortSignal,
): Promise<{ ledger: Ledger; shared: Log | undefined }> {
  const makeEpoch = (): string => randomBytes(8).toString('hex');
  if (options === undefined) {
    await sayLong(path, resources);
    const ledger = new Ledger(path, makeEpoch);
    resources.own('the ledger', () => ledger.close());
    return { ledger, shared: undefined };
  }
  const { PostgresLog } = await import('./log/postgres-log.ts');
  const shared = new PostgresLog(options);
  resources.own('the shared log', () => shared.close());
  const patience = new Patience(lines, signal, resources);
  const open = (): Ledger => new Ledger(path, makeEpoch, shared);
  let ledger: Ledger;
  try {
    ledger = await openReplica({ path, shared, lines, open, told: resources }, patience.patiently);
  } catch (cause) {
    if (cause instanceof LogFault) throw new StartFault(`Cannot serve: ${cause.message}`, { cause });
    throw cause;
  } finally {
    patience.end();
  }
  resources.own('the ledger', () => ledger.close());
  return { ledger, shared };
}

/** How a replica is opened. */
type Opening = { path: string; shared: Log; lines: Lines; open: () => Ledger; told: Told };

/** Opens a replica that has all that the log has; one that stops begins with a snapshot where way-on.ts says that it may, or is shut. @throws StartFault, LogFault */
async function openReplica(how: Opening, patiently: Patiently): Promise<Ledger> {
  const { path, shared, lines, told } = how;
  if (!existsSync(path)) {
    refuseLeft(path);
    const head = await patiently(() => beginWithSnapshot(shared, path));
    if (head === undefined)
      throw new StartFault(
        `Cannot begin the ledger "${path}": the shared log has no snapshot yet; start the server first that has the ledger`,
      );
  }
  const opened = await caughtUp(how, patiently);
  if (opened instanceof Ledger) return opened;
  const { fault, before } = opened;
  const refusal = whyNotAgain({ fault, last: lastStartOver(path)?.at }, wallSeconds());
  if (refusal !== undefined) return shut(how, fault, refusal);
  lines.warning('Fetches the newest snapshot of the shared log before any port is opened', {
    why: fault.message,
  });
  await told.starting('Fetches the newest snapshot of the shared log', LONG_SECONDS);
  const done = await patiently(() => startOver(shared, { path, fault, before, now: wallSeconds() }));
  if ('refused' in done)
    return shut(how, fault, `${fault.message}. It does not begin with that by itself: ${done.refused}`);
  lines.warning('Began with the newest snapshot of the shared log; the ledger of before is kept', {
    kept: done.kept,
  });
  const anew = await caughtUp(how, patiently);
  return anew instanceof Ledger ? anew : shut(how, anew.fault, anew.fault.message);
}

/**
 * Opens a replica that stopped as it is, for a server that lets nobody in and answers its operators only: a person is needed, who finds out by
 * them what for. @throws StartFault where a newer program would help, or the replica has tables of an older one
 */
function shut({ open, lines }: Opening, fault: LogFault, why: string): Ledger {
  const whole = `Cannot serve: ${why}`;
  if (wayOn(fault) === 'install') throw new StartFault(whole);
  let ledger: Ledger;
  try {
    ledger = open();
  } catch {
    throw new StartFault(whole);
  }
  const { n, aheadBy } = fault;
  ledger.shut(
    new LogFault(fault.code, why, {
      ...(n === undefined ? {} : { n }),
      ...(aheadBy === undefined ? {} : { aheadBy }),
    }),
  );
  lines.error('Opens no port: a person is needed, and banshare-server status says what for', { error: why });
  return ledger;
}

/** Opens a ledger that has applied all that there is, in tables of this version; or says why it stopped, and where it was before. @throws StartFault */
async function caughtUp(
  { path, shared, lines, open, told }: Opening,
  patiently: Patiently,
): Promise<Ledger | { fault: LogFault; before: LogPosition }> {
  // What cannot be read says so when it is opened.
  const state = stateOf(path);
  const before = state?.applied ?? LOG_START;
  if (state !== undefined && before.n === 0)
    throw new StartFault(
      `Cannot use the ledger "${path}" with the shared log: it is not of that log. To bring it there: banshare-server ledger leave, start, and ledger move into an emptied log. To begin with what is there, move the file away`,
    );
  await sayLong(path, told);
  try {
    const stepped = await patiently(() => takeSteps(shared, path));
    if (stepped !== undefined) lines.warning(stepped.isFirst ? STEPPED_FIRST : STEPPED, { ...stepped });
  } catch (error) {
    if (error instanceof LogFault) return { fault: error, before };
    throw error;
  }
  const ledger = open();
  try {
    await patiently(() => ledger.catchUp());
    return ledger;
  } catch (error) {
    const { stoppedBy: fault } = ledger;
    ledger.close();
    if (fault === undefined) throw error;
    return { fault, before };
  }
}

/** SQLite takes what lies beside a file for a part of it, also where that is of another one. @throws StartFault */
function refuseLeft(path: string): void {
  const left = ['-wal', '-journal'].map((suffix) => path + suffix).find((each) => existsSync(each));
  if (left === undefined) return;
  throw new StartFault(
    `Cannot begin the ledger "${path}": "${left}" belongs to a ledger that was moved away, and would be taken for a part of this one; move it there too`,
  );
}

const STEPPED_FIRST =
  'The first with this version of the ledger: servers with an older banshare-server close their ports until the same is installed there';
const STEPPED = 'Took the ledger to the version that the log has';
const CLOSED =
  'Closed the ports, so that all hosts go to the other servers: install the banshare-server that those have here too';
const BEHIND =
  'what other servers have committed is not applied here: is the disk full? banshare-server status says more';

const OVER =
  'This server applies nothing more, and starts again, to begin with the newest snapshot of the shared log';

/** Whether a replica that stopped begins with a snapshot at its next start. */
function startsOver({ stoppedBy: fault }: Ledger, path: string): boolean {
  return (
    fault !== undefined && whyNotAgain({ fault, last: lastStartOver(path)?.at }, wallSeconds()) === undefined
  );
}

/**
 * Whether a replica is behind: what the log had is not applied here after so long. It need not be idle, since under load the log is
 * always a little ahead.
 */
export class Lag {
  #awaited = 0;
  #since = -Infinity;

  /** Which entry is applied here and which is the last one there; now is monotonic seconds. */
  isLong({ applied, last }: { applied: number; last: number }, now: number): boolean {
    if (applied >= this.#awaited) {
      this.#awaited = last;
      this.#since = now;
    }
    return applied < this.#awaited && now - this.#since >= STALE_SECONDS;
  }
}

/**
 * Says to hosts, and in the log, when this server can commit nothing since its database is away, its replica has stopped or is behind. One
 * that would need a newer program closes its ports, once its hosts had the time to go to another; operators may still ask it. One that may
 * begin with a snapshot starts again to do so: then no port is open.
 */
export function watchShared(
  { ledger, shared, log: lines, path }: { ledger: Ledger; shared: Log | undefined; log: Lines; path: string },
  { distributor, port }: { distributor: Distributor; port: Pick<ReportPort, 'close'> },
  resources: Resources,
): void {
  if (shared === undefined) return;
  let said: string | undefined;
  let outdatedSince: number | undefined;
  const lag = new Lag();
  const stopsWith = (error: string): void => {
    const isOver = startsOver(ledger, path);
    lines.error(isOver ? OVER : 'This server applies and writes nothing more', { error });
    if (!isOver) return;
    clearInterval(timer);
    resources.startAgain();
  };
  const look = (): void => {
    const { applied, stopped, isOutdated } = ledger.replica() ?? {
      applied: 0,
      stopped: null,
      isOutdated: false,
    };
    const { fault, since, last } = shared.health();
    const now = monotonicSeconds();
    const isLong = since !== undefined && now - since >= STALE_SECONDS;
    const isBehind = lag.isLong({ applied, last }, now);
    distributor.stale(stopped !== null || isLong || isBehind);
    if (isOutdated && now - (outdatedSince ??= now) >= LEAVE_SECONDS) {
      clearInterval(timer);
      port.close();
      void distributor.close().then(() => lines.error(CLOSED, {}));
      return;
    }
    const error = stopped ?? fault?.message ?? (isBehind ? BEHIND : undefined);
    if (error === said) return;
    said = error;
    if (error === undefined) lines.notice('The shared log can be written', {});
    else if (stopped === null) lines.error('Cannot write the shared log; senders try again', { error });
    else stopsWith(error);
  };
  const timer = setInterval(look, WATCH_MS);
  resources.own('the watch of the shared log', () => clearInterval(timer));
}
