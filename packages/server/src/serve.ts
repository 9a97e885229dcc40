import { randomBytes } from 'node:crypto';
import type { Event } from '@banshare/protocol';
import {
  failpoint,
  FaultLog,
  monotonicSeconds,
  openLog,
  serveAdmin,
  SteadyClock,
  type HostPaths,
  type Log,
  type Resources,
  type ServerConfig,
} from '@banshare/runtime';
import { answerZap, ReportPort } from '@banshare/transport';
import { answerAdmin } from './admin.ts';
import { Distributor } from './distribute.ts';
import { Admissions } from './domains.ts';
import { endpointsOf, openReportPort } from './doors.ts';
import type { Generation } from './generations.ts';
import { HostBook } from './host-book.ts';
import { Intake } from './intake.ts';
import type { Policy } from './judge.ts';
import { pump } from './pump.ts';
import { SqliteLedger } from './sqlite-ledger.ts';
import { startUpkeep } from './upkeep.ts';

/** What the daemon is started with; `fanOut` is how this program starts its fan-out child. */
export type ServeOptions = {
  config: ServerConfig;
  generations: readonly Generation[];
  paths: HostPaths;
  fanOut: { path: string; args: readonly string[] };
};

/** What every part of a running server works with. */
type Core = {
  log: Log;
  faults: FaultLog;
  ledger: SqliteLedger;
  book: HostBook;
  admissions: Admissions;
  clock: SteadyClock;
};

/**
 * Starts the server: ledger, doors, publish port, report port, and last the admin socket, so that whoever can ask it finds a
 * server that is ready. @throws when a port or the ledger cannot be had.
 */
export async function serve(options: ServeOptions, resources: Resources, signal: AbortSignal): Promise<void> {
  const { config, generations, paths } = options;
  const core = await openCore(options, resources);
  const distributor = distributorOf(options, core);
  resources.own('the publish port', () => distributor.close());
  const published = await distributor.open();
  const port = new ReportPort();
  resources.own('the report port', () => port.close());
  const reported = await openReportPort(port, endpointsOf(generations, config, 'report'));
  const { log, ledger, book, clock } = core;
  const policy = policyOf(config);
  const now = (): number => clock.now();
  const distribute = (events: readonly Event[]): void => {
    failpoint('before-publish');
    distributor.distribute(events);
    for (const { kind, ip, prog, jail, host, seq } of events) log.notice(kind, { ip, prog, jail, host, seq });
  };
  startIntake(options, core, { port, policy, distributor, distribute }, resources);
  const upkeep = startUpkeep({ ...core, keepSeconds: config.ledger.keepSeconds });
  resources.own('the upkeep', () => upkeep.stop());
  const parts = {
    ledger,
    book,
    policy,
    distribute,
    generations,
    clock,
    startedAt: now(),
    now,
    paths,
    config,
  };
  const admin = await serveAdmin({
    path: paths.serverSocket,
    handle: (request) => answerAdmin(request, parts),
    signal,
  });
  if (!admin.ok) throw new Error(admin.fault);
  resources.own('the admin socket', () => admin.value.close());
  for (const [index, report] of reported.entries()) {
    process.stdout.write(`banshare-server ready report=${report} publish=${published[index] ?? ''}\n`);
  }
}

async function openCore({ config, generations, paths }: ServeOptions, resources: Resources): Promise<Core> {
  const log = await openLog(config.log);
  const ledger = new SqliteLedger(paths.ledger, () => randomBytes(8).toString('hex'));
  resources.own('the ledger', () => ledger.close());
  const book = new HostBook(ledger);
  const admissions = new Admissions();
  for (const { name, joinKey } of generations) admissions.admitJoining(name, joinKey);
  for (const host of book.all()) admissions.admitHost(host.curve);
  const zap = await answerZap(({ domain, key }) => admissions.decide(domain, key));
  resources.own('the doorkeeper', () => zap.close());
  const clock = new SteadyClock(await ledger.lastTime());
  return { log, faults: new FaultLog(log, monotonicSeconds), ledger, book, admissions, clock };
}

function distributorOf({ config, generations, fanOut }: ServeOptions, core: Core): Distributor {
  const { log, ledger, admissions, clock } = core;
  return new Distributor({
    program: fanOut,
    endpoints: endpointsOf(generations, config, 'publish'),
    keys: () => admissions.hostKeys(),
    head: () => ledger.head(),
    now: () => clock.now(),
    notices: {
      lost: (reason) =>
        log.error('The fan-out child is gone and is started again; clients catch up', { reason }),
      opened: (endpoints) => log.info('Publishing', { at: endpoints.join(' ') }),
    },
  });
}

function startIntake(
  { generations }: ServeOptions,
  { log, faults, ledger, book, admissions, clock }: Core,
  to: {
    port: ReportPort;
    policy: Policy;
    distributor: Distributor;
    distribute: (events: readonly Event[]) => void;
  },
  resources: Resources,
): void {
  const intake = new Intake({
    port: to.port,
    ledger,
    book,
    policy: to.policy,
    serverKeys: new Set(generations.map(({ curve }) => curve.publicKey)),
    admit: async (curve) => {
      admissions.admitHost(curve);
      await to.distributor.admit(curve);
    },
    distribute: to.distribute,
    notices: noticesTo(log, faults),
    now: () => clock.now(),
  });
  const pumping = pump(to.port, (messages) => intake.handle(messages));
  resources.own('the intake', async () => {
    to.port.close();
    await pumping;
  });
}

function policyOf(config: ServerConfig): Policy {
  return {
    windowSeconds: config.dedupe.windowSeconds,
    defaultDurationSeconds: config.bans.defaultDurationSeconds,
    maxDurationSeconds: config.bans.maxDurationSeconds,
    escalationSeconds: config.bans.escalation,
  };
}

function noticesTo(log: Log, faults: FaultLog): ConstructorParameters<typeof Intake>[0]['notices'] {
  return {
    refused: ({ code, reason }, from) =>
      faults.fault(`${from} ${code}`, 'Refused a request', { from, code, reason }),
    enrolled: ({ name }, wanted) => {
      if (name === wanted) log.notice('Enrolled a host', { name });
      else log.warning('Enrolled a host whose name was taken', { wanted, name });
    },
    ledgerFailed: (error) =>
      faults.fault('ledger', 'Cannot write the ledger; senders try again', { error: error.message }),
  };
}
