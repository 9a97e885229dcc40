import type { JailName, Target } from '@banshare/protocol';
import { ECHO_NOTE_SECONDS } from '@banshare/runtime';
import { addressesOnly } from '../addresses-only.ts';
import type { Enforcer, Listing } from '../enforcer.ts';
import {
  areBanned,
  bantimeOf,
  change as changeJail,
  isFrom,
  jailsOf,
  tellingOf,
  versionOf,
} from '../../fail2ban/requests.ts';
import { Talk, TalkError } from '../../fail2ban/connection.ts';
import { askingOver, type FirewallProof, type Mark, unprovenSays, withUnseen } from './firewall-proof.ts';
import { Fail2banWatch, type WatchParts } from './watch.ts';
import { startBehind } from '../../host/socket-start.ts';
import type { Change, Effect } from '../../bans/change.ts';

/** now is milliseconds of a clock that does not jump. */
export type Fail2banParts = WatchParts & {
  /** What looks for bans in the firewall; without it fail2ban's word counts. */
  proof?: FirewallProof;
  missingJail: JailName;
  timeoutMs: number;
  nowMs: () => number;
};

/** A batch blocks fail2ban's only thread: it answers nobody else meanwhile. */
const MOST_AT_ONCE = 25;
/** Whoever asks meanwhile may have to wait for two of them, and waits longer where the machine is busy. */
const LONGEST_BATCH_MS = 150;
/** What fail2ban does for a ban, a report of it too, is done by then. Seconds. */
const ECHO_SECONDS = 30;
/** Before it is known how long this fail2ban takes for a ban. */
const FIRST_BATCH = 8;

/** Bans through fail2ban's own socket: the same ban as fail2ban-client's, without a process. */
export class Fail2banEnforcer implements Enforcer {
  readonly kind = 'fail2ban';
  readonly isSerial = true;
  readonly reach = 'jail';
  readonly takesRanges = false;
  readonly #parts: Fail2banParts;
  readonly #watch: Fail2banWatch;
  #mostAtOnce = FIRST_BATCH;
  #msPerBan = 0;
  #known: { server: string; isUsable: boolean } | undefined;

  constructor(parts: Fail2banParts) {
    this.#parts = parts;
    this.#watch = new Fail2banWatch(parts, () => this.#open());
  }

  get mostAtOnce(): number {
    return this.#mostAtOnce;
  }

  async check(): Promise<string[]> {
    const { socket, missingJail } = this.#parts;
    try {
      using talk = await this.#open();
      const version = await versionOf(talk);
      if (!isKnown(version)) return [tooOld(version)];
      if ((await jailsOf(talk)).includes(missingJail)) return [];
      return [
        `fail2ban has no jail "${missingJail}" for bans whose own jail is missing here. Set it up, or another [apply] missing-jail, and reload fail2ban.`,
      ];
    } catch (error) {
      const { message } = error as Error;
      return error instanceof TalkError && error.fault === 'down'
        ? [`${message}. Install and start fail2ban, or set another [apply] enforcer.`]
        : [
            `Cannot ask fail2ban at "${socket}": ${message}. Look into its log, and restart it if this lasts.`,
          ];
    }
  }

  /** Whether this host has a fail2ban, whether or not it runs, of a version that is understood. */
  async isThere(): Promise<boolean> {
    const server = startBehind(this.#parts.socket);
    if (server === undefined) return false;
    if (this.#known?.server !== server) this.#known = { server, isUsable: await this.#isUsable() };
    return this.#known.isUsable;
  }

  async #isUsable(): Promise<boolean> {
    try {
      using talk = await this.#open();
      return isKnown(await versionOf(talk));
    } catch (error) {
      // Dead or busy it is the right one nevertheless; what it says differently from 1.0 is not understood.
      return !(error instanceof TalkError && (error.fault === 'raised' || error.fault === 'unreadable'));
    }
  }

  carryOut(changes: readonly Change[]): Promise<Effect[]> {
    return addressesOnly(this.kind, changes, (single) => this.#carryOutAll(single));
  }

  async #carryOutAll(changes: readonly Change[]): Promise<Effect[]> {
    const effects = new Map<Change, Effect>();
    const groups = Map.groupBy(changes, ({ kind, localJail }) => `${kind} ${localJail}`);
    try {
      using talk = await this.#open();
      for (const group of groups.values()) {
        const began = this.#parts.nowMs();
        for (const [each, effect] of await this.#carryOutGroup(talk, group)) effects.set(each, effect);
        this.#learn(group.length, this.#parts.nowMs() - began);
      }
    } catch (error) {
      const reason = (error as Error).message;
      return changes.map((each) => effects.get(each) ?? failed(each.localJail, reason));
    }
    return changes.map((each) => effects.get(each) ?? failed(each.localJail, 'it was not carried out'));
  }

  isIntact(): Promise<boolean> {
    return this.#watch.isIntact();
  }

  async isRepaired(jail: JailName, ip: Target): Promise<boolean> {
    const isRepaired = await this.#watch.isRepaired(jail, ip);
    if (isRepaired) this.#parts.proof?.forget(jail);
    return isRepaired;
  }

  async unproven(): Promise<string[]> {
    const { proof, missingJail } = this.#parts;
    if (proof === undefined) return [];
    try {
      using talk = await this.#open();
      if (!isKnown(await versionOf(talk)) || !(await jailsOf(talk)).includes(missingJail)) return [];
      const asking = askingOver(talk);
      await proof.begin(asking);
      const reason = await proof.prove(asking, missingJail);
      const all = proof.failing();
      if (reason !== '') all.set(missingJail, reason);
      return [...all].map(([jail, why]) => unprovenSays(jail, why));
    } catch {
      // check() says why fail2ban cannot be asked.
      return [];
    }
  }

  async isProven(jail: JailName, ip: Target): Promise<boolean> {
    const { proof, missingJail } = this.#parts;
    if (proof === undefined) return true;
    try {
      using talk = await this.#open();
      const asking = askingOver(talk);
      await proof.begin(asking);
      if (jail === missingJail && !ip.includes(':')) return (await proof.prove(asking, jail)) === '';
      return await proof.isSeen(asking, jail, ip);
    } catch {
      return false;
    }
  }

  list(jails: readonly JailName[]): Promise<Listing> {
    return this.#watch.list(jails);
  }

  #open(): Promise<Talk> {
    return Talk.open(this.#parts.socket, this.#parts.timeoutMs);
  }

  /** Changes of one kind in one jail; where that is missing here, in the jail for such bans. */
  async #carryOutGroup(talk: Talk, group: readonly Change[]): Promise<Map<Change, Effect>> {
    const [first] = group;
    if (first === undefined) return new Map();
    const { missingJail } = this.#parts;
    try {
      return await this.#attempt(talk, group, first.localJail);
    } catch (error) {
      const isMissing = error instanceof TalkError && error.raised === 'UnknownJailException';
      if (!isMissing || first.localJail === missingJail) return allFailed(group, first.localJail, error);
    }
    try {
      return await this.#attempt(talk, group, missingJail);
    } catch (error) {
      return allFailed(group, missingJail, error);
    }
  }

  async #attempt(talk: Talk, group: readonly Change[], localJail: JailName): Promise<Map<Change, Effect>> {
    const ips = group.map(({ ip }) => ip);
    const isBan = group[0]?.kind === 'ban';
    // Its own actions may report what is banned now: that report is an echo.
    const newNotes = isBan ? ips.filter((ip) => this.#parts.notes.write(localJail, ip)) : [];
    const forget = (ip: string): void => {
      if (newNotes.includes(ip as never)) this.#parts.notes.remove(localJail, ip);
    };
    let before: boolean[] | undefined;
    try {
      const how = await tellingOf(talk);
      const mark = isBan ? await this.#parts.proof?.begin(askingOver(talk)) : undefined;
      // One after the other on one connection; the second does not wait for the first answer.
      const asked = areBanned(talk, localJail, ips, how).then((answer) => (before = answer));
      const changed = changeJail(talk, localJail, isBan ? 'banip' : 'unbanip', ips);
      const [were, count] = await settle(asked, changed);
      if (isBan) await this.#watch.meet(talk, localJail);
      const differing = were.filter((was) => was !== isBan).length;
      const after = count === differing ? undefined : await areBanned(talk, localJail, ips, how);
      const effects = new Map(
        group.map((each, index): [Change, Effect] => {
          const was = were[index] === true;
          if (was === isBan) {
            forget(each.ip);
            return [each, { outcome: isBan ? 'already' : 'released', localJail }];
          }
          const isDone = after === undefined || (after[index] === true) === isBan;
          const effect: Effect = isDone
            ? { outcome: 'applied', localJail }
            : failed(localJail, `fail2ban counts ${count} and does not have it as asked`);
          return [each, effect];
        }),
      );
      if (isBan) await this.#endNotes(talk, localJail, ips);
      return mark === undefined ? effects : await this.#proven(talk, mark, localJail, effects);
    } catch (error) {
      const known = before;
      if (error instanceof TalkError && error.fault === 'raised') ips.forEach(forget);
      else if (error instanceof TalkError && isBan) {
        // The request is with fail2ban: whatever comes of it is ours, but for what was there before.
        return new Map(
          group.map((each, index) => [
            each,
            { ...failed(localJail, error.message), isBegun: known?.[index] !== true },
          ]),
        );
      }
      throw error;
    }
  }

  /**
   * A jail may let a ban go before its note is old, and what it bans from then on is this host's own detection: no note counts for longer than
   * the jail bans.
   */
  async #endNotes(talk: Talk, localJail: JailName, ips: readonly string[]): Promise<void> {
    let seconds: number;
    try {
      seconds = await bantimeOf(talk, localJail);
    } catch (error) {
      // The bans stand, whatever became of this question.
      if (error instanceof TalkError) return;
      throw error;
    }
    if (seconds < 0 || seconds >= ECHO_NOTE_SECONDS) return;
    for (const ip of ips) this.#parts.notes.end(localJail, ip, Math.max(ECHO_SECONDS, seconds));
  }

  /** What fail2ban says that it has, and what of that cannot be seen in the firewall. */
  async #proven(
    talk: Talk,
    mark: Mark,
    jail: JailName,
    effects: Map<Change, Effect>,
  ): Promise<Map<Change, Effect>> {
    const { proof } = this.#parts;
    if (proof === undefined) return effects;
    const taken = [...effects].filter(([, { outcome }]) => outcome !== 'failed');
    const asking = askingOver(talk);
    const ips = taken.map(([{ ip }]) => ip);
    let unseen: ReadonlyMap<string, string>;
    try {
      await banAnew(talk, jail, taken, (ip) => proof.isSeen(asking, jail, ip));
      unseen = await proof.unseen(asking, mark, jail, ips);
    } catch (error) {
      // It was banned, whatever became of looking.
      const reason = `the firewall could not be looked at: ${(error as Error).message}`;
      unseen = new Map(ips.map((ip) => [ip, reason]));
    }
    return new Map(
      [...effects].map(([each, effect]): [Change, Effect] => [each, withUnseen(effect, unseen.get(each.ip))]),
    );
  }

  /** As many at once as this fail2ban does in a moment. */
  #learn(count: number, tookMs: number): void {
    const measured = Math.max(tookMs / count, 1);
    // What slows it down counts at once; one quick batch does not yet mean that it is over.
    this.#msPerBan = Math.max(measured, (this.#msPerBan + measured) / 2);
    const fitting = Math.floor(LONGEST_BATCH_MS / this.#msPerBan);
    this.#mostAtOnce = Math.max(1, Math.min(MOST_AT_ONCE, fitting));
  }
}

/** fail2ban believes that it has a ban whose action failed, and runs none for it again: of ours, that is made anew. */
async function banAnew(
  talk: Talk,
  jail: string,
  taken: readonly [Change, Effect][],
  isSeen: (ip: string) => Promise<boolean>,
): Promise<void> {
  for (const [{ ip, isOurs, wasUnproven }, { outcome }] of taken) {
    if (wasUnproven !== true || !isOurs || outcome !== 'already' || (await isSeen(ip))) continue;
    await changeJail(talk, jail, 'unbanip', [ip]);
    await changeJail(talk, jail, 'banip', [ip]);
  }
}

/** Both answers; the first fault, once neither is under way any more. */
async function settle<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other]);
  return [await one, await other];
}

function allFailed(group: readonly Change[], localJail: JailName, error: unknown): Map<Change, Effect> {
  return new Map(group.map((each) => [each, failed(localJail, (error as Error).message)]));
}

function failed(localJail: JailName, reason: string): Effect & { outcome: 'failed' } {
  return { outcome: 'failed', reason, localJail };
}

/** From 0.11.1 on `banip` answers with a count, and a jail's actions can be marked and asked for their rules. */
function isKnown(version: string): boolean {
  return isFrom(version, [0, 11, 1]);
}

function tooOld(version: string): string {
  return `fail2ban ${version} is too old to be asked over its socket, which 0.11.1 can: with the enforcer "fail2ban" nothing is banned, and by fail2ban-client no lost rule or database is noticed and put back. Install a newer one, or set [apply] enforcer = "nftables".`;
}
