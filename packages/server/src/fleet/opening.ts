import { Settings } from '../ledger/books/settings.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { EnrolmentMode, Openness } from '../words/hosts/enrolment.ts';

/** For so long enrolment is open after a generation's first start, or where an operator names no time: then somebody is asked. */
export const OPEN_SECONDS = 86_400;

type Said = { mode: EnrolmentMode; until: number };
type Generations = readonly { name: string; curve: { publicKey: string } }[];

/** The settings that say what an operator said. */
const SAID = ['enrolment', 'enrolment-until'];

/**
 * How newcomers are met. An installer that lies about is a way in for ever, so `open` always ends, and is `approve` from then on:
 * where server.toml says open, a day after the first start of the generation whose join key it is; where an operator opened it,
 * after the time he named. What an operator said counts more than server.toml, until he says otherwise.
 */
export class Opening {
  readonly #settings: Settings;
  #configured: EnrolmentMode;
  readonly #generations: Generations;
  #said: Said | undefined;

  private constructor(ledger: Ledger, configured: EnrolmentMode, generations: Generations) {
    this.#settings = new Settings(ledger);
    this.#configured = configured;
    this.#generations = generations;
    this.#said = this.#read();
    ledger.follow({
      applied: ({ isAll, settings }) => {
        if (isAll || SAID.some((name) => settings.has(name))) this.#said = this.#read();
      },
    });
  }

  /**
   * Notes the first start of generations, and says how newcomers are met from now on.
   * @param generations those in service at the moment of each question.
   * @throws when the ledger cannot be written.
   */
  static async begin(
    ledger: Ledger,
    configured: EnrolmentMode,
    generations: Generations,
    now: number,
  ): Promise<Opening> {
    const settings = new Settings(ledger);
    // One that is shut lets nobody in, and takes no note.
    if (ledger.isShut) return new Opening(ledger, configured, generations);
    await ledger.write(() => {
      for (const { name } of generations) settings.putFirst(firstStartOf(name), String(now));
      // Opened with a server of an older version, which knew no end.
      if (settings.get('enrolment') === 'open' && settings.get('enrolment-until') === undefined)
        settings.put('enrolment-until', String(now + OPEN_SECONDS));
    });
    return new Opening(ledger, configured, generations);
  }

  /** server.toml says otherwise from now on. */
  configure(mode: EnrolmentMode): void {
    this.#configured = mode;
  }

  /** How newcomers of the generation that is met last are met. */
  at(now: number): Openness {
    const { mode, until } = this.#said ?? { mode: this.#configured, until: this.#configuredEnd() };
    if (mode !== 'open') return { mode, until: null, hasEnded: false };
    return now < until ? { mode, until, hasEnded: false } : { mode: 'approve', until: null, hasEnded: true };
  }

  /** How a newcomer is met who asks the server of that public key. */
  modeFor(serverKey: string, now: number): EnrolmentMode {
    if (this.#said !== undefined || this.#configured !== 'open') return this.at(now).mode;
    const generation = this.#generations.find(({ curve }) => curve.publicKey === serverKey);
    return generation !== undefined && now < this.#endOf(generation.name) ? 'open' : 'approve';
  }

  /** An operator says how; `until` is for `open`. Within a piece of the ledger's queue, and it counts once that is committed. */
  say(mode: EnrolmentMode, until: number): void {
    this.#settings.put('enrolment', mode);
    this.#settings.put('enrolment-until', String(until));
  }

  /**
   * Notes that enrolment has ended by itself, and returns whether nobody has noted that end yet, this server before a restart or another
   * one. Within a piece of the ledger's queue.
   */
  noteEnd(now: number): boolean {
    if (!this.at(now).hasEnded) return false;
    const end = String(this.#said?.until ?? this.#configuredEnd());
    if (this.#settings.get('enrolment-ended') === end) return false;
    this.#settings.put('enrolment-ended', end);
    return true;
  }

  #read(): Said | undefined {
    const mode = this.#settings.get('enrolment') as EnrolmentMode | undefined;
    return mode === undefined
      ? undefined
      : { mode, until: Number(this.#settings.get('enrolment-until') ?? 0) };
  }

  #configuredEnd(): number {
    return Math.max(0, ...this.#generations.map(({ name }) => this.#endOf(name)));
  }

  #endOf(generation: string): number {
    return Number(this.#settings.get(firstStartOf(generation)) ?? 0) + OPEN_SECONDS;
  }
}

function firstStartOf(generation: string): string {
  return `first-start/${generation}`;
}
