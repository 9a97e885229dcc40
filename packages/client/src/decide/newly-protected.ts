import type { Log } from '@banshare/runtime';
import type { BanRow } from '../bans/ban-row.ts';
import { pageByPage } from '../host/in-parts.ts';
import { keepBack } from './keep-back.ts';
import { EndOfProtection } from './no-longer-protected.ts';
import { Rulebook, type Protected } from '../protection/rulebook.ts';
import type { Protection } from '../protection/protect.ts';
import type { DecideParts } from './parts.ts';

const LOOK_MS = 1000;

/**
 * Lifts what becomes protected while it is banned here: an administrator logs in by SSH from there, or a list was changed.
 * New bans need no such look, since choose() asks the same rules.
 */
export class ProtectionWatch {
  readonly #protection: Pick<Protection, 'refresh' | 'all' | 'knowsIgnoreIp'>;
  readonly #parts: DecideParts;
  readonly #log: Pick<Log, 'notice' | 'warning'>;
  readonly #end: EndOfProtection;
  #known: ReadonlySet<string> | undefined;
  #isStopped = false;
  /** Something is protected no more, and what was skipped for it has not been looked at since. */
  #hasLess = false;
  #isEnding = false;

  constructor(
    protection: Pick<Protection, 'refresh' | 'all' | 'knowsIgnoreIp'>,
    parts: DecideParts,
    log: Pick<Log, 'notice' | 'warning'>,
    monotonic?: () => number,
  ) {
    this.#protection = protection;
    this.#parts = parts;
    this.#log = log;
    this.#end = new EndOfProtection(parts, protection, log, monotonic);
  }

  /** Looks once a second; returns how to stop. */
  start(): () => void {
    const timer = setInterval(() => void this.look(), LOOK_MS);
    return () => {
      this.#isStopped = true;
      clearInterval(timer);
    };
  }

  /**
   * Looks at what is protected: lifts what is banned there and was not protected before, and applies what is protected no more.
   * Of many bans a part at a time; the next look does not wait for that, since whoever logs in meanwhile must not.
   */
  async look(): Promise<void> {
    await this.#protection.refresh();
    if (this.#isStopped) return;
    const entries = this.#protection.all();
    const known = this.#known;
    const fresh = entries.filter(({ what }) => known?.has(what) !== true);
    this.#known = new Set(entries.map(({ what }) => what));
    // At the start nobody knows what ended meanwhile.
    const hasLess = known === undefined || [...known].some((what) => this.#known?.has(what) === false);
    if (fresh.length > 0) await this.#liftAllIn(fresh);
    if (hasLess) this.#hasLess = true;
    if (this.#isEnding || !(this.#hasLess || this.#end.isWaiting)) return;
    this.#isEnding = true;
    this.#hasLess = false;
    await this.#end.look(() => !this.#isStopped).finally(() => (this.#isEnding = false));
  }

  /** Lifts the bans of an address, and of the ranges around it. */
  async #liftAllIn(fresh: readonly Protected[]): Promise<void> {
    const { state } = this.#parts;
    const single = fresh.map(({ what }) => what.replace(what.includes(':') ? /\/128$/ : /\/32$/, ''));
    const book = new Rulebook(fresh);
    const liftIn = (rows: readonly BanRow[]): void =>
      this.#lift(rows.filter(({ ip }) => book.ruleFor(ip) !== undefined));
    const isOfMany = single.some((what) => what.includes('/'));
    if (!isOfMany) liftIn([...[...new Set(single)].flatMap((ip) => state.of(ip)), ...state.ranges()]);
    else
      await pageByPage(
        (behind, limit) => state.notSkipped(behind, limit),
        liftIn,
        () => !this.#isStopped,
      );
  }

  #lift(rows: readonly BanRow[]): void {
    if (rows.length === 0) return;
    const { state, choice, queue } = this.#parts;
    const queued: BanRow[] = [];
    const lines: (() => void)[] = [];
    state.inTransaction(() => {
      for (const row of rows) {
        const rule = choice.ruleFor(row.ip, row.localJail);
        if (rule === undefined) continue;
        const fields = { ip: row.ip, jail: row.localJail, rule: rule.text };
        if (keepBack(row, rule, this.#parts, queued))
          lines.push(() => this.#log.notice('Lifts a ban, since the address is protected now', fields));
        else if (row.status === 'already' || row.status === 'unproven')
          lines.push(() =>
            this.#log.warning(
              "A protected address is banned by this host's own detection; that is left",
              fields,
            ),
          );
      }
    });
    for (const say of lines) say();
    for (const row of queued) queue(row);
  }
}
