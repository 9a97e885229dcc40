import { originOf, type Event, type JailName } from '@banshare/protocol';
import { isOver, mayBeOurs, type BanRow, type Lift, type Standing } from './ban-row.ts';
import type { Effect } from './change.ts';
import type { Chosen } from './choice.ts';
import { NO_REASON, type Reason } from './reason.ts';

/*
 * The life of a ban on this host. Its row is in one of these states, and every change of a row is one of the steps below: a pure
 * function from the row, and what was learned, to the row that follows. Whoever learns something calls the step, and puts the
 * row into the state in the same transaction as what else changes with it; nobody else makes a row or changes its status. A row
 * says what is to be done before that is begun, so that a program that is killed does it again at its next start.
 *
 * | state      | what it means                                                        | steps that lead there                                   |
 * |------------|----------------------------------------------------------------------|---------------------------------------------------------|
 * | `pending`  | to be put in place; its command may have begun                       | published, decidedAnew, putBack, triedAgain,            |
 * |            |                                                                      | triedWithOthers, handedOver, noLongerInTheWay           |
 * | `applied`  | in place                                                             | banned, takenOver; handedOver while it has to wait      |
 * | `already`  | in place before banshare came: this host's own detection had put it there | banned                                             |
 * | `unproven` | its command succeeded, and the firewall does not show it             | banned                                                  |
 * | `failed`   | its command failed; tried again at `retryAt`, where that is set      | banned                                                  |
 * | `skipped`  | left out, for a reason                                               | published, decidedAnew, banned, keptBack, lifted        |
 * | `released` | was in place, and this host's fail2ban or a person let it go early   | banned, letGo                                           |
 * | `lifting`  | to be lifted; the row is a Lift                                      | published, ended, unbanned, unbannedToo, keptBack       |
 * | no row     | over, lifted, or never heard of                                      | lifted                                                  |
 *
 * These steps change a row and leave its state: confirmed, lacking, begun, inherited, liftFailed, moved.
 */

const FIRST_SECONDS = 5;
const LONGEST_SECONDS = 600;
/** About a day: by then a person has seen it in `status`. */
const MOST_ATTEMPTS = 150;
/** What could not be lifted for a day: a person has to see to it, and until then it is tried now and then. */
const SELDOM_SECONDS = 6 * 3600;

/** Nothing was tried yet. */
const FIRST_TRY = { attempts: 0, retryAt: null } as const;
const FRESH = { ...FIRST_TRY, isForced: false, isEveryJail: false, keptBack: NO_REASON } as const;

/**
 * A ban is published, for the first time or anew. What an earlier publication put in place stays ours; where this one must not
 * be in place, that is lifted, and the ban stays as `skipped`.
 */
export function published(event: Event, chosen: Chosen, earlier: BanRow | undefined): BanRow {
  const row = decided(event, chosen, earlier);
  const isInTheWay = !chosen.apply && chosen.isForbidden && earlier !== undefined && mayBeOurs(earlier);
  return isInTheWay ? { ...row, status: 'lifting', reason: NO_REASON, keptBack: row.reason } : row;
}

/**
 * A ban that was left out, or was being lifted, is decided about once more. What is still to be lifted, and must not be in place now
 * either, is lifted all the same, and stays as `skipped` for the new reason.
 * @param told why it was left out, as the server was told: what becomes of it now is news.
 */
export function decidedAnew(row: BanRow, chosen: Chosen, told: Reason): BanRow {
  if (row.status === 'lifting' && !chosen.apply) return { ...row, keptBack: chosen.reason };
  return { ...decided(row, chosen, row), keptBack: told };
}

function decided(event: Event | BanRow, chosen: Chosen, earlier: BanRow | undefined): Standing {
  const { ip, prog, jail, seq, at, host, until, port = '', protocol = '' } = event;
  const isAnother = earlier === undefined || isOver(earlier, at) || isEnding(earlier);
  const common = {
    ip,
    prog,
    jail,
    seq,
    at,
    host,
    until,
    port,
    protocol,
    origin: 'origin' in event ? event.origin : originOf(event),
    finder: isAnother ? host : earlier.finder,
    isOurs: earlier?.isOurs ?? false,
    ...FRESH,
  };
  const earlierJail = earlier?.localJail;
  if (!chosen.apply) {
    return { ...common, localJail: earlierJail ?? jail, status: 'skipped', reason: chosen.reason };
  }
  const isMoved = earlier?.isOurs === true && earlierJail !== undefined;
  return {
    ...common,
    localJail: isMoved ? earlierJail : chosen.localJail,
    status: 'pending',
    reason: NO_REASON,
  };
}

/** A snapshot has a ban that stands here, or was let go here: it stays as it is, at its number in the server's history. */
export function confirmed(row: BanRow, { seq, at, until }: Event): BanRow {
  return { ...row, seq, at, until };
}

/** The server has another history of the same epoch, in which this ban is of no event. */
export function lacking(row: BanRow): BanRow {
  return { ...row, seq: 0 };
}

/** A ban is over: what banshare put in place is to be lifted, and the row to be forgotten. @param seq of the event that says so. */
export function ended(row: BanRow, seq: number = row.seq): Lift {
  return { ...row, ...FRESH, status: 'lifting', reason: NO_REASON, seq };
}

/** An operator's unban runs here whatever this host knew of the ban, in the jail where it stands. */
export function unbanned(event: Event, localJail: JailName, earlier: BanRow | undefined): Lift {
  const { ip, prog, jail, seq, at, host, until, port = '', protocol = '' } = event;
  const known = earlier ?? {
    ip,
    prog,
    jail,
    host,
    until,
    port,
    protocol,
    localJail,
    isOurs: false,
    origin: originOf(event),
    finder: host,
  };
  return {
    ...known,
    ...FRESH,
    seq,
    at,
    status: 'lifting',
    reason: NO_REASON,
    isForced: true,
    isEveryJail: event.everyJail === true,
  };
}

/** The same for another ban of that address, which the server's ledger lacks, so that nobody else can ever lift it. */
export function unbannedToo(row: BanRow): Lift {
  return { ...row, ...FRESH, status: 'lifting', reason: NO_REASON, isForced: true };
}

/**
 * A ban must not be in place for a reason that may end: a pause, a protection, a host that is full. What banshare put in place, or
 * is about to, is lifted, and stays as `skipped` for the reason.
 * @param isUnderWay whether a command for its address runs: what only waits has nothing to lift.
 * @returns undefined where nothing of ours stands here, or it is lifted for good already.
 */
export function keptBack(row: BanRow, reason: Reason, isUnderWay = true): BanRow | undefined {
  if (row.status === 'skipped' || isEnding(row)) return undefined;
  const isWaiting = row.status === 'pending' && !row.isOurs && !isUnderWay;
  if (mayBeOurs(row) && !isWaiting)
    return { ...row, ...FRESH, status: 'lifting', reason: NO_REASON, keptBack: reason };
  return isWaiting || row.status === 'failed' ? { ...row, ...FRESH, status: 'skipped', reason } : undefined;
}

/** A note shows that the command of this row was begun before the program was killed: what it put in place is ours. */
export function begun(row: BanRow): BanRow {
  return { ...row, isOurs: true };
}

/**
 * The command of a ban has ended.
 * @param current the row by now: where another event, or a lift, has come meanwhile it is only told where the ban stands.
 * @param row as it was when the command began; now is epoch seconds by the server's clock.
 */
export function banned(current: BanRow, row: Standing, effect: Effect, now: number): BanRow {
  const isBegun = 'isBegun' in effect && effect.isBegun === true;
  // What banshare put in place earlier is still its own when the enforcer finds it there.
  const isOurs = row.isOurs || effect.outcome === 'applied' || isBegun;
  const settled = { ...current, localJail: effect.localJail, isOurs };
  if (settled.status !== 'pending' || settled.seq !== row.seq) return settled;
  const status = effect.outcome === 'already' && isOurs ? 'applied' : effect.outcome;
  const reason = reasonIn(effect);
  return status === 'failed' && effect.unfit === undefined
    ? { ...settled, ...afterFailure(settled, now), status, reason }
    : { ...settled, status, reason, retryAt: null };
}

/** What becomes of the reason that an effect has: of what an enforcer cannot do by its kind, that; else what it said. */
function reasonIn(effect: Effect): Reason {
  const { outcome, unfit } = effect;
  if (unfit !== undefined) return { code: 'range', text: outcome === 'failed' ? '' : unfit.join(' and ') };
  const text = 'reason' in effect ? effect.reason : '';
  return text === '' ? NO_REASON : { code: 'enforcer', text };
}

/** Another ban ends that has put the address where this one wants it too: it stays, and is lifted with this one, if it is ours to lift. */
export function inherited(heir: BanRow, from: BanRow): BanRow {
  return { ...heir, isOurs: heir.isOurs || from.isOurs };
}

/** Nothing of a lifted ban stands any more: the row is forgotten (undefined), or stays as `skipped` where the ban was kept back. */
export function lifted(row: Lift): Standing | undefined {
  if (row.keptBack.code === '') return undefined;
  return { ...row, ...FRESH, status: 'skipped', reason: row.keptBack, isOurs: false };
}

/** A lift failed: it is tried until it is done, since somebody is locked out by what still stands. now: see banned(). */
export function liftFailed(row: Lift, reason: string, now: number): Lift {
  const next = { ...row, ...afterFailure(row, now), reason: { code: 'enforcer', text: reason } as const };
  return { ...next, retryAt: next.retryAt ?? now + SELDOM_SECONDS };
}

/** It is tried again twice as long after each failure, at most ten minutes, and for about a day. */
function afterFailure({ attempts: before }: BanRow, now: number): Pick<BanRow, 'attempts' | 'retryAt'> {
  const attempts = before + 1;
  const seconds = Math.min(FIRST_SECONDS * 2 ** before, LONGEST_SECONDS);
  return { attempts, retryAt: attempts < MOST_ATTEMPTS ? now + seconds : null };
}

/** What failed has waited long enough. */
export function triedAgain(row: BanRow): BanRow {
  return row.status === 'failed' ? { ...row, status: 'pending', retryAt: null } : { ...row, retryAt: null };
}

/** The administrator may have changed the enforcer, so a range that could not be banned is tried once more; the server was told that it failed. */
export function triedWithOthers(row: Standing): Standing {
  return { ...row, status: 'pending', reason: NO_REASON, attempts: 1 };
}

/** What was in place was lost, or has to be put in place with another end. */
export function putBack(row: Standing): Standing {
  // The server was told that it could not be seen, and hears what comes of it now.
  const told: Reason = row.status === 'unproven' ? { code: 'unproven', text: row.reason.text } : NO_REASON;
  return { ...row, ...FRESH, status: 'pending', reason: NO_REASON, keptBack: told };
}

/** What was in place is there no more, and nothing was lost: fail2ban or a person let it go. It stays so. */
export function letGo(row: Standing): Standing {
  return { ...row, status: 'released', isOurs: false, reason: NO_REASON };
}

/** Where a ban stands, or is to stand, once this host has other enforcers; isOurs: what stands there is banshare's already. */
type Whereabouts = Pick<BanRow, 'localJail' | 'isOurs'>;

/** This host has other enforcers, and they need not be told of this ban, or it is about to be lifted. */
export function moved(row: BanRow, there: Whereabouts): BanRow {
  return { ...row, ...there };
}

/**
 * This host has other enforcers, which are to put this ban in place.
 * @param mustWait the earlier enforcer has to lift it first, since both may act on the same thing: it stands as it does until then.
 */
export function handedOver(row: Standing, there: Whereabouts, mustWait: boolean): Standing {
  // Of what was not simply applied the server was told.
  const told = row.status === 'failed' ? row.reason : NO_REASON;
  return {
    ...row,
    ...there,
    ...FRESH,
    status: mustWait ? 'applied' : 'pending',
    reason: NO_REASON,
    keptBack: told,
  };
}

/** What an earlier enforcer held of a ban is lifted, for which handedOver() had it wait. */
export function noLongerInTheWay(row: Standing): Standing {
  return { ...row, status: 'pending' };
}

/** What an earlier enforcer put in place stands right where this ban wants it: it is this one's from now on, and ours to lift. */
export function takenOver(heir: BanRow): BanRow {
  return heir.status === 'already' ? { ...heir, status: 'applied', isOurs: true } : { ...heir, isOurs: true };
}

/** Whether a ban is lifted for good, and not only kept back. */
function isEnding({ status, keptBack: why }: BanRow): boolean {
  return status === 'lifting' && why.code === '';
}
