import type { Applier } from './apply.ts';

/** A host that gets no further bans what it knows: it may be under attack while the server is away. */
const MOST_MS = 30_000;

/**
 * Catching up is collapsed: from its beginning no ban is begun until this host has everything, so that what was lifted or
 * replaced meanwhile, or is over, is never applied. A host that starts has to catch up. Lifts go on, and bans too where for
 * half a minute nothing more is heard, until the next time that this host had everything.
 */
export class CatchUpHold {
  readonly #applier: Pick<Applier, 'holdBans' | 'letBansGo'>;
  #timer: NodeJS.Timeout | undefined;
  #isGivenUp = false;

  constructor(applier: Pick<Applier, 'holdBans' | 'letBansGo'>) {
    this.#applier = applier;
  }

  /** This host catches up, or has got another piece. */
  goesOn(): void {
    if (this.#isGivenUp) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#giveUp(), MOST_MS);
    this.#applier.holdBans();
  }

  /** This host has all that its server can tell. */
  isOver(): void {
    this.#isGivenUp = false;
    this.stop();
    this.#applier.letBansGo();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #giveUp(): void {
    this.#isGivenUp = true;
    this.#applier.letBansGo();
  }
}
