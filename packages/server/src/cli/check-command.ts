import { FOR_EVER, formatDuration } from '@banshare/protocol';
import {
  complain,
  EXIT,
  hostPaths,
  metricsWarning,
  tell,
  tellJson,
  type ServerConfig,
} from '@banshare/runtime';
import { lookAtTables } from '../ledger/books/known-tables.ts';
import type { LogFault } from '../log/log.ts';
import type { PostgresLogOptions } from '../log/postgres-log.ts';
import { everyAddress, sayBansNothing } from '../never-ban/bans-nothing.ts';
import { faultsOfNotify } from '../outside/faults.ts';
import { readEverything } from '../setup/read-setup.ts';

/** What a look found: `says` is well, `hints` keep nothing from starting, faults do; the code is that of the faults. */
type Checked = {
  readonly says: readonly string[];
  readonly hints: readonly string[];
  readonly faults: readonly string[];
  readonly code: number;
};

/** `--check`: looks for all that would keep the server from starting, changes nothing, and returns the exit code. */
export async function checkAll(root: unknown, config: unknown, json: unknown): Promise<number> {
  const ledger = lookAtTables(hostPaths(String(root)));
  const found = await look(String(root), typeof config === 'string' ? config : undefined, ledger);
  if (json === true) tellJson({ faults: found.faults, ledger: ledger.tables });
  else {
    for (const line of found.says) tell(line);
    for (const line of [...found.hints, ...found.faults]) complain('banshare-server', line);
  }
  return found.code;
}

async function look(
  root: string,
  config: string | undefined,
  ledger: ReturnType<typeof lookAtTables>,
): Promise<Checked> {
  const ready = await readEverything(root, config);
  const faults = [
    ...(ready.ok ? faultsOfNotify(ready.config) : ready.faults),
    ...(ledger.isFault ? [ledger.says] : []),
  ];
  if (!ready.ok || faults.length > 0) return { says: [], hints: [], faults, code: EXIT.configuration };
  const servers = ready.generations.flatMap(({ name, fleet }) =>
    fleet.servers.length > 1
      ? [`hosts of the generation ${name} know these servers: ${fleet.servers.join(', ')}`]
      : [],
  );
  const log = ready.log === undefined ? undefined : await lookAtLog(ready.log);
  return {
    says: [
      'configuration and keys are in order',
      ledger.says,
      ...servers,
      ...(log?.says === undefined ? [] : [log.says]),
    ],
    hints: await hintsOn(ready.config),
    faults: log?.fault === undefined ? [] : [log.fault],
    code: log?.code ?? EXIT.done,
  };
}

/** What the daemon starts without, as files that say where addresses are, and what may be meant so: figures that everybody may read, no bans. */
async function hintsOn({ bans, enrich, metrics, neverBan }: ServerConfig): Promise<string[]> {
  const warning = metricsWarning(metrics.listen);
  const all = everyAddress(neverBan.addresses);
  return [
    ...(await faultsOfFiles(enrich.mmdb)),
    ...(warning === undefined ? [] : [warning]),
    ...(all.length === 0 ? [] : [sayBansNothing(all)]),
    ...shorterSteps(bans.escalation),
  ];
}

/** Each step of an escalation is for an address that came back: one that is shorter than the step before is hardly meant. */
function shorterSteps(steps: readonly number[]): string[] {
  const length = (step: number): number => (step === FOR_EVER ? Infinity : step);
  const at = steps.findIndex((step, index) => index > 0 && length(step) < length(steps[index - 1] ?? 0));
  if (at < 0) return [];
  const [before, step] = [steps[at - 1] ?? 0, steps[at] ?? 0].map((each) => `"${formatDuration(each)}"`);
  return [
    `[bans] escalation gets shorter, from ${before} to ${step}: who comes back is banned for less time, ban ${at + 1} of an address ends sooner than ban ${at}. Order it from the shortest to the longest`,
  ];
}

async function faultsOfFiles(files: readonly string[] = []): Promise<string[]> {
  const { Enrichment } = await import('../enrich/enrichment.ts');
  const enrichment = new Enrichment(files, { fault: () => undefined, over: () => undefined });
  await enrichment.open();
  return enrichment.faults;
}

/** Whether the log that several servers share can be written from here now: `notNow` where its database is away. */
async function lookAtLog(log: PostgresLogOptions): Promise<{ says?: string; fault?: string; code: number }> {
  const { probeLog } = await import('../log/probe.ts');
  try {
    return { says: `the log: ${await probeLog(log)}`, code: EXIT.done };
  } catch (error) {
    const { code, message } = error as Error & Partial<LogFault>;
    // A server only waits for that: the installers go by it.
    const isAway = code === 'away' || code === 'no-standby';
    return { fault: message, code: isAway ? EXIT.notNow : EXIT.configuration };
  }
}
