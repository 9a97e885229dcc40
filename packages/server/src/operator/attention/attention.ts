import { sayNewcomer } from '../../never-ban/fleet-addresses.ts';
import type { OutOfPlace } from '../../fleet/in-place.ts';
import { sayRate } from '../../judging/rate-watch.ts';
import { sayNamesake } from '../../fleet/namesake.ts';
import { MOST_SINGLE, number, sayFull, span, time } from '../../words/phrases.ts';
import { widerText } from '../../words/wider-ranges.ts';
import { someOf } from '@banshare/runtime';
import { backupToDo } from './backup-attention.ts';
import { drillFailed, drillToDo } from './drill-attention.ts';
import type { Entry, Facts, Trouble } from './facts.ts';
import type { AttentionKind } from './kinds.ts';
import { messagesAttention } from './messages.ts';
import { bansNothing } from './never-ban-attention.ts';
import { oldNode } from './node-attention.ts';
import { frozen, frozenLong } from './freeze-attention.ts';
import {
  aloneAmongServers,
  clocksApart,
  lackingGeneration,
  needsRestart,
  noGeneration,
  replicaStopped,
  startedOver,
  unreplicated,
} from './servers-attention.ts';

/** What gets somebody out of bed, and what waits until the morning. */
export type Attention = { urgent: Entry[]; todo: Entry[] };

/** In a fleet of up to so many hosts each one that is behind is looked at, at once: there something is not always away. */
const SMALL_FLEET = 20;
/** Seconds that one host of a larger fleet may be behind before that is anything to do. */
const HOST_PATIENCE = 3600;
/** More than this share of the hosts, not in place for so many seconds, is urgent. */
const URGENT_SHARE = 0.1;
const FLEET_PATIENCE = 900;
/** The fan-out child that ends is there again in less. */
const PUBLISH_PATIENCE = 10;
/** Who was heard of within so many seconds is not silent: a host that has joined says within 5 s what it has. */
const NEW_SECONDS = 30;

/** What waits until the morning, in the order in which it is said. */
const TODO: readonly ((facts: Facts) => Entry[])[] = [
  unreplicated,
  bansNothing,
  startedOver,
  clocksApart,
  frozen,
  heldNewcomers,
  heldBlocks,
  held,
  enrolmentIsLimited,
  paused,
  failing,
  full,
  blind,
  unproven,
  behind,
  wrongClocks,
  doubled,
  pending,
  renamed,
  clockJump,
  drillToDo,
  lacking,
  needsRestart,
  messagesAttention,
  aloneAmongServers,
  lackingGeneration,
  backupToDo,
  oldNode,
  enrichmentBroken,
];

/**
 * Turns what is so into what a person has to know, in two levels: urgent is what bans strangers, locks somebody out or leaves
 * the fleet without protection now. Each kind of thing is one function below; a new kind is one more in these two lists.
 */
export function attentionOf(facts: Facts): Attention {
  return {
    urgent: [
      cannotCommit,
      replicaStopped,
      noGeneration,
      cannotPublish,
      olderCopy,
      fleetIsBehind,
      bannedHosts,
      bannedAnyway,
      unusualRate,
      drillFailed,
      frozenLong,
    ].flatMap((kind) => kind(facts)),
    todo: TODO.flatMap((kind) => kind(facts)),
  };
}

/** Hosts that are behind and no reason to wake anybody yet: named, and counted by no exit code. */
export function behindForNow(facts: Facts): Trouble[] {
  return facts.behind.filter((trouble) => !isForPerson(trouble, facts));
}

/** The same of hosts on which not every ban is in place. */
export function outForNow(facts: Facts): OutOfPlace[] {
  const isPatient = (host: OutOfPlace): boolean => host.pausedSince === null && host.full === 0;
  const told = [
    ...patient(
      facts.outOfPlace.filter(({ failed }) => failed > 0),
      facts,
    ),
    ...patient(facts.outOfPlace.filter(isBlind), facts),
  ];
  return facts.outOfPlace.filter((host) => isPatient(host) && !told.includes(host));
}

/** How far a host is, and when it was last heard of. */
function troubleText({ name, lag, lagSeconds, lastSeen }: Trouble, now: number): string {
  const isNew = lastSeen !== null && now - lastSeen <= NEW_SECONDS;
  const how =
    lag > 0
      ? `${lag} behind for ${span(lagSeconds)}`
      : isNew
        ? 'new here, and has not said yet what it has'
        : 'silent';
  const seen = lastSeen === null ? 'never heard of' : `heard of ${span(now - lastSeen)} ago`;
  return `${name} is ${how}, ${seen}`;
}

function cannotCommit({ cannotCommit: outage, shared, now }: Facts): Entry[] {
  if (outage === null) return [];
  const where = shared === null ? 'the disk of this machine' : 'the database of [ledger] log';
  const text = `The ledger cannot be written since ${span(now - outage.since)}: ${outage.reason}. Reports wait on their hosts until it can; look at ${where}`;
  return [{ code: 'cannot-commit', text }];
}

function cannotPublish({ cannotPublish: outage, now }: Facts): Entry[] {
  if (outage === null || now - outage.since < PUBLISH_PATIENCE) return [];
  const text = `Nothing is published since ${span(now - outage.since)}: ${outage.reason}. Hosts catch up once it is; see journalctl -u banshare-server`;
  return [{ code: 'cannot-publish', text }];
}

function fleetIsBehind(facts: Facts): Entry[] {
  const { behind: away, outOfPlace } = facts;
  const names = new Set([
    ...away.filter(({ awaySeconds }) => awaySeconds >= FLEET_PATIENCE).map(({ name }) => name),
    ...outOfPlace.filter(({ outSeconds }) => outSeconds >= FLEET_PATIENCE).map(({ name }) => name),
  ]);
  if (!isMany(names.size, facts)) return [];
  const all = counting(facts);
  const who =
    all === 1 ? 'The one host has' : `${names.size} of ${all} hosts ${names.size === 1 ? 'has' : 'have'}`;
  const text = `${who} not been in place for ${span(FLEET_PATIENCE)} or longer: ${someOf([...names])}`;
  return [{ code: 'hosts-not-in-place', text }];
}

/** Its hosts take nothing from it. What is ahead of it nobody can check: where few say so, they may be wrong or lie. */
function olderCopy(facts: Facts): Entry[] {
  const { behind: all, head } = facts;
  const ahead = all.filter((trouble) => trouble.ahead > 0);
  if (ahead.length === 0) return [];
  const most = Math.max(...ahead.map((trouble) => trouble.ahead));
  const [who, isOne] = [someOf(ahead.map(({ name }) => name)), ahead.length === 1];
  const others = counting(facts) - ahead.length;
  const text =
    others <= ahead.length
      ? `This ledger, which ends at event ${head}, is an older copy: ${who} ${isOne ? 'has' : 'have'} up to ${most} events more of its epoch, keep their bans and take nothing from it. Put the newer ledger back, or restore a backup, which begins an epoch`
      : `${who} ${isOne ? 'says that it has' : 'say that they have'} up to ${most} events more than this ledger, which ends at event ${head}; ${others} other hosts do not. Either this ledger is an older copy: put the newer one back. Or ${isOne ? 'that host is' : 'those hosts are'} wrong, or taken over: banshare-server hosts revoke NAME`;
  return [{ code: 'older-ledger', text }];
}

function lacking({ lacking: all }: Facts): Entry[] {
  const what = 'that this ledger lacks, until their end; unban ADDRESS lifts one, restore of a backup all';
  return each('lacking', all, {
    one: ({ name, bans }) => `${name} holds ${bans} ${bans === 1 ? 'ban' : 'bans'} ${what}`,
    many: (names) => `${all.length} hosts hold bans ${what}: ${names}`,
    name: ({ name, bans }) => `${name} (${bans})`,
  });
}

/** Whether so many of the hosts that count are more than always are away. */
function isMany(count: number, facts: Facts): boolean {
  return count > counting(facts) * URGENT_SHARE;
}

function counting({ hosts, muted }: Facts): number {
  return hosts - muted.length;
}

function paused({ outOfPlace }: Facts): Entry[] {
  const all = outOfPlace.filter(({ pausedSince }) => pausedSince !== null);
  return each('paused', all, {
    one: ({ name, pausedSince, wanted }) =>
      `${name} is PAUSED since ${time(pausedSince ?? 0)}, none of ${bans(wanted)} is in place: banshare-client resume there, or hosts mute ${name} --for 8h`,
    many: (names) =>
      `${all.length} hosts are PAUSED, nothing is in place there: ${names}; banshare-client resume`,
    name: ({ name }) => name,
  });
}

function failing(facts: Facts): Entry[] {
  const all = facts.outOfPlace.filter(({ failed }) => failed > 0);
  return each('failing', patient(all, facts), {
    one: ({ name, placed, wanted, failed, why }) =>
      `${name}: ${number(placed)} of ${bans(wanted)} in place, ${number(failed)} failed${why === null ? '' : `: ${why}`}`,
    many: (names) => `${all.length} hosts have bans that failed: ${names}`,
    name: ({ name, failed, wanted }) => `${name} (${number(failed)} of ${number(wanted)})`,
  });
}

function full({ outOfPlace }: Facts): Entry[] {
  const all = outOfPlace.filter((host) => host.full > 0);
  return each('full', all, {
    one: ({ name, full: left, wanted }) =>
      `${name} is full: ${number(left)} of ${bans(wanted)} are not in place there; let nftables hold them, or raise max-active in its client.toml`,
    many: (names) => `${all.length} hosts are full, so many bans are not in place there: ${names}`,
    name: ({ name, full: left }) => `${name} (${number(left)})`,
  });
}

function blind(facts: Facts): Entry[] {
  const all = facts.outOfPlace.filter(isBlind);
  return each('blind', patient(all, facts), {
    one: ({ name, blind: why, unseenSeconds }) =>
      `${name} cannot see what is in place there: ${why ?? `it looked ${span(unseenSeconds ?? 0)} ago`}`,
    many: (names) => `${all.length} hosts cannot see what is in place there: ${names}`,
    name: ({ name }) => name,
  });
}

function unproven({ unproven: all }: Facts): Entry[] {
  const why = 'carried out, and not to be seen in the firewall; banshare-client status there says why';
  return each('unproven', all, {
    one: ({ name, count }) => `${name}: ${bans(count)} unproven, ${why}`,
    many: (names) => `${all.length} hosts have bans that are unproven, ${why}: ${names}`,
    name: ({ name, count }) => `${name} (${number(count)})`,
  });
}

function isBlind(host: OutOfPlace): boolean {
  return host.blind !== null || host.unseenSeconds !== null;
}

/** What may be over in a moment is nothing to do for one of many hosts. */
function patient(all: readonly OutOfPlace[], facts: Facts): OutOfPlace[] {
  const isNow = counting(facts) <= SMALL_FLEET || isMany(all.length, facts);
  return all.filter(({ outSeconds }) => isNow || outSeconds >= HOST_PATIENCE);
}

function bannedHosts({ bannedHosts: all }: Facts): Entry[] {
  return each('host-banned', all, {
    one: ({ host, address, bans }) =>
      `${widerText(`${host} comes from ${address}, which`, bans, 'is banned as')}`,
    many: (names) =>
      `${all.length} hosts come from addresses that are banned: ${names}; see hosts and explain`,
    name: ({ host }) => host,
  });
}

function heldNewcomers({ heldNewcomers: all }: Facts): Entry[] {
  return each('held-newcomer', all, {
    one: (newcomer) =>
      `A ban is held, since ${sayNewcomer(newcomer)}, banshare-server ban ${newcomer.address} --force bans it with that host`,
    many: (names) =>
      `Bans are held of addresses where ${all.length} hosts come from that are in the fleet for less than a day: ${names}; hosts approve NAME protects them`,
    name: ({ host, address }) => `${host} (${address})`,
  });
}

/** One host that takes single addresses only keeps the whole fleet from banning a /64: it is named, with the way out. */
function heldBlocks({ heldBlocks: all, withoutRanges }: Facts): Entry[] {
  return all.length === 0 ? [] : [{ code: 'held-block', text: sayFull(someOf(all), withoutRanges) }];
}

function unusualRate({ banRate }: Facts): Entry[] {
  if (!banRate.isAlarm) return [];
  const { bans, usually, loudest } = sayRate(banRate);
  const host = banRate.loudest?.host;
  const who =
    loudest === undefined ? '' : `; most by ${loudest}: banshare-server undo --host ${host} --since 10m`;
  return [{ code: 'ban-rate', text: `Hosts brought ${bans} new bans in 10 minutes, ${usually}${who}` }];
}

function bannedAnyway({ bannedAnyway: all }: Facts): Entry[] {
  return each('never-ban-banned', all, {
    one: ({ ip, rule }) =>
      `${ip} is banned, although it is never to be: ${rule}; banshare-server unban ${ip}`,
    many: (names) =>
      `${all.length} bans are of what is never banned: ${names}; banshare-server unban ADDRESS`,
    name: ({ ip }) => ip,
  });
}

/** What is held since a new host comes from there stays held: heldNewcomers() says what to do about it. */
function held({ held: all, heldOfNewcomers }: Facts): Entry[] {
  const count = all - heldOfNewcomers;
  if (count <= 0) return [];
  const what = `${count} ${heldOfNewcomers > 0 ? 'other ' : ''}new ${count === 1 ? 'ban is' : 'bans are'} HELD until you decide`;
  return [
    {
      code: 'held',
      text: `${what}: banshare-server held publish bans them everywhere, held discard forgets them`,
    },
  ];
}

function enrolmentIsLimited({ enrolmentHold }: Facts): Entry[] {
  if (enrolmentHold === null) return [];
  const { reason, tries, since } = enrolmentHold;
  const text = `Enrolment is LIMITED: ${reason}; ${tries} tries since ${time(since)}. If they are not yours: banshare-server enrolment closed`;
  // So it was called when programs began to read it.
  return [{ code: 'enrolment-braked', text }];
}

function behind(facts: Facts): Entry[] {
  const all = facts.behind.filter((trouble) => trouble.ahead === 0 && isForPerson(trouble, facts));
  return each('behind', all, {
    one: (trouble) => troubleText(trouble, facts.now),
    many: (names) => `${all.length} hosts are behind or silent: ${names}`,
    name: ({ name, awaySeconds }) => `${name} (${span(awaySeconds)})`,
  });
}

function isForPerson({ awaySeconds }: Trouble, facts: Facts): boolean {
  return counting(facts) <= SMALL_FLEET || awaySeconds >= HOST_PATIENCE || isMany(facts.behind.length, facts);
}

function wrongClocks({ wrongClocks: all }: Facts): Entry[] {
  return each('wrong-clock', all, {
    one: ({ name, clockAhead }) => `${name}'s clock is ${clockText(clockAhead ?? 0)}: set it by NTP`,
    many: (names) => `${all.length} hosts have a wrong clock: ${names}; set them by NTP`,
    name: ({ name, clockAhead }) => `${name} (${clockText(clockAhead ?? 0)})`,
  });
}

function doubled({ doubled: all }: Facts): Entry[] {
  return each('doubled', all, {
    one: (name) => `Two machines speak with the key of ${name}: one is a clone, and needs a key of its own`,
    many: (names) =>
      `Two machines each speak with the keys of ${all.length} hosts, one is a clone and needs a key of its own: ${names}`,
    name: (name) => name,
  });
}

function pending(facts: Facts): Entry[] {
  const { pending: all } = facts;
  return each('pending', all, {
    one: (name) =>
      `${name} waits for you: banshare-server hosts approve ${name}${namesakeText(name, facts, '; ')}`,
    many: (names) => `${all.length} hosts wait for you: ${names}; banshare-server hosts approve NAME`,
    name: (name) => name,
  });
}

function renamed(facts: Facts): Entry[] {
  const { renamed: all } = facts;
  return each('renamed', all, {
    one: ({ name, wanted }) => `${name} calls itself ${wanted}${namesakeText(name, facts, ': ')}`,
    many: (names) => `${all.length} hosts call themselves by a name that another has: ${names}`,
    name: ({ name, wanted }) => `${name} (${wanted})`,
  });
}

function clockJump({ clockJump: seconds }: Facts): Entry[] {
  if (seconds === 0) return [];
  const text = `This machine's clock is ${clockText(seconds, ' of')} the time that bans go by: set it by NTP`;
  return [{ code: 'clock', text }];
}

/** A sentence for each of a few, one for all of many. */
function each<T>(
  code: AttentionKind,
  all: readonly T[],
  say: { one: (item: T) => string; many: (names: string) => string; name: (item: T) => string },
): Entry[] {
  if (all.length <= MOST_SINGLE) return all.map((item) => ({ code, text: say.one(item) }));
  return [{ code, text: say.many(someOf(all.map(say.name))) }];
}

function namesakeText(name: string, { namesakes, now }: Facts, before: string): string {
  const namesake = namesakes.find(({ of }) => of === name);
  return namesake === undefined ? '' : before + sayNamesake(name, namesake, now);
}

function bans(count: number): string {
  return `${number(count)} ${count === 1 ? 'ban' : 'bans'}`;
}

function clockText(ahead: number, of = ''): string {
  return `${span(Math.abs(ahead))} ${ahead > 0 ? `ahead${of}` : 'behind'}`;
}

/** Countries and networks decide nothing, so that this is never urgent; but somebody misses them. */
function enrichmentBroken({ enrichmentFaults }: Facts): Entry[] {
  return enrichmentFaults.map((text) => ({
    code: 'enrichment-broken',
    text: `${text}. Lay a whole file there, readable for the user banshare-server, or take it out of [enrich] mmdb`,
  }));
}
