import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { OPERATOR, type HostName, type Position, type Receipt } from '@banshare/protocol';
import {
  type AdminReply,
  type ClientConfig,
  FaultLog,
  type FleetNote,
  type HostPaths,
  type Log,
  monotonicSeconds,
  openLog,
  type ReadConfig,
  type Resources,
  serveAdmin,
  spoolFilesIn,
  type ServerEndpoint,
  StartFault,
  tell,
  wallSeconds,
} from '@banshare/runtime';
import { answerAdmin, type AdminParts } from './admin/admin.ts';
import { startApplier } from './applier.ts';
import type { Applier } from './apply/apply.ts';
import { CatchUpHold } from './apply/catch-up-hold.ts';
import { receiptOf } from './bans/receipt.ts';
import { stayConnected, type ConnectionParts } from './follow/connection.ts';
import { buildEnforcers, INPUT } from './host-enforcer/build.ts';
import type { Enforcer } from './enforcers/enforcer.ts';
import { BanTimes } from './worth/took.ts';
import { identify, joinedOf, nameOf } from './identify.ts';
import { dropWatchOf, startCounting } from './drop-watch.ts';
import { hostEnforcer } from './host-enforcer/host-enforcer.ts';
import { type EnrolledKey, goByName, readEnrolled } from './identity/key-files.ts';
import { SharedBans } from './host/shared-bans.ts';
import { Notes } from './host/echo-notes.ts';
import { OwnKey } from './identity/own-key.ts';
import { changeEnforcers } from './enforcer-change/begin.ts';
import { goOnPausing, goOnResuming } from './decide/pause.ts';
import { Progress } from './follow/progress.ts';
import { ProtectionWatch } from './decide/newly-protected.ts';
import { ServerAddresses } from './protection/server-addresses.ts';
import { Protection, THIS_MACHINE } from './protection/protect.ts';
import { noteOrder } from './server/server-address.ts';
import { ServerChoice } from './server/server-choice.ts';
import { noteGeneration } from './follow/generation-move.ts';
import { ServerClock } from './server/server-clock.ts';
import { State } from './bans/state.ts';
import type { Reconciler } from './apply/reconcile.ts';
import { startReconcilers } from './reconcilers.ts';
import { reloaderOf } from './reload.ts';
import { SpoolKeeper } from './host/spool-keeper.ts';
import { openMetrics } from './open-metrics.ts';
import { recordNews } from './decide/record-news.ts';
import { resumePending, startClockwork } from './apply/expiry.ts';
import type { Choice } from './bans/choice.ts';
import type { News } from './bans/news.ts';
import { choiceOf, type DecideParts } from './decide/parts.ts';
import { rotateHere } from './identity/rotate.ts';
import { Tally } from './metrics/tally.ts';
import { Bell } from './follow/acknowledge.ts';
import { mostActive } from './decide/max-active.ts';

/** `reporter` is how this host's banshare-report is run: its first words. `fleet` is the generation of `serverEndpoint`, where it is one's. */
export type RunOptions = {
  config: ClientConfig;
  serverEndpoint: ServerEndpoint;
  fleet: FleetNote | undefined;
  paths: HostPaths;
  reporter: readonly string[];
  /** Reads the configuration anew, as at the start. */
  reread: () => Promise<ReadConfig<ClientConfig>>;
};

const OTHER_KEY = 'The key of this host was changed beside this program, which goes over to it';
const SAME_KEY =
  'The server knew only the key before, as an older backup has it: this key was introduced again';

/** The client daemon: enrols where needed, then follows the fleet and applies its bans. @throws when it cannot start. */
export async function run(options: RunOptions, resources: Resources, signal: AbortSignal): Promise<void> {
  const { config, paths, serverEndpoint } = options;
  const log = await openLog(config.log);
  const faults = new FaultLog(log, monotonicSeconds);
  const state = openState(paths, resources);
  const notes = new Notes(paths.notes, new SharedBans(paths.sharedBans, wallSeconds));
  const clock = new ServerClock();
  const progress = new Progress();
  const bell = new Bell();
  const [tally, times] = [new Tally(), new BanTimes(monotonicSeconds, () => clock.now())];
  clearInput(paths);
  const enforcerHost = { paths, log, notes, memory: (name: string) => state.memory(name) };
  const enforcers = buildEnforcers(config, enforcerHost);
  const enforcer = hostEnforcer(enforcers, config, enforcerHost);
  await sayWhatIsMissing(enforcer, log);
  const applier = startApplier(config, { log, state, enforcer, clock, bell, tally, times }, resources);
  const server = new ServerAddresses(serverEndpoint.servers, paths);
  const servers = choiceOfServers(options);
  const protection = new Protection({ config, paths, machine: THIS_MACHINE, server, fault: faultOf(faults) });
  const parts = takeParts(config, { paths, log, state, applier, clock, protection, bell });
  const reloader = reloaderOf(options, { parts, protection, applier, log }, resources);
  const ownKey = new OwnKey();
  const deeds = { rotate: rotatorOf(options, ownKey, servers, log), joined: joinedOf(options, resources) };
  const reconcilers: Reconciler[] = [];
  const dropped = dropWatchOf({ enforcers, state, clock, progress, bell, faults });
  const receipt = (): Receipt => receiptOf({ ...config.apply, state, enforcer, reconcilers });
  const told = { receipt, dropped, protection, servers, reloader, tally, startedAt: wallSeconds() };
  const seen = { enforcer, state, progress, applier, parts, ...deeds, ...told };
  const left = await beforePauses(parts, async () => {
    await listenToAdmin({ ...options, ...seen }, resources, signal);
    openMetrics({ config, log, faults }, { ...seen, paths }, resources);
    return changeEnforcers(config, enforcerHost, parts, applier, () => !signal.aborted);
  });
  const key = await identify(options, { log, faults, progress, servers, resources }, signal);
  if (key === undefined) return;
  beginAs(key, ownKey, progress, parts.choice);
  // What was protected since the last run is lifted before anything is applied.
  resources.own('what is protected', await startProtecting(protection, parts, log));
  const hold = await goOnHeld(parts, { applier, faults, left }, resources, signal);
  resources.own('the clockwork', startClockwork(parts, { notes, faults, clock }));
  const host = { state, applier, log, faults, clock, progress, bell, notes, dropped, times };
  reconcilers.push(...startReconcilers(enforcers, host, config, resources));
  const spool = startSpool(options, faults, resources);
  const connected = stayConnected(
    {
      ...options,
      servers,
      ...host,
      ownKey,
      ...wordsOf(enforcer, options, receipt),
      found: (ip) => server.connectTo(ip),
      named: (name) => goOnAs(name, ownKey, { log, faults, paths, progress, choice: parts.choice }),
      missing: () => hold.goesOn(),
      take: whenNews({ ...options, parts, hold, spool, reconcilers, tally, ...host }),
      ...noticesTo(log, faults, spool, key.name),
    },
    signal,
  );
  resources.own('the connection', () => connected);
  startCounting(dropped, resources, signal);
}

/** @throws when the state cannot be used. */
function openState({ clientState }: HostPaths, resources: Resources): State {
  const state = new State(clientState);
  resources.own('the state', () => state.close());
  return state;
}

/** What a host tells of itself with each acknowledgement. */
function wordsOf(
  { takesRanges }: Enforcer,
  { paths: { spool }, fleet }: RunOptions,
  receipt: () => Receipt,
): Pick<ConnectionParts, 'instance' | 'generation' | 'takesRanges' | 'receipt' | 'spooled'> {
  const spooled = (): number => spoolFilesIn(spool).length;
  const generation = fleet?.generation ?? 'development';
  return { instance: randomBytes(8).toString('hex'), generation, takesRanges, receipt, spooled };
}

/** What a client that was killed had laid out for its programs. */
function clearInput({ clientRun }: HostPaths): void {
  rmSync(join(clientRun, INPUT), { recursive: true, force: true });
}

async function sayWhatIsMissing(enforcer: Enforcer, log: Log): Promise<void> {
  for (const missing of await enforcer.check()) log.warning('The enforcer cannot work yet', { missing });
  for (const says of (await enforcer.unproven?.()) ?? []) log.warning('Bans cannot be proven', { says });
}

/** A host that is not enrolled yet goes by its name. */
function choiceOfServers({ config, paths, serverEndpoint }: RunOptions): ServerChoice {
  const enrolled = readEnrolled(paths);
  const who = enrolled.ok ? enrolled.value.publicHex : nameOf(config);
  return new ServerChoice(serverEndpoint.servers, who, (order) => noteOrder(paths, order));
}

function noticesTo(
  log: Log,
  faults: FaultLog,
  spool: SpoolKeeper,
  name: HostName,
): Pick<ConnectionParts, 'inStep' | 'moved' | 'cameBack' | 'fault' | 'over' | 'writable'> {
  return {
    inStep: readyAs(name),
    writable: () => spool.checkSoon(),
    fault: faultOf(faults),
    over: (key) => faults.over(key),
    moved: (server, before) => log.notice('Follows another server than before', { server, before }),
    cameBack: (isAnother) => log.notice(isAnother ? OTHER_KEY : SAME_KEY),
  };
}

/** Does what whoever pauses this host meanwhile has to wait for. @throws what the work throws. */
async function beforePauses<T>(parts: DecideParts, work: () => Promise<T>): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<void>();
  parts.handingOver = promise;
  const done = await work();
  delete parts.handingOver;
  resolve();
  return done;
}

/** @throws StartFault when the local admin socket cannot be had. */
async function listenToAdmin(parts: AdminParts, resources: Resources, signal: AbortSignal): Promise<void> {
  const { clientSocket: path } = parts.paths;
  const admin = await serveAdmin({ path, handle: (request) => answerAdmin(request, parts), signal });
  if (!admin.ok) throw new StartFault(admin.fault);
  resources.own('the admin socket', () => admin.value.close());
}

function startSpool({ reporter, paths }: RunOptions, faults: FaultLog, resources: Resources): SpoolKeeper {
  const spool = new SpoolKeeper(reporter, paths.spool, (reason) =>
    faults.fault('spool', 'The spool waits', { reason }),
  );
  resources.own('the spool', () => spool.stop());
  return spool;
}

async function startProtecting(protection: Protection, parts: DecideParts, log: Log): Promise<() => void> {
  const watch = new ProtectionWatch(protection, parts, log);
  await watch.look();
  return watch.start();
}

/**
 * Goes on with what the program before this one left undone, a pause first of all. What is pending may have been lifted while
 * it was away, and what a restart of the machine lost too.
 */
async function goOnHeld(
  parts: DecideParts,
  host: { applier: Applier; faults: FaultLog; left: Awaited<ReturnType<typeof changeEnforcers>> },
  resources: Resources,
  signal: AbortSignal,
): Promise<CatchUpHold> {
  const { applier, faults, left } = host;
  await goOnPausing(parts, signal);
  const hold = new CatchUpHold(applier);
  resources.own('what waits for the rest', () => hold.stop());
  hold.goesOn();
  await resumePending(parts.state, applier, () => !signal.aborted);
  void goOnResuming(parts, signal, faultOf(faults));
  resources.own('what earlier enforcers hold', left.start());
  return hold;
}

/** News is taken, and what waits for a server that is heard goes on. */
function whenNews(
  host: RunOptions & {
    parts: DecideParts;
    hold: CatchUpHold;
    spool: SpoolKeeper;
    reconcilers: readonly Reconciler[];
    tally: Tally;
    times: BanTimes;
    progress: Progress;
    clock: ServerClock;
    log: Log;
  },
): (news: News) => void | Promise<void> {
  return (news) => {
    host.tally.heard(host.clock.now());
    if (news.kind === 'snapshot')
      host.log.info('Compares with all bans of the server', { bans: news.bans.length });
    if (news.kind === 'events' && host.progress.phase === 'in-step') host.times.heard(news.events);
    if (news.kind === 'events' || news.kind === 'snapshot') return recordNews(news, host.parts);
    if (news.kind === 'in-step' || news.kind === 'lagging') host.hold.isOver();
    if (news.kind !== 'in-step') return;
    noteGeneration(host.paths, host.fleet);
    host.spool.checkNow();
    for (const each of host.reconcilers) void each.compareNow();
  };
}

/** Says once that this host is in step: whoever waits for that finds no join key and no token here any more. */
function readyAs(name: string): (position: Position) => void {
  let isSaid = false;
  return ({ epoch, seq }) => {
    if (isSaid) return;
    isSaid = true;
    tell(`banshare-client ready name=${name} epoch=${epoch} applied=${seq}`);
  };
}

function beginAs(key: EnrolledKey, ownKey: OwnKey, progress: Progress, choice: Choice): void {
  ownKey.key = key;
  progress.name = key.name;
  choice.ownName = key.name;
}

/** Where the server calls this host by another name, its reports go out under that from now on, and such reports are its own. */
function goOnAs(
  name: HostName,
  ownKey: OwnKey,
  host: { log: Log; faults: FaultLog; paths: HostPaths; progress: Progress; choice: Choice },
): void {
  const { log, faults, paths, progress, choice } = host;
  if (name === progress.name) return;
  const noted = goByName(name, paths, ownKey.key);
  ownKey.rename(name);
  if (!noted.ok) faults.fault('name', noted.fault);
  log.notice('The server calls this host by another name', { name, before: progress.name });
  progress.name = name;
  choice.ownName = name;
}

/** What the local command `rotate` has the daemon do; who asks meanwhile gets the same answer. */
function rotatorOf(
  { config, serverEndpoint, paths }: RunOptions,
  ownKey: OwnKey,
  servers: ServerChoice,
  log: Log,
): () => Promise<AdminReply> {
  let underWay: Promise<AdminReply> | undefined;
  const adopt = (key: EnrolledKey): void => {
    ownKey.key = key;
    log.notice('This host goes over to a new key');
  };
  return () =>
    (underWay ??= rotateHere(
      paths,
      config.addresses,
      { ...serverEndpoint, servers: servers.order },
      adopt,
    ).finally(() => {
      underWay = undefined;
    }));
}

const faultOf = (faults: FaultLog) => (key: string, text: string) => faults.fault(key, text);

function takeParts(
  config: ClientConfig,
  host: {
    paths: HostPaths;
    log: Log;
    state: State;
    applier: Applier;
    clock: ServerClock;
    protection: Protection;
    bell: Bell;
  },
): DecideParts {
  const key = readEnrolled(host.paths);
  return {
    state: host.state,
    choice: choiceOf(config, host.state, host.protection, key.ok ? key.value.name : undefined),
    now: () => host.clock.now() ?? wallSeconds(),
    queue: (row) => host.applier.queue(row),
    isUnderWay: (ip) => host.applier.isUnderWay(ip),
    maxActive: mostActive(config),
    skipped: ({ ip, jail, prog, host: from }, reason) => {
      host.log.info('Ban', { ip, jail, from, outcome: 'skipped', reason });
      // An operator waits for it.
      if (prog === OPERATOR) host.bell.ring();
    },
  };
}
