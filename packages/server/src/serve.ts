import type { Target } from '@banshare/protocol';
import { tell, type Resources, type ServerConfig } from '@banshare/runtime';
import { ReportPort } from '@banshare/transport';
import { lookingBack } from './operator/looking/history.ts';
import { MessageWatch } from './operator/attention/messages.ts';
import { PageLinks } from './operator/page-links.ts';
import { openMetrics } from './open-metrics.ts';
import { openSockets } from './open-sockets.ts';
import { aim } from './judging/ban-target.ts';
import { Audit } from './ledger/books/audit.ts';
import { LimitKeeper } from './judging/limits.ts';
import { decideWith, type DecideParts } from './judging/decide.ts';
import { Distributor } from './publish/distribute.ts';
import { endpointsOf, openReportPort } from './ports/open-ports.ts';
import { cutter } from './ports/cutter.ts';
import { JoinCheck } from './fleet/join-check.ts';
import { Intake } from './intake/intake.ts';
import type { Policy } from './judging/judge.ts';
import { RateWatch, sayRate } from './judging/rate-watch.ts';
import { Membership } from './fleet/membership.ts';
import { hostsWithoutRanges } from './operator/deeds/bans.ts';
import { pump } from './ports/batches.ts';
import { Retiring, type Service } from './operator/deeds/retire.ts';
import { Rotation } from './fleet/rotation.ts';
import { BanMinutes } from './ledger/books/ban-minutes.ts';
import { publishWhatIsCommitted } from './publish-committed.ts';
import { policyOf, reloaderOf } from './reload.ts';
import { heldNotice } from './say-held.ts';
import { watchShared } from './share.ts';
import { broughtSince } from './ledger/tables/events.ts';
import { countReported, ReportedElsewhere, reportedSince } from './ledger/tables/reports.ts';
import { Opening } from './fleet/opening.ts';
import { hurryDrills } from './fleet/hurry.ts';
import { keepDrilling } from './keep-drilling.ts';
import { startUpkeep } from './upkeep.ts';
import { openCore, type Core, type ServeOptions } from './core.ts';
import { ActiveCount } from './ledger/books/active-bans.ts';

/** A host's first word with its next key shuts the one before out, and has its answer by then. */
const ANSWERS_LEAVE_MS = 100;

/**
 * Starts the server: ledger, doors, publish port, report port, and last the admin socket, so that whoever can ask it finds a
 * server that is ready. One whose ledger is shut has the admin socket alone. @throws when a port or the ledger cannot be had.
 */
export async function serve(options: ServeOptions, resources: Resources, signal: AbortSignal): Promise<void> {
  const { config, paths } = options;
  const core = await openCore(options, resources, signal);
  const { generations, ledger } = core;
  const { isShut } = ledger;
  const distributor = distributorOf(options, core);
  resources.own('the publish port', () => distributor.close());
  const published = isShut ? [] : await distributor.open();
  const port = new ReportPort();
  resources.own('the report port', () => port.close());
  const reported = isShut ? [] : await openReportPort(port, endpointsOf(generations, config, 'report'));
  const { clock } = core;
  const policy = policyOf(config);
  const now = (): number => clock.now();
  const rates = rateWatchOf(core);
  publishWhatIsCommitted(core, distributor, rates);
  if (!isShut) watchShared({ ...core, path: paths.ledger }, { distributor, port }, resources);
  const audit = new Audit(ledger);
  const membership = await membershipOf(config, core, { audit, doors: distributor });
  cutWhatIsWithdrawn(core, port, resources);
  const rotation = new Rotation({ ...core, audit, doors: distributor, now });
  const limits = new LimitKeeper(config.limits);
  const { service, retiring } = serviceOf(core, { port, distributor, directory: paths.generations });
  if (!isShut) {
    startIntake(options, core, { service, policy, membership, rotation, audit, limits }, resources);
    const upkeep = startUpkeep({ ...core, audit, membership, limits, rates, keep: () => config.ledger });
    resources.own('the upkeep', () => upkeep.stop());
  }
  const goneAfterSeconds = config.enrolment.goneAfterSeconds;
  const fleet = { service, retiring, membership, audit, goneAfterSeconds };
  const reloader = reloaderOf(options, { ...core, ...fleet, policy, limits, now }, resources);
  const parts = {
    ...core,
    ...fleet,
    policy,
    rates,
    reloader,
    messageWatch: new MessageWatch(config),
    startedAt: now(),
    now,
    paths,
    pageLinks: new PageLinks(),
    get pageActs() {
      return config.web.acts;
    },
    ...said(config),
    backup: config.backup,
    ...lookingBack(core, config.enrich.mmdb),
    sharesLedger: ledger.isShared,
    startAgain: () => void setTimeout(() => resources.startAgain(), ANSWERS_LEAVE_MS),
  };
  hurryDrills(parts);
  if (!isShut) keepDrilling(parts, resources);
  await openSockets(parts, resources, signal);
  openMetrics({ config, program: options.fanOut.path }, parts, resources);
  watchFloods(core, port, resources);
  if (isShut) tell('banshare-server shut: banshare-server status says why');
  else sayReady(reported, published);
  lookForBannedAnyway(core);
}

/** What server.toml says of drills and of the ports. */
function said({ drill, listen }: ServerConfig): Pick<ServerConfig, 'drill' | 'listen'> {
  return { drill, listen };
}

function lookForBannedAnyway({ bannedAnyway, log, clock }: Core): void {
  void bannedAnyway.look(clock.now()).catch((error: unknown) => {
    log.warning('Cannot look for bans of what is never banned', { error: (error as Error).message });
  });
}

/** The generations that are served, and what ends one, through whichever server. */
function serviceOf(
  { generations, admissions, ledger, faults }: Core,
  parts: Pick<Service, 'port' | 'distributor' | 'directory'>,
): { service: Service; retiring: Retiring } {
  const serverKeys = new Set(generations.map(({ curve }) => curve.publicKey));
  const service = { ...parts, generations, serverKeys, admissions };
  const retiring = new Retiring(service);
  retiring.follow(ledger, (generation, { message: error }) =>
    faults.fault(`retire ${generation}`, 'Cannot stop serving a generation', { generation, error }),
  );
  return { service, retiring };
}

/** Whoever is let in no more has connections at the report port that are older: all are cut, and the others come back. */
function cutWhatIsWithdrawn({ admissions }: Core, port: ReportPort, resources: Resources): void {
  const cut = (): void => void port.cut().catch(() => resources.startAgain());
  admissions.onWithdrawn(cutter(cut, ANSWERS_LEAVE_MS));
}

function watchFloods({ log, faults, floods }: Core, port: ReportPort, resources: Resources): void {
  const watch = floods.start({
    memory: ({ mebibytes, suspects }) => {
      const text =
        'Flooded at the report port by a key of the fleet: the server starts again, nothing accepted is lost';
      log.error(text, { mebibytes, suspects: suspects.join(' ') || 'nobody in particular' });
      resources.startAgain();
    },
    few: () => {
      const text = 'Connections take nearly all descriptors: all are dropped, hosts come back by themselves';
      faults.fault('connections', text, {});
      port.cut().catch(() => resources.startAgain());
    },
    out: () => {
      log.error('Connections take all descriptors: the server starts again, nothing accepted is lost', {});
      resources.startAgain();
    },
  });
  resources.own('the flood watch', () => watch.stop());
}

/** One line a generation, for whoever started the daemon and waits. */
function sayReady(reported: readonly string[], published: readonly string[]): void {
  for (const [index, report] of reported.entries()) {
    tell(`banshare-server ready report=${report} publish=${published[index] ?? ''}`);
  }
}

async function membershipOf(
  config: ServerConfig,
  core: Core,
  parts: { audit: Audit; doors: Distributor },
): Promise<Membership> {
  const { ledger, generations, clock } = core;
  return new Membership({
    ...core,
    ...parts,
    joinCheck: new JoinCheck(generations),
    opening: await Opening.begin(ledger, config.enrolment.mode, generations, clock.now()),
    newcomersPerMinute: config.enrolment.perMinute,
    ended: () =>
      core.log.warning('Enrolment is open no more: newcomers wait for banshare-server hosts approve', {
        again: 'banshare-server enrolment open --for 2h',
      }),
    limited: (reason) => core.log.error('Enrolment is limited: who has the join key?', { reason }),
    now: () => core.clock.now(),
  });
}

function rateWatchOf({ ledger, book, log, clock }: Core): RateWatch {
  return new RateWatch({
    kept: new BanMinutes(ledger),
    earlier: (since) => broughtSince(ledger.sql, ledger.head(), since),
    hosts: () => book.active().length,
    alarm: (rate) => log.error('Far more new bans than usual', sayRate(rate)),
    now: clock.now(),
  });
}

function distributorOf({ config, fanOut }: ServeOptions, core: Core): Distributor {
  const { generations, log, ledger, admissions, clock } = core;
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

function decidingOf(
  config: ServerConfig,
  { ledger, book, neverBan, freeze, clock }: Core,
  { policy, limits }: { policy: Policy; limits: LimitKeeper },
): DecideParts {
  const activeBans = new ActiveCount(ledger);
  const counted = [limits, activeBans];
  const elsewhere = ledger.isShared ? new ReportedElsewhere(ledger) : undefined;
  for (const report of reportedSince(ledger.sql, clock.now() - limits.memorySeconds))
    limits.wasReported(report);
  ledger.follow({
    begins: () => {
      for (const each of counted) each.begins();
    },
    applied: ({ isAll, isForeign, events }) => {
      const others = isAll || isForeign ? countReported(ledger.sql, events) : undefined;
      for (const each of counted) each.published(others);
      if (isAll || !isForeign) elsewhere?.skip();
      else
        for (const [host, count] of elsewhere?.take() ?? [])
          limits.reportedElsewhere(host, count, clock.now());
    },
  });
  return {
    policy,
    neverBan,
    limits,
    get quorum() {
      return config.quorum;
    },
    withoutRanges: (now: number) => hostsWithoutRanges(book, now, config.enrolment.goneAfterSeconds),
    freeze,
    activeBans,
  };
}

function startIntake(
  { config }: ServeOptions,
  core: Core,
  to: {
    service: Service;
    policy: Policy;
    membership: Membership;
    rotation: Rotation;
    audit: Audit;
    limits: LimitKeeper;
  },
  resources: Resources,
): void {
  const { ledger, book, neverBan, floods, clock } = core;
  const deciding = decidingOf(config, core, to);
  const intake = new Intake({
    port: to.service.port,
    ledger,
    book,
    decide: (submission, known) => decideWith(deciding, submission, known, submission.received),
    aim: (submission, look) => {
      const isProtected = (target: Target): boolean => neverBan.keeps(target, submission.received);
      const allTakeRanges = (): boolean => deciding.withoutRanges(submission.received).length === 0;
      return aim(submission, { ipv6Prefix: config.bans.ipv6Prefix, isProtected, allTakeRanges }, look);
    },
    limits: to.limits,
    serverKeys: to.service.serverKeys,
    secretOf: (key) => to.service.generations.find(({ curve }) => curve.publicKey === key)?.curve.secretKey,
    membership: to.membership,
    rotation: to.rotation,
    notices: {
      ...noticesTo(core),
      heard: (host, connection) => {
        const now = clock.now();
        floods.spoke(host);
        host.heardAt = now;
        neverBan.spoke(host, connection, now);
      },
      held: heldNotice(core, to.audit),
    },
    now: () => clock.now(),
  });
  const pumping = pump(to.service.port, (messages) => intake.handle(messages));
  resources.own('the intake', async () => {
    to.service.port.close();
    await pumping;
    intake.close();
    await ledger.idle();
  });
}

function noticesTo({
  log,
  faults,
  ledgerWatch,
  clock,
  tally,
}: Core): Omit<ConstructorParameters<typeof Intake>[0]['notices'], 'held' | 'heard'> {
  return {
    answered: (prog, verdict, seconds) => tally.answered(prog, verdict, seconds),
    refused: ({ code, reason }, from) =>
      faults.fault(`${from} ${code}`, 'Refused a request', { from, code, reason }),
    enrolled: ({ name }, wanted) => {
      if (name === wanted) log.notice('Enrolled a host', { name });
      else log.warning('Enrolled a host whose name was taken', { wanted, name });
    },
    rotated: ({ name }) =>
      log.notice('A host goes on with its new key; the one before is shut out', { name }),
    ledgerFailed: ({ message: error }) => {
      ledgerWatch.failed(error, clock.now());
      faults.fault('ledger', 'Cannot write the ledger; senders try again', { error });
    },
  };
}
