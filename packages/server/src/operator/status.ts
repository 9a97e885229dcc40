import { CLOCK_SECONDS, specialRange, type Receipt } from '@banshare/protocol';
import type { Enrichment } from '../enrich/enrichment.ts';
import type { HostPaths, SteadyClock } from '@banshare/runtime';
import { MOST_IN_BLOCK } from '../judging/ban-target.ts';
import type { HostBook } from '../fleet/hosts.ts';
import type { Membership } from '../fleet/membership.ts';
import { namesakeOf, type Namesake } from '../fleet/namesake.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Freeze } from '../judging/freeze.ts';
import type { RateWatch } from '../judging/rate-watch.ts';
import { everyAddress } from '../never-ban/bans-nothing.ts';
import type { NeverBan } from '../never-ban/never-ban.ts';
import { hostWorth, whyUnknown, worthOf, type HostWorth } from '../fleet/worth.ts';
import type { LatencyBook } from '../metrics/latency.ts';
import { inPlaceOf, isInPlace, mayBeInPlace, onlyListens, outOfPlace } from '../fleet/in-place.ts';
import type { BannedAnywayWatch } from '../never-ban/banned-anyway.ts';
import type { Log } from '../log/log.ts';
import { ownFacts, sharedFacts } from './attention/own-facts.ts';
import type { MessageWatch } from './attention/messages.ts';
import type { LedgerWatch } from './outages.ts';
import { hostsWithoutRanges } from './deeds/bans.ts';
import { attentionOf, type Attention } from './attention/attention.ts';
import { hasCome, type Host, isGone, isMuted, SILENT_SECONDS } from '../words/hosts/host.ts';
import type { Outage } from '../words/outage.ts';
import type { BackupWanted } from './attention/backup-attention.ts';
import { drillFacts } from './attention/drill-attention.ts';
import { GenerationBook } from '../ledger/books/generations.ts';
import { lastDrill } from '../ledger/books/last-drill.ts';
import { nodeFacts, nodeOf } from './attention/node-attention.ts';
import type { Facts, Trouble } from './attention/facts.ts';

/** Hosts acknowledge every 5 s: until then an event is on its way, afterwards its host is behind. */
const BEHIND_AFTER = 10;
/** Two processes that speak with one key are named for so long after they were last noticed. */
const DOUBLED_SECONDS = 60;

/** How the fleet is: the shape that `status --json` prints, which programs of others read, and what that means to a person. */
export type Status = Facts & Attention;

/** Where a host is. */
export type HostStatus = {
  name: string;
  state: string;
  applied: number;
  lag: number;
  lagSeconds: number;
  lastSeen: number | null;
  version: string | null;
  /** The Node that its client runs on, and until when that was known to be the newest, epoch seconds; null where that is not known. */
  node: string | null;
  nodeAsOf: number | null;
  generation: string | null;
  /** The token that it came by; null where it came otherwise. */
  token: string | null;
  /** Through which of several servers it is in the fleet; null where it knows one. */
  server: string | null;
  clockAhead: number | null;
  /** What it tells of itself, and which of those protect nothing until an operator approves them. */
  addresses: readonly string[];
  waitingAddresses: readonly string[];
  isBehind: boolean;
  /** For how long it has been behind or silent; 0 where it is not. */
  awaySeconds: number;
  /** Events of this epoch that it has beyond the head, and bans that it holds and this ledger lacks. */
  ahead: number;
  lacking: number;
  /** Whether everything that it applies can be a range; null where it never said. */
  ranges: boolean | null;
  /** What it says is really in place; null where it is older and says nothing. */
  receipt: Receipt | null;
  /** Since when not all of that is, and until when it does not count, epoch seconds. */
  outSince: number | null;
  mutedUntil: number | null;
  muteNote: string | null;
  /** Reports that wait there for a server; null where it is older. */
  spool: number | null;
  /** What its own sets have dropped, or why that is unknown. */
  dropped: HostWorth | null;
  uncounted: string | null;
  /** A new key of it waits to be used. */
  isRotating: boolean;
  /** The host that has the name it asks for. */
  namesake: Namesake | null;
};

/** What is asked about hosts. */
export type HostParts = {
  ledger: Ledger;
  book: HostBook;
  neverBan: Pick<NeverBan, 'waiting'>;
  goneAfterSeconds: number;
};

export type StatusParts = {
  ledger: Ledger;
  book: HostBook;
  generations: readonly { name: string; fleet: { generation: string; servers: readonly string[] } }[];
  sharesLedger: boolean;
  startedAt: number;
  reloader: { needsRestart: readonly string[] };
  messageWatch: Pick<MessageWatch, 'facts'>;
  clock: SteadyClock;
  membership: Pick<Membership, 'openness' | 'hold'>;
  goneAfterSeconds: number;
  neverBan: Pick<NeverBan, 'whereHostsAre' | 'waiting' | 'newcomers' | 'ruleFor' | 'newcomerAt' | 'list'>;
  rates: Pick<RateWatch, 'rate'>;
  ledgerWatch: LedgerWatch;
  bannedAnyway: Pick<BannedAnywayWatch, 'standing'>;
  shared: Pick<Log, 'health' | 'time'> | undefined;
  paths: Pick<HostPaths, 'ledger' | 'serverState'>;
  /** Writes something small to the ledger. @throws when it cannot. */
  tryWriting: () => Promise<void>;
  service: { distributor: { outage: Outage | null } };
  freeze: Pick<Freeze, 'at'>;
  latency: Pick<LatencyBook, 'lastHour'>;
  enrichment: Pick<Enrichment, 'open' | 'faults'>;
  /** What server.toml says of drills by the clock. */
  drill: { everySeconds: number | undefined; limitSeconds: number };
  /** And of the daily backup. */
  backup: BackupWanted;
};

/** How the fleet is, and what of that a person has to know. */
export async function statusOf(parts: StatusParts, now: number): Promise<Status> {
  return (await look(parts, now)).status;
}

/** The same, and every host. */
export async function look(
  parts: StatusParts,
  now: number,
): Promise<{ status: Status; hosts: HostStatus[] }> {
  // A file that was replaced may be broken; of one that was not only its date is looked at.
  await parts.enrichment.open();
  const hosts = await hostsOf(parts, now);
  const facts = await factsOf(parts, hosts, now);
  return { status: { ...facts, ...attentionOf(facts) }, hosts };
}

/** Counts who has everything. */
async function factsOf(parts: StatusParts, all: readonly HostStatus[], now: number): Promise<Facts> {
  const { epoch, seq: head } = parts.ledger.head();
  const hosts = all.filter(({ state }) => state === 'active');
  const counting = hosts.filter(({ mutedUntil }) => mutedUntil === null);
  const uptime = now - parts.startedAt;
  const heldNewcomers = parts.neverBan.newcomers(now).filter(({ address }) => parts.ledger.isHeld(address));
  const withoutRanges = hostsWithoutRanges(parts.book, now, parts.goneAfterSeconds);
  return {
    now,
    epoch,
    head,
    cannotCommit: await parts.ledgerWatch.outage(parts.tryWriting, now),
    cannotPublish: parts.service.distributor.outage,
    shared: sharedFacts(parts, now),
    activeBans: await parts.ledger.countActive(now),
    activeRanges: await parts.ledger.countRanges(now),
    withoutRanges,
    ...(await listedFacts(parts, now)),
    heldNewcomers,
    heldOfNewcomers: parts.ledger.countHeldOf(heldNewcomers.map(({ address }) => address)),
    hosts: hosts.length,
    converged: hosts.filter(({ lag, isBehind }) => lag === 0 && !isBehind).length,
    behind: counting.filter(({ isBehind }) => isBehind).map((host) => troubleOf(host, uptime)),
    ...inPlaceFacts(counting, now, uptime),
    latency: parts.latency.lastHour(now),
    worth: worthOf(parts.book.present(now, parts.goneAfterSeconds)),
    muted: hosts.flatMap(({ name, mutedUntil: until, muteNote }) =>
      until === null ? [] : [{ name, until, note: muteNote ?? '' }],
    ),
    lacking: hosts.filter(({ lacking }) => lacking > 0).map(({ name, lacking: bans }) => ({ name, bans })),
    wrongClocks: counting
      .filter(({ clockAhead }) => Math.abs(clockAhead ?? 0) > CLOCK_SECONDS)
      .map((host) => troubleOf(host)),
    clockJump: parts.clock.jump(),
    banRate: parts.rates.rate(now),
    drill: drillFacts(
      lastDrill(parts.ledger),
      parts.drill,
      counting.map(({ name }) => name),
    ),
    frozen: parts.freeze.at(now),
    heldBlocks: heldBlocks(parts, withoutRanges, now),
    held: parts.ledger.countHeld(),
    pending: all.filter(({ state }) => state === 'pending').map(({ name }) => name),
    renamed: parts.book
      .all()
      .filter((host) => isRenamed(host) && !isMuted(host, now))
      .map(({ name, wanted }) => ({ name, wanted })),
    namesakes: all.flatMap(({ name, namesake }) => (namesake === null ? [] : [{ of: name, ...namesake }])),
    ...enrolmentFacts(parts),
    doubled: doubled(parts, now),
    ...generationFacts(parts),
    servers: serversOf(parts),
    ...ownFacts(parts, now),
    ...nodeFacts(counting, now),
    hostsByGeneration: countBy(hosts.map(({ generation }) => generation ?? 'unknown')),
    startedAt: parts.startedAt,
  };
}

function generationFacts({
  generations,
  ledger,
}: StatusParts): Pick<Facts, 'generations' | 'lackingGenerations'> {
  const here = new Set(generations.map(({ fleet }) => fleet.generation));
  const known = ledger.replica() === undefined ? [] : new GenerationBook(ledger).inService();
  return {
    generations: generations.map(({ name }) => name),
    lackingGenerations: known.filter((name) => !here.has(name)),
  };
}

function enrolmentFacts({
  membership: { openness, hold },
}: StatusParts): Pick<Facts, 'enrolment' | 'enrolmentUntil' | 'enrolmentEnded' | 'enrolmentHold'> {
  const { mode: enrolment, until: enrolmentUntil, hasEnded: enrolmentEnded } = openness;
  return { enrolment, enrolmentUntil, enrolmentEnded, enrolmentHold: hold ?? null };
}

function doubled({ book }: StatusParts, now: number): string[] {
  const twice = book.all().filter(({ instances }) => instances.areTwo(now, DOUBLED_SECONDS));
  return twice.filter((host) => !isMuted(host, now)).map(({ name }) => name);
}

/** Full /64s that are banned as a whole once no host is in the way: what is never banned stays in the way of others. */
function heldBlocks(
  { ledger, neverBan }: StatusParts,
  withoutRanges: readonly string[],
  now: number,
): string[] {
  if (withoutRanges.length === 0) return [];
  return ledger
    .heldBlocks(MOST_IN_BLOCK, now)
    .filter(
      (block) =>
        specialRange(block) === undefined &&
        neverBan.ruleFor(block, now) === undefined &&
        neverBan.newcomerAt(block, now) === undefined,
    );
}

/** What hosts say of their bans; one that is silent says nothing any more. */
function inPlaceFacts(
  hosts: readonly HostStatus[],
  now: number,
  uptime: number,
): Pick<Facts, 'inPlace' | 'outOfPlace' | 'listening' | 'withoutReceipt' | 'unproven'> {
  const telling = hosts.flatMap(({ name, receipt, outSince, isBehind }) =>
    receipt === null || onlyListens(receipt) ? [] : [{ name, receipt, outSince, isBehind }],
  );
  const names = (of: (host: HostStatus) => boolean): string[] => hosts.filter(of).map(({ name }) => name);
  return {
    inPlace: inPlaceOf(
      telling.map(({ receipt, isBehind }) => ({ receipt, isComplete: !isBehind && isInPlace(receipt) })),
    ),
    outOfPlace: telling
      .filter(({ receipt }) => !mayBeInPlace(receipt))
      .map(({ name, receipt, outSince }) =>
        outOfPlace(name, receipt, Math.min(uptime, Math.max(0, now - (outSince ?? now)))),
      ),
    listening: names(({ receipt }) => onlyListens(receipt)),
    withoutReceipt: names(({ receipt, version }) => receipt === null && version !== null),
    unproven: telling.flatMap(({ name, receipt: { unproven: count } }) =>
      count === 0 ? [] : [{ name, count }],
    ),
  };
}

/** What stands between the bans and the list of what is never banned. */
async function listedFacts(
  parts: StatusParts,
  now: number,
): Promise<Pick<Facts, 'bannedHosts' | 'bannedAnyway' | 'neverBansAll'>> {
  return {
    bannedHosts: await bannedHosts(parts, now),
    bannedAnyway: await parts.bannedAnyway.standing(now),
    neverBansAll: everyAddress(parts.neverBan.list(now).map(({ range }) => range)),
  };
}

/** A host of ours that a ban shuts out: bans are never lifted for that by themselves, a person decides. */
export async function bannedHosts(
  { ledger, neverBan }: { ledger: Ledger; neverBan: Pick<NeverBan, 'whereHostsAre'> },
  now: number,
): Promise<Status['bannedHosts']> {
  const found: Status['bannedHosts'] = [];
  for (const { host, address } of neverBan.whereHostsAre(now)) {
    const bans = [...new Set((await ledger.around(address, now)).map(({ ip }) => ip))];
    if (bans.length > 0) found.push({ host, address, bans });
  }
  return found;
}

/** Where hosts reach the servers of the fleet, by every generation in service. */
export function serversOf({ generations }: Pick<StatusParts, 'generations'>): string[] {
  return [...new Set(generations.flatMap(({ fleet }) => fleet.servers))];
}

/** Lists every host and how far it is. */
export async function hostsOf(parts: HostParts, now: number): Promise<HostStatus[]> {
  return Promise.all(parts.book.all().map((host) => hostStatus(host, parts, now)));
}

/** Another server writes at least each minute, and a little later, that a host which says nothing new is there. */
const TOLD_WITHIN = 70;

/** For how long nobody has heard of a host, seconds; of one that was at another server last, as far as that has to have written it. */
function silenceOf(host: Host, isShared: boolean, now: number): number {
  const { lastSeen, enrolled } = host;
  return Math.max(0, now - (lastSeen ?? enrolled) - (isShared && isElsewhere(host) ? TOLD_WITHIN : 0));
}

/** Whether a host was at another server last, or at this one before it started. */
function isElsewhere({ heardAt, lastSeen }: Host): boolean {
  return (heardAt ?? 0) < (lastSeen ?? 0);
}

async function hostStatus(
  host: Host,
  { ledger, book, goneAfterSeconds, neverBan }: HostParts,
  now: number,
): Promise<HostStatus> {
  const { epoch, seq: head } = ledger.head();
  const applied = host.position?.epoch === epoch ? host.position.applied : 0;
  const lag = Math.max(0, head - applied);
  const [oldestMissing] = lag === 0 ? [] : await ledger.since(applied, 1);
  const lagSeconds = oldestMissing === undefined ? 0 : Math.max(0, now - oldestMissing.at);
  const silentSeconds = silenceOf(host, ledger.isShared, now);
  const { name, lastSeen, version, generation, token, server, clockAhead, addresses, ranges } = host;
  const isBehind =
    silentSeconds > SILENT_SECONDS || host.ahead > 0 || lagSeconds > BEHIND_AFTER || host.position === null;
  return {
    name,
    state: stateOf(host, now, goneAfterSeconds),
    applied,
    lag,
    lagSeconds,
    lastSeen,
    version,
    ...nodeOf(host.node),
    generation,
    token,
    server,
    clockAhead,
    addresses,
    waitingAddresses: neverBan.waiting(host, now),
    isBehind,
    awaySeconds: isBehind ? Math.max(lagSeconds, silentSeconds) : 0,
    ahead: host.ahead,
    lacking: host.lacking,
    ranges,
    receipt: host.receipt,
    outSince: host.outSince,
    ...mutingOf(host, now),
    spool: isElsewhere(host) ? null : host.spool,
    dropped: hostWorth(host.dropped),
    uncounted: whyUnknown(host.dropped),
    isRotating: host.next !== null,
    namesake: host.state === 'revoked' ? null : (namesakeOf(host, book, now)?.namesake ?? null),
  };
}

/** `admitted` is let in and has not come yet, `gone` has not been heard of for long: neither counts. */
function stateOf(host: Host, now: number, goneAfterSeconds: number): string {
  if (host.state !== 'active') return host.state;
  if (!hasCome(host)) return 'admitted';
  return isGone(host, now, goneAfterSeconds) ? 'gone' : 'active';
}

function mutingOf(host: Host, now: number): Pick<HostStatus, 'mutedUntil' | 'muteNote'> {
  const mute = isMuted(host, now) ? host.mute : null;
  return { mutedUntil: mute?.until ?? null, muteNote: mute?.note ?? null };
}

/** `mostSeconds`: a server that was down itself has not seen a host away for longer than it runs. */
function troubleOf(host: HostStatus, mostSeconds = Infinity): Trouble {
  const { name, lag, lagSeconds, awaySeconds, lastSeen, clockAhead, ahead } = host;
  const away = Math.min(awaySeconds, mostSeconds);
  return { name, lag, lagSeconds, awaySeconds: away, lastSeen, clockAhead, ahead };
}

function isRenamed({ name, wanted, state }: Host): boolean {
  return state === 'active' && wanted !== '' && name !== wanted;
}

function countBy(names: readonly string[]): Record<string, number> {
  // Hosts give the names, and every object has something by the name of `constructor` already.
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries(counts);
}
