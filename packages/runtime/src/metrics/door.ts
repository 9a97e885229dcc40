import { fork, type ChildProcess } from 'node:child_process';
import { dirname, extname } from 'node:path';
import type { FaultLog } from '../log/fault-log.ts';
import { errorText } from '../log/log-line.ts';
import type { Log } from '../log/log.ts';
import { metricsWarning, urlOf, type MetricsAddress } from '../config/kinds/metrics-kinds.ts';
import type { FromMetrics, ToMetrics } from './messages.ts';

/** The argument that makes a program the child that serves its metrics. */
export const METRICS_CHILD = '--metrics-child';

const RESTART_DELAYS_MS = [1000, 5000, 30_000];
/** JavaScript of the child: the text of two thousand hosts takes a few MB. */
const CHILD_MEBIBYTES = 64;

type DoorParts = {
  listen: MetricsAddress;
  /** This program, which is its own child. */
  program: string;
  /** What the daemon tells of itself now. */
  measure: () => unknown;
  log: Pick<Log, 'notice' | 'warning'>;
  faults: Pick<FaultLog, 'fault' | 'over'>;
};

/**
 * Serves a daemon's metrics by HTTP, in a process of its own: the daemon never reads a byte of whoever connects, and is asked at most
 * once a second. That process may write no file and start no program, and reads no file but its own. Where it cannot listen, or
 * dies, that is logged and it is started again: nothing else depends on it.
 */
export class MetricsDoor {
  readonly #parts: DoorParts;
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #reason: string | undefined;
  #isClosed = false;

  constructor(parts: DoorParts) {
    this.#parts = parts;
    const warning = metricsWarning(parts.listen);
    if (warning !== undefined) parts.log.warning('Metrics are open to others', { warning });
    this.#start();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await ended;
  }

  #start(): void {
    const { program, listen } = this.#parts;
    const child = fork(program, [METRICS_CHILD], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      execArgv: [
        '--permission',
        `--allow-fs-read=${readableFor(program)}`,
        `--max-old-space-size=${CHILD_MEBIBYTES}`,
      ],
    });
    this.#child = child;
    child.on('message', (message: FromMetrics) => void this.#hear(message, child));
    child.on('error', (error) => {
      this.#reason ??= error.message;
      // What was never started sends no exit.
      if (child.pid === undefined) this.#ended(error.message);
    });
    child.on('exit', (code, signal) => this.#ended(`it ended with ${signal ?? code}`));
    tell(child, { word: 'open', ...listen });
  }

  async #hear(message: FromMetrics, child: ChildProcess): Promise<void> {
    const { listen, log, faults, measure } = this.#parts;
    if (message.word === 'failed') this.#reason = message.reason;
    if (message.word === 'opened') {
      this.#failures = 0;
      faults.over('metrics');
      log.notice('Serves metrics', { at: urlOf({ ...listen, port: message.port }) });
    }
    if (message.word !== 'ask') return;
    try {
      tell(child, { word: 'measures', measures: await measure() });
    } catch (error) {
      faults.fault('measuring', 'Cannot measure', { error: errorText(error) });
      tell(child, { word: 'measures', measures: null });
    }
  }

  #ended(how: string): void {
    const reason = this.#reason ?? how;
    this.#child = undefined;
    this.#reason = undefined;
    if (this.#isClosed) return;
    const { faults, listen } = this.#parts;
    faults.fault('metrics', 'Cannot serve metrics, and tries again', { at: urlOf(listen), reason });
    const delay = RESTART_DELAYS_MS[Math.min(this.#failures, RESTART_DELAYS_MS.length - 1)];
    this.#failures += 1;
    this.#timer = setTimeout(() => this.#start(), delay);
  }
}

function tell(child: ChildProcess, message: ToMetrics): void {
  if (child.connected) child.send(message, () => undefined);
}

/** A bundle is all that its child has to read; in development its sources are anywhere. */
function readableFor(program: string): string {
  return extname(program) === '.ts' ? '*' : dirname(program);
}
