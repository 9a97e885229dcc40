import { parseRange } from '@banshare/protocol';
import { jailsOf } from './enforcers/fail2ban-asking.ts';
import { Talk, TalkError } from './enforcers/fail2ban-socket.ts';
import { Rulebook, type Protected } from './protect-rulebook.ts';

const TIMEOUT_MS = 5000;

/**
 * What the local fail2ban's `ignoreip` lists: its `banip` does not look there, so this host does. Read again now and then,
 * since administrators change it at run time; while fail2ban does not answer, what it said last counts.
 */
export class IgnoreIp {
  readonly #socket: string;
  readonly #skipped: (text: string, jail: string) => void;
  #byJail: ReadonlyMap<string, Rulebook> = new Map();
  #all = new Rulebook([]);
  #isReading = false;
  #isKnown = false;

  /** @param skipped hears of entries that are neither address nor range, such as DNS names. */
  constructor(socket: string, skipped: (text: string, jail: string) => void) {
    this.#socket = socket;
    this.#skipped = skipped;
  }

  /** Asks fail2ban; resolves with whether it answered. Its fault, where it runs and fails, is thrown. @throws TalkError. */
  async read(): Promise<boolean> {
    if (this.#isReading) return false;
    this.#isReading = true;
    try {
      using talk = await Talk.open(this.#socket, TIMEOUT_MS);
      const byJail = new Map<string, Rulebook>();
      for (const jail of await jailsOf(talk))
        byJail.set(jail, new Rulebook(await this.#ignoredIn(talk, jail)));
      this.#byJail = byJail;
      this.#isKnown = true;
      this.#all = new Rulebook([...byJail.values()].flatMap(({ entries }) => entries));
      return true;
    } catch (error) {
      if (error instanceof TalkError && error.fault === 'down') return false;
      throw error;
    } finally {
      this.#isReading = false;
    }
  }

  /** What a jail ignores; one that fail2ban does not have stands for any of them. */
  of(jail: string): Rulebook {
    return this.#byJail.get(jail) ?? this.#all;
  }

  /** Whether fail2ban has ever answered. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** What any jail ignores. */
  get all(): Rulebook {
    return this.#all;
  }

  async #ignoredIn(talk: Talk, jail: string): Promise<Protected[]> {
    let listed: string[];
    try {
      const answer = await talk.ask(['get', jail, 'ignoreip']);
      listed =
        answer.is === 'list' ? answer.items.flatMap((item) => (item.is === 'text' ? item.text : [])) : [];
    } catch (error) {
      // It may have been removed since it was listed.
      if (error instanceof TalkError && error.raised === 'UnknownJailException') return [];
      throw error;
    }
    return listed.flatMap((text) => {
      const range = parseRange(text);
      if (!range.ok) this.#skipped(text, jail);
      if (!range.ok) return [];
      return [{ what: range.value, rule: `${range.value} of fail2ban's ignoreip in jail ${jail}` }];
    });
  }
}
