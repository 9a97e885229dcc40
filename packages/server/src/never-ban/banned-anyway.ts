import type { Target } from '@banshare/protocol';
import { eachActive } from '../ledger/books/active-bans.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { NeverBan } from './never-ban.ts';

/** A ban that holds something which is never banned, and the rule that says so. */
export type BannedAnyway = { ip: string; rule: string };

/** More are looked at by no question of an operator: one is enough to know. */
const MOST_LOOKED_AT = 200;

/**
 * Finds bans of what is never banned. None is made, and `never-ban add` lifts what is there; but a list in server.toml may have
 * become longer while the server stood still, and the server's own addresses change by themselves.
 */
export class BannedAnywayWatch {
  readonly #ledger: Pick<Ledger, 'active' | 'head' | 'around'>;
  readonly #neverBan: Pick<NeverBan, 'listedRuleFor' | 'listed'>;
  readonly #found = new Set<Target>();

  constructor(
    ledger: Pick<Ledger, 'active' | 'head' | 'around'>,
    neverBan: Pick<NeverBan, 'listedRuleFor' | 'listed'>,
  ) {
    this.#ledger = ledger;
    this.#neverBan = neverBan;
  }

  /** Looks once at every ban, a page at a time: reports go on meanwhile. */
  async look(now: number): Promise<void> {
    for await (const { ip } of eachActive(this.#ledger, now)) {
      if (this.#found.size >= MOST_LOOKED_AT) return;
      if (this.#neverBan.listedRuleFor(ip) !== undefined) this.#found.add(ip);
    }
  }

  /** What stands now, of what was found and around what is listed. */
  async standing(now: number): Promise<BannedAnyway[]> {
    const listed = this.#neverBan.listed().slice(0, MOST_LOOKED_AT);
    const bans = new Map<string, string>();
    for (const target of [...this.#found, ...listed]) {
      for (const { ip } of await this.#ledger.around(target, now)) {
        const rule = this.#neverBan.listedRuleFor(ip);
        if (rule !== undefined) bans.set(ip, rule);
      }
    }
    return [...bans].map(([ip, rule]) => ({ ip, rule }));
  }
}
