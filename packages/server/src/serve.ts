import { randomBytes } from 'node:crypto';
import type { Event } from '@banshare/protocol';
import {
  FaultLog,
  monotonicSeconds,
  openLog,
  serveAdmin,
  wallSeconds,
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

/**
 * Starts the server: ledger, doors, publish port, report port, and last the admin socket, so that whoever can ask it finds a
 * server that is ready. @throws when a port or the ledger cannot be had.
 */
export async function serve(options: ServeOptions, resources: Resources, signal: AbortSignal): Promise<void> {
  const { config, generations, paths } = options;
  const log = await openLog(config.log);
  const ledger = new SqliteLedger(paths.ledger, () => randomBytes(8).toString('hex'));
  resources.own('the ledger', () => ledger.close());
  const book = new HostBook(ledger);
  const admissions = new Admissions();
  for (const { name, joinKey } of generations) admissions.admitJoining(name, joinKey);
  for (const host of book.all()) admissions.admitHost(host.curve);
  const zap = await answerZap(({ domain, key }) => admissions.decide(domain, key));
  resources.own('the doorkeeper', () => zap.close());

  const distributor = new Distributor({
    program: options.fanOut,
    endpoints: endpointsOf(generations, config, 'publish'),
    keys: () => admissions.hostKeys(),
    head: () => ledger.head(),
    notices: {
      lost: (reason) =>
        log.error('The fan-out child is gone and is started again; clients catch up', { reason }),
      opened: (endpoints) => log.info('Publishing', { at: endpoints.join(' ') }),
    },
  });
  resources.own('the publish port', () => distributor.close());
  const published = await distributor.open();

  const port = new ReportPort();
  resources.own('the report port', () => port.close());
  const reported = await openReportPort(port, endpointsOf(generations, config, 'report'));
  const faults = new FaultLog(log, monotonicSeconds);
  const policy = policyOf(config);
  const distribute = (events: readonly Event[]): void => {
    distributor.distribute(events);
    for (const { kind, ip, prog, jail, host, seq } of events) log.notice(kind, { ip, prog, jail, host, seq });
  };
  const intake = new Intake({
    port,
    ledger,
    book,
    policy,
    serverKeys: new Set(generations.map(({ curve }) => curve.publicKey)),
    admit: async (curve) => {
      admissions.admitHost(curve);
      await distributor.admit(curve);
    },
    distribute,
    notices: noticesTo(log, faults),
    now: wallSeconds,
  });
  const pumping = pump(port, (messages) => intake.handle(messages));
  resources.own('the intake', async () => {
    port.close();
    await pumping;
  });
  const upkeep = startUpkeep({
    ledger,
    book,
    faults,
    keepSeconds: config.ledger.keepSeconds,
    now: wallSeconds,
  });
  resources.own('the upkeep', () => upkeep.stop());
  const startedAt = wallSeconds();
  const admin = await serveAdmin({
    path: paths.serverSocket,
    handle: (request) =>
      answerAdmin(request, { ledger, book, policy, distribute, generations, startedAt, now: wallSeconds }),
    signal,
  });
  if (!admin.ok) throw new Error(admin.fault);
  resources.own('the admin socket', () => admin.value.close());
  for (const [index, report] of reported.entries()) {
    process.stdout.write(`banshare-server ready report=${report} publish=${published[index] ?? ''}\n`);
  }
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
