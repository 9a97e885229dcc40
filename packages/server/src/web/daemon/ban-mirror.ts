import { banKeyText, type Event } from '@banshare/protocol';

/** A ban that is active, as the page lists it. Times are epoch seconds; until null is for ever. */
export type MirrorBan = Pick<Event, 'ip' | 'prog' | 'jail' | 'host' | 'seq' | 'at' | 'until' | 'reason'>;

/**
 * The active bans of the server as the page keeps them, so that searching and sorting them costs the server nothing. They stand in
 * the order of their seq, which is that in which they were published last.
 */
export class BanMirror {
  readonly #bans = new Map<string, MirrorBan>();

  /** Forgets all, to begin anew. */
  clear(): void {
    this.#bans.clear();
  }

  /** Takes what was published, in the order of its seq. */
  take(events: readonly Event[]): void {
    for (const event of events) {
      const key = banKeyText(event);
      // Also one that is there: it goes to the end.
      this.#bans.delete(key);
      if (event.kind === 'ban') this.#bans.set(key, listed(event));
    }
  }

  /** Forgets what is over; the server publishes no end that was known. */
  sweep(now: number): void {
    for (const [key, ban] of this.#bans) if (isOver(ban, now)) this.#bans.delete(key);
  }

  /** Those that are active, the newest last. */
  active(now: number): MirrorBan[] {
    return [...this.#bans.values()].filter((ban) => !isOver(ban, now));
  }
}

function isOver({ until }: MirrorBan, now: number): boolean {
  return until !== null && until <= now;
}

function listed({ ip, prog, jail, host, seq, at, until, reason }: Event): MirrorBan {
  return { ip, prog, jail, host, seq, at, until, ...(reason === undefined ? {} : { reason }) };
}
