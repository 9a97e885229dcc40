import {
  FaultLog,
  monotonicSeconds,
  openLog,
  someOf,
  StartFault,
  SteadyClock,
  type HostPaths,
  type OpenLog,
  type ReadConfig,
  type Resources,
  type ServerConfig,
} from '@banshare/runtime';
import { answerZap } from '@banshare/transport';
import { Admissions } from './ports/admissions.ts';
import { FloodWatch } from './intake/flood-watch.ts';
import type { Generation } from './setup/generations.ts';
import { HostBook } from './fleet/hosts.ts';
import { TokenBook } from './fleet/tokens.ts';
import { Freeze } from './judging/freeze.ts';
import { NeverBan } from './never-ban/never-ban.ts';
import { OwnAddresses } from './never-ban/server-addresses.ts';
import { BannedAnywayWatch } from './never-ban/banned-anyway.ts';
import { LatencyBook } from './metrics/latency.ts';
import { Tally } from './metrics/tally.ts';
import { Measuring } from './operator/metrics.ts';
import { LedgerWatch } from './operator/outages.ts';
import { GenerationBook } from './ledger/books/generations.ts';
import { removeKeys } from './operator/deeds/retire.ts';
import { Claims } from './ledger/books/claims.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { Log as SharedLog } from './log/log.ts';
import type { PostgresLogOptions } from './log/postgres-log.ts';
import { keepSnapshots } from './keep-snapshots.ts';
import { openLedger } from './share.ts';
import { curvesOf } from './words/hosts/host.ts';
import { removeCopy } from './ledger/books/backup-file.ts';

/** What the daemon is started with; `fanOut` is how this program starts its fan-out child. */
export type ServeOptions = {
  config: ServerConfig;
  generations: readonly Generation[];
  paths: HostPaths;
  fanOut: { path: string; args: readonly string[] };
  /** Where the log is that several servers share; undefined where this one is alone. */
  log?: PostgresLogOptions | undefined;
  /** Reads configuration and keys anew, as at the start. */
  reread: () => Promise<ReadConfig<ServerConfig>>;
};

/** What every part of a running server works with. */
export type Core = {
  /** Those in service. */
  generations: Generation[];
  log: OpenLog;
  faults: FaultLog;
  ledger: Ledger;
  shared: SharedLog | undefined;
  claims: Claims;
  book: HostBook;
  admissions: Admissions;
  tokens: TokenBook;
  neverBan: NeverBan;
  freeze: Freeze;
  floods: FloodWatch;
  clock: SteadyClock;
  ledgerWatch: LedgerWatch;
  bannedAnyway: BannedAnywayWatch;
  tally: Tally;
  latency: LatencyBook;
  measuring: Measuring;
};

/** Opens the ledger, and whatever every part needs of it. @throws StartFault when it cannot be used. */
export async function openCore(
  { config, generations, paths, log: logOptions }: ServeOptions,
  resources: Resources,
  signal: AbortSignal,
): Promise<Core> {
  const log = await openLog(config.log);
  const { ledger, shared } = await openLedger(paths.ledger, logOptions, log, resources, signal);
  const clock = new SteadyClock(await ledger.lastTime());
  const inService = await settleGenerations(ledger, generations, { paths, log, now: clock.now() });
  // A backup that was killed left it: as long as the ledger, and as secret.
  removeCopy(paths.ledger);
  const book = new HostBook(ledger);
  const admissions = new Admissions();
  for (const { name, joinKey } of inService) admissions.admitJoining(name, joinKey);
  const tokens = new TokenBook(ledger, admissions, inService, () => clock.now());
  for (const curve of book.active().flatMap(curvesOf)) admissions.admitHost(curve);
  const claims = new Claims(ledger, () => shared?.time() ?? clock.now());
  keepSnapshots({ ledger, shared, lines: log, claims }, paths.ledger, resources);
  const own = new OwnAddresses(() => inService.flatMap(({ fleet }) => fleet.servers));
  resources.own('looking up the own addresses', own.start());
  const neverBan = new NeverBan(
    ledger,
    { ...config.neverBan, goneAfterSeconds: config.enrolment.goneAfterSeconds },
    own,
  );
  const floods = new FloodWatch();
  const zap = await answerDoors({ admissions, book, tokens, neverBan, floods, clock });
  const [tally, latency] = [new Tally(), new LatencyBook()];
  hearHosts({ ledger, book, neverBan, clock, tally, latency });
  resources.own('the doorkeeper', () => zap.close());
  return {
    generations: inService,
    log,
    faults: new FaultLog(log, monotonicSeconds),
    ledger,
    shared,
    claims,
    book,
    admissions,
    tokens,
    neverBan,
    freeze: new Freeze(ledger),
    floods,
    clock,
    ledgerWatch: new LedgerWatch(),
    bannedAnyway: new BannedAnywayWatch(ledger, neverBan),
    tally,
    latency,
    measuring: new Measuring(),
  };
}

/** Answers who knocks at the ports, and tells whoever goes by that. @throws where this process has such a door already. */
function answerDoors({
  admissions,
  book,
  tokens,
  neverBan,
  floods,
  clock,
}: Pick<Core, 'admissions' | 'book' | 'tokens' | 'neverBan' | 'floods' | 'clock'>): ReturnType<
  typeof answerZap
> {
  return answerZap(({ domain, key, address }) => {
    const admission = admissions.decide(domain, key, address);
    const host = book.byCurve(key);
    const isAtReports = domain.startsWith('report/');
    if (admission !== 'admit') {
      // One that waits, and has nothing to join by any more, shows so that it still does.
      if (isAtReports && host?.state === 'pending') book.hear(host, clock.now());
    } else if (host === undefined) {
      floods.joined();
      tokens.knocked(key, address);
    } else if (isAtReports) {
      neverBan.arrived(host, address, clock.now());
      floods.knocked(host);
    }
    return admission;
  });
}

/**
 * Notes which generations this server has, and returns those that it shall serve. The keys of what was retired through another server while
 * this one was away are removed; a server that is alone has what is installed, since nobody else can have said so.
 * @throws StartFault where all are retired, and keeps their keys then.
 */
async function settleGenerations(
  ledger: Ledger,
  generations: readonly Generation[],
  { paths, log, now }: { paths: HostPaths; log: Pick<OpenLog, 'notice'>; now: number },
): Promise<Generation[]> {
  const book = new GenerationBook(ledger);
  const names = generations.map(({ fleet }) => fleet.generation);
  if (ledger.replica() === undefined)
    for (const name of names) if (book.isRetired(name)) await ledger.write(() => book.unretire(name));
  const isRetired = ({ fleet }: Generation): boolean => book.isRetired(fleet.generation);
  const inService = generations.filter((generation) => !isRetired(generation));
  if (inService.length === 0)
    throw new StartFault(
      `Cannot serve: ${someOf(names)} is retired, through another server, and this one lacks ${someOf(book.inService())}; run the server-install.sh here that the other servers were installed with`,
    );
  const known = book.inService();
  const isNews = names.some((name) => !known.includes(name));
  if (isNews && !ledger.isShut) await ledger.write(() => book.enter(names, now));
  for (const generation of generations.filter(isRetired)) {
    removeKeys(paths.generations, generation);
    const again = `banshare-server retire ${generation.fleet.generation} --undo, and install it again`;
    log.notice('Removed the keys of a generation that is retired', { generation: generation.name, again });
  }
  return inService;
}

/** Tells what goes by the words of hosts of each acknowledgement. */
function hearHosts({
  ledger,
  book,
  neverBan,
  clock,
  tally,
  latency,
}: Pick<Core, 'ledger' | 'book' | 'neverBan' | 'clock' | 'tally' | 'latency'>): void {
  book.onAcknowledged((host, ack) => {
    neverBan.tells(host, clock.now());
    // A word of another history says nothing of this one's events; between two of this one it would have them timed anew.
    if (host.position?.epoch !== ledger.head().epoch) return;
    tally.acknowledged(host, clock.now(), ack?.took !== undefined);
    if (ack?.took === undefined) return;
    tally.applied(latency.applied(host.id, ack.took, clock.now()));
  });
}
