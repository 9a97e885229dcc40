import type { JailName, Target } from '@banshare/protocol';
import type { Notes } from '../../host/echo-notes.ts';
import type { Listing } from '../enforcer.ts';
import { areBanned, change, standingOf, tellingOf } from '../../fail2ban/requests.ts';
import { isMarked, mark, markedAction, repairsAfterCheck } from '../../fail2ban/rule-check.ts';
import { TalkError, type Talk } from '../../fail2ban/connection.ts';
import { startBehind } from '../../host/socket-start.ts';

/** memory: what it knew of fail2ban, kept over a restart of the client. */
export type WatchParts = {
  socket: string;
  notes: Notes;
  memory: { recall: () => string | undefined; remember: (text: string) => void };
};

/**
 * What was seen of a jail: how many bans it had had since its own start, the action that is marked so that such a start shows,
 * and how often its rules had been made anew.
 */
type SeenJail = { everBanned: number; action: string | undefined; repairs: number };
/** Which start of fail2ban was listed, and its jails that have bans of banshare. */
type Seen = { server: string; jails: Record<string, SeenJail> };

/** Tells what became of the bans in fail2ban: what is there, what was lost, and whether its rules stand. */
export class Fail2banWatch {
  readonly #parts: WatchParts;
  readonly #open: () => Promise<Talk>;
  #seen: Seen | undefined;
  /** Repairs that the bans are being put in place for: kept as seen once that has had its time, lest a crash forget it. */
  readonly #repairing = new Map<string, number>();

  constructor(parts: WatchParts, open: () => Promise<Talk>) {
    this.#parts = parts;
    this.#open = open;
    const seen = JSON.parse(parts.memory.recall() ?? 'null') as Seen | null;
    // What the first versions remembered has no jails.
    this.#seen = seen?.jails === undefined ? undefined : seen;
  }

  /** Whether fail2ban and its jails are still those that were listed; without one there is nothing to list. */
  async isIntact(): Promise<boolean> {
    const server = startBehind(this.#parts.socket);
    if (server === undefined) return true;
    if (server !== this.#seen?.server) return false;
    try {
      using talk = await this.#open();
      for (const [jail, { action }] of Object.entries(this.#seen.jails)) {
        if (action !== undefined && !(await isMarked(talk, jail, action))) return false;
      }
      return true;
    } catch (error) {
      // The jail or its action is gone; anything else a listing will say in its time.
      return !(error instanceof TalkError && error.fault === 'raised');
    }
  }

  /** Has fail2ban look after the rules of a jail where the address is banned: whether it had to make them anew. */
  async isRepaired(jail: JailName, ip: Target): Promise<boolean> {
    try {
      using talk = await this.#open();
      const repairs = await repairsAfterCheck(talk, jail);
      if (repairs === undefined) return await this.#isRepairedByBan(talk, jail, ip);
      const seen = this.#seen?.jails[jail];
      // Before it is listed nothing is known to be in place.
      if (seen === undefined || repairs === seen.repairs) return false;
      const isNews = this.#repairing.get(jail) !== repairs;
      if (isNews) this.#repairing.set(jail, repairs);
      else this.#see(jail, { ...seen, repairs });
      return isNews;
    } catch {
      // A listing says what is wrong.
      return false;
    }
  }

  /** What is banned in these jails, of those that there are. */
  async list(jails: readonly JailName[]): Promise<Listing> {
    const server = startBehind(this.#parts.socket) ?? '';
    const before = this.#seenOf(server);
    const held = new Map<string, Map<string, undefined>>();
    const anew = new Set<string>();
    const now: Seen['jails'] = {};
    try {
      using talk = await this.#open();
      for (const jail of jails) {
        const standing = await standingOf(talk, jail).catch(unlessMissing);
        if (standing === undefined) continue;
        held.set(jail, new Map(standing.banned.map((ip) => [ip, undefined])));
        const { isAnew, ...seen } = await lookAt(talk, jail, standing.everBanned, before?.[jail]);
        now[jail] = seen;
        if (isAnew) {
          anew.add(jail);
          this.#repairing.delete(jail);
        }
      }
    } catch (error) {
      return { ok: false, reason: (error as Error).message };
    }
    // A jail that has its first ban meanwhile is seen already; one that has none any more is forgotten.
    const meanwhile = Object.entries(this.#seenOf(server) ?? {}).filter(
      ([jail]) => !(jail in (before ?? {})),
    );
    this.#remember({ server, jails: { ...Object.fromEntries(meanwhile), ...now } });
    return { ok: true, held, isAnew: (jail) => before === undefined || anew.has(jail) };
  }

  /** A jail has a ban of banshare: from now on it shows when it is started anew. */
  async meet(talk: Talk, jail: JailName): Promise<void> {
    const seen = this.#seenOf(startBehind(this.#parts.socket) ?? '');
    // What was never listed is taken for anew as a whole.
    if (seen === undefined || jail in seen) return;
    const fresh: SeenJail = { everBanned: 0, action: undefined, repairs: 0 };
    try {
      fresh.action = (await lookAt(talk, jail, 0, undefined)).action;
      fresh.repairs = (await repairsAfterCheck(talk, jail)) ?? 0;
    } catch {
      // The ban is in place nevertheless; whether the jail was started anew shows by its count then.
    }
    this.#see(jail, fresh);
  }

  /** Where a fail2ban offers no check of its rules: banning what is banned makes it look, with a line in its log. */
  async #isRepairedByBan(talk: Talk, jail: JailName, ip: Target): Promise<boolean> {
    const [isBanned] = await areBanned(talk, jail, [ip], await tellingOf(talk));
    if (isBanned !== true) return false;
    // Should it be let go in this very moment, the ban is a new one, and its report an echo.
    const isNewNote = this.#parts.notes.write(jail, ip);
    // It counts 1 where it had to make its rules anew.
    const count = await change(talk, jail, 'banip', [ip]);
    if (isNewNote) this.#parts.notes.remove(jail, ip);
    return count === 1;
  }

  #seenOf(server: string): Seen['jails'] | undefined {
    return this.#seen?.server === server ? this.#seen.jails : undefined;
  }

  #see(jail: string, seen: SeenJail): void {
    if (this.#seen === undefined) return;
    this.#remember({ ...this.#seen, jails: { ...this.#seen.jails, [jail]: seen } });
  }

  #remember(seen: Seen): void {
    this.#seen = seen;
    this.#parts.memory.remember(JSON.stringify(seen));
  }
}

/**
 * Looks at a jail and marks it. Without the mark that it had, or with fewer bans than it had had, it was started anew, and what it
 * had may be lost.
 */
async function lookAt(
  talk: Talk,
  jail: string,
  everBanned: number,
  before: SeenJail | undefined,
): Promise<SeenJail & { isAnew: boolean }> {
  const marked = await markedAction(talk, jail);
  if (marked?.isMarked === false) await mark(talk, jail, marked.action);
  const isUnmarked = before?.action !== undefined && marked?.isMarked !== true;
  const isAnew = isUnmarked || everBanned < (before?.everBanned ?? 0);
  return { everBanned, action: marked?.action, repairs: isAnew ? 0 : (before?.repairs ?? 0), isAnew };
}

function unlessMissing(error: unknown): undefined {
  if (!(error instanceof TalkError && error.raised === 'UnknownJailException')) throw error;
}
