import type { Log } from '@banshare/runtime';
import type { BanRow } from '../bans/ban-row.ts';
import { keepBack } from './keep-back.ts';
import { EndOfProtection } from './no-longer-protected.ts';
import { Rulebook, type Protected } from '../protection/rulebook.ts';
import type { Protection } from '../protection/protect.ts';
import { NEVER_BAN } from '../bans/choice.ts';
import type { TakeParts } from './parts.ts';

const LOOK_MS = 1000;

/**
 * Lifts what becomes protected while it is banned here: an administrator logs in by SSH from there, or a list was changed.
 * New bans need no such look, since choose() asks the same rules.
 */
export class ProtectionWatch {
  readonly #protection: Pick<Protection, 'refresh' | 'all' | 'knowsIgnoreIp'>;
  readonly #parts: TakeParts;
  readonly #log: Pick<Log, 'notice' | 'warning'>;
  readonly #end: EndOfProtection;
  #known: ReadonlySet<string> | undefined;

  constructor(
    protection: Pick<Protection, 'refresh' | 'all' | 'knowsIgnoreIp'>,
    parts: TakeParts,
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
    return () => clearInterval(timer);
  }

  /** Looks at what is protected: lifts what is banned there and was not protected before, and applies what is protected no more. */
  async look(): Promise<void> {
    await this.#protection.refresh();
    const entries = this.#protection.all();
    const known = this.#known;
    const fresh = entries.filter(({ what }) => known?.has(what) !== true);
    this.#known = new Set(entries.map(({ what }) => what));
    if (fresh.length > 0) this.#lift(this.#bansIn(fresh));
    // At the start nobody knows what ended meanwhile.
    const hasLess = known === undefined || [...known].some((what) => this.#known?.has(what) === false);
    if (hasLess || this.#end.isWaiting) this.#end.look();
  }

  /** The bans of an address, and of the ranges around it. */
  #bansIn(fresh: readonly Protected[]): BanRow[] {
    const { state } = this.#parts;
    const single = fresh.map(({ what }) => what.replace(what.includes(':') ? /\/128$/ : /\/32$/, ''));
    const isOfMany = single.some((what) => what.includes('/'));
    const rows = isOfMany ? state.all() : [...single.flatMap((ip) => state.of(ip)), ...state.ranges()];
    const book = new Rulebook(fresh);
    return rows.filter(({ ip }) => book.ruleFor(ip) !== undefined);
  }

  #lift(rows: readonly BanRow[]): void {
    const { state, choice, queue } = this.#parts;
    const queued: BanRow[] = [];
    const lines: (() => void)[] = [];
    state.together(() => {
      for (const row of rows) {
        const rule = choice.ruleFor(row.ip, row.localJail);
        if (rule === undefined) continue;
        const fields = { ip: row.ip, jail: row.localJail, rule };
        if (keepBack(row, `${NEVER_BAN}${rule}`, this.#parts, queued))
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
