import { FOR_EVER, isRange, type Target } from '@banshare/protocol';
import { type Counts, type Enforcer, EVERY_JAIL, type Listing, type Remaining } from '../enforcer.ts';
import type { Change, Effect } from '../../bans/change.ts';

/** An address and how many seconds it is banned, -1 for ever. */
export type Timed = { ip: Target; seconds: number };

/** One change of the sets, of addresses or of ranges: `move` is there and gets another end, `drop` may be there. */
export type SetChange = { put: Timed[]; move: Timed[]; drop: Target[] };

/** The sets of a kind of firewall. */
export type Sets = {
  readonly kind: string;
  /** Whether IPv4 and IPv6 are two things, of which one may be missing. */
  readonly perFamily?: true;
  /** Whether what a change of this address needs cannot be on this host, as was seen last. */
  lacks?(ip: Target): boolean;
  /** The sentences of what is missing. */
  check(): Promise<string[]>;
  /** Makes sets and rules where they are missing, in one step; what went wrong, or '' where nothing did. */
  setUp(): Promise<string>;
  /** Changes all or nothing, and sets up where that is needed first; what went wrong, or ''. */
  change(change: SetChange): Promise<string>;
  /** Takes sets and rules away, also where some of them are gone; what went wrong, or ''. */
  remove(): Promise<string>;
  /** Whether sets and rules are there. */
  isIntact(): Promise<boolean>;
  /** How many packets each element of the sets has dropped since it was put there; what has dropped none may be left out. */
  counts(): Promise<Counts>;
  /** What the sets hold. */
  read(): Promise<{ ok: true; held: ReadonlyMap<string, Remaining> } | { ok: false; reason: string }>;
};

/** A batch that fails is taken apart so often: enough to find some that cannot be, and an end where none can. */
const MOST_TRIES = 100;

/**
 * Bans in sets of the kernel that are banshare's own: every jail's bans stand in one set, each until the last of them ends.
 * The kernel lets them go by itself, so they also end where the client is gone.
 */
export class HostSets implements Enforcer {
  readonly mostAtOnce = 20_000;
  readonly isSerial = true;
  readonly reach = 'host';
  readonly takesRanges = true;
  readonly #sets: Sets;
  readonly #nowMs: () => number;
  /** When each address that was put in place lets go, in milliseconds; Infinity for ever. */
  readonly #ends = new Map<string, number>();

  constructor(sets: Sets, nowMs: () => number) {
    this.#sets = sets;
    this.#nowMs = nowMs;
  }

  get kind(): string {
    return this.#sets.kind;
  }

  check(): Promise<string[]> {
    return this.#sets.check();
  }

  leave(): Promise<string> {
    this.#ends.clear();
    return this.#sets.remove();
  }

  isIntact(): Promise<boolean> {
    return this.#sets.isIntact();
  }

  counts(): Promise<Counts> {
    return this.#sets.counts();
  }

  /** Ranges for themselves, and each family: what is wrong with one of them stops no ban of the others. */
  async carryOut(changes: readonly Change[]): Promise<Effect[]> {
    const kindOf = ({ ip }: Change): string =>
      `${isRange(ip)} ${this.#sets.perFamily === true && ip.includes(':')}`;
    const groups = Map.groupBy(changes, kindOf);
    if (groups.size === 1) return this.#carryOut(changes);
    const effects = new Map<Change, Effect>();
    for (const group of groups.values()) {
      const answers = await this.#carryOut(group);
      group.forEach((change, index) => effects.set(change, answers[index] as Effect));
    }
    return changes.map((change) => effects.get(change) as Effect);
  }

  /**
   * One transaction for all. Where that fails and one by one might not, the halves for themselves: what is wrong with one change
   * must not keep twenty thousand others out.
   */
  async #carryOut(changes: readonly Change[], tries = { left: MOST_TRIES }): Promise<Effect[]> {
    const reason = await this.#change(changes);
    if (reason === '') return changes.map(({ localJail }) => ({ outcome: 'applied', localJail }));
    const isLacking = changes.every(({ ip }) => this.#sets.lacks?.(ip) === true);
    const isHopeless =
      isLacking || changes.length === 1 || tries.left <= 0 || (await this.#sets.setUp()) !== '';
    if (isHopeless) return changes.map(({ localJail }) => ({ outcome: 'failed', reason, localJail }));
    tries.left -= 2;
    const middle = changes.length >> 1;
    const first = await this.#carryOut(changes.slice(0, middle), tries);
    return [...first, ...(await this.#carryOut(changes.slice(middle), tries))];
  }

  /** Carries out all or nothing; what went wrong, or ''. */
  async #change(changes: readonly Change[]): Promise<string> {
    const wanted = changes.map(({ ip, kind, seconds, others }) => {
      const lasting = [...(kind === 'ban' ? [seconds] : []), ...others.map((other) => other.seconds)];
      return { ip, seconds: lasting.includes(FOR_EVER) ? FOR_EVER : Math.max(0, ...lasting) };
    });
    const isHeld = ({ ip }: Timed): boolean => (this.#ends.get(ip) ?? 0) > this.#nowMs();
    const kept = wanted.filter(({ seconds }) => seconds !== 0);
    const gone = wanted.filter(({ seconds }) => seconds === 0);
    const reason = await this.#sets.change({
      put: kept.filter((each) => !isHeld(each)),
      move: kept.filter(isHeld),
      // What has ended by the kernel's own clock is not there any more.
      drop: gone.filter((each) => isHeld(each) || !this.#ends.has(each.ip)).map(({ ip }) => ip),
    });
    if (reason === '') {
      const now = this.#nowMs();
      for (const { ip, seconds } of kept)
        this.#ends.set(ip, seconds === FOR_EVER ? Infinity : now + seconds * 1000);
      for (const { ip } of gone) this.#ends.delete(ip);
    }
    return reason;
  }

  async list(): Promise<Listing> {
    const before = new Map(this.#ends);
    const reason = (await this.#sets.isIntact()) ? '' : await this.#sets.setUp();
    if (reason !== '') return { ok: false, reason };
    const read = await this.#sets.read();
    if (!read.ok) return read;
    const { held } = read;
    this.#learn(held, before);
    // Nobody else has a say in these sets: what is missing was lost.
    return { ok: true, held: new Map([[EVERY_JAIL, held]]), isAnew: () => true };
  }

  /** Takes over what was listed, but for what changed while it was listed. */
  #learn(held: ReadonlyMap<string, Remaining>, before: ReadonlyMap<string, number>): void {
    const now = this.#nowMs();
    const isUnchanged = (ip: string): boolean => this.#ends.get(ip) === before.get(ip);
    for (const ip of before.keys()) if (!held.has(ip) && isUnchanged(ip)) this.#ends.delete(ip);
    for (const [ip, seconds] of held) {
      if (isUnchanged(ip)) this.#ends.set(ip, typeof seconds === 'number' ? now + seconds * 1000 : Infinity);
    }
  }
}
