import { parseAddress, parseRange, type Address } from '@banshare/protocol';
import { monotonicSeconds } from '@banshare/runtime';
import type { IgnoreLists, IgnoreReader } from './ignoreip-readers.ts';
import { Rulebook, type Protected } from './rulebook.ts';

/** All addresses that a name stands for now; undefined where no resolver says. */
export type LookUpName = (name: string) => Promise<readonly string[] | undefined>;

/** A resolver may take half a minute; what is banned meanwhile is lifted once it has answered. */
const FIRST_LOOK_UP_MS = 3000;
const LOOK_UP_SECONDS = 60;
/** A name has a letter: what consists of numbers would be read as an address in a way that nobody meant. */
const NAME = /^(?!0x)(?=.*[a-z])[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?$/i;

/** resolved: what it stood for last. */
type Name = {
  resolved: readonly Address[] | undefined;
  lookedAt: number;
  looking: Promise<void> | undefined;
};

/**
 * What the local fail2ban's `ignoreip` lists: its `banip` does not look there, so this host does. Read again now and then,
 * since administrators change it at run time; while fail2ban or the resolver does not answer, what it said last counts.
 */
export class IgnoreIp {
  readonly #readers: readonly IgnoreReader[];
  readonly #lookUp: LookUpName;
  readonly #patienceMs: number;
  readonly #names = new Map<string, Name>();
  #lists: IgnoreLists = new Map();
  #byJail: ReadonlyMap<string, Rulebook> = new Map();
  #all = new Rulebook([]);
  #isReading = false;
  #isKnown = false;
  #fault = '';

  /** @param readers ask fail2ban, the first that is answered counts. */
  constructor(readers: readonly IgnoreReader[], lookUp: LookUpName, patienceMs = FIRST_LOOK_UP_MS) {
    this.#patienceMs = patienceMs;
    this.#readers = readers;
    this.#lookUp = lookUp;
  }

  /** Asks fail2ban; resolves with whether it answered. Its fault, where it runs and fails, is thrown. @throws */
  async read(): Promise<boolean> {
    if (this.#isReading) return false;
    this.#isReading = true;
    try {
      const lists = await this.#ask();
      this.#fault = '';
      if (lists === undefined) return false;
      this.#lists = lists;
      await this.#lookUpNames();
      this.#isKnown = true;
      this.#build();
      return true;
    } catch (error) {
      this.#fault = (error as Error).message;
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

  /** What cannot be known of it, in sentences: somebody may be banned whom fail2ban would leave alone. */
  get unknown(): string[] {
    const unread =
      this.#fault === '' ? [] : [`The ignoreip of fail2ban's jails cannot be read: ${this.#fault}`];
    const entries = [...this.#lists].flatMap(([jail, texts]) => texts.map((text) => ({ jail, text })));
    const missing = entries.filter(
      ({ text }) => !parseRange(text).ok && this.#addressesOf(text) === undefined,
    );
    const byText = Map.groupBy(missing, ({ text }) => text);
    const sentences = [...byText].map(([text, all]) => {
      const jails = all.map(({ jail }) => jail).join(', ');
      const why = NAME.test(text)
        ? 'is a name that no resolver of this host knows'
        : 'is no address, no range and no name';
      return `"${text}" of fail2ban's ignoreip (${jails}) ${why}: who stands behind it may be banned here. List the addresses in [never-ban] of client.toml, or mend ignoreip.`;
    });
    return [...unread, ...sentences];
  }

  async #ask(): Promise<IgnoreLists | undefined> {
    for (const reader of this.#readers) {
      const lists = await reader();
      if (lists !== undefined) return lists;
    }
    return undefined;
  }

  /** Has the names looked up that are due; of a new one the answer is waited for, a moment. */
  async #lookUpNames(): Promise<void> {
    const texts = new Set([...this.#lists.values()].flat());
    for (const known of this.#names.keys()) if (!texts.has(known)) this.#names.delete(known);
    const fresh = [...texts].flatMap((text) => {
      if (parseRange(text).ok || !NAME.test(text)) return [];
      const isNew = !this.#names.has(text);
      const looking = this.#lookUpName(text);
      return isNew ? [looking] : [];
    });
    if (fresh.length === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#patienceMs);
    });
    await Promise.race([Promise.all(fresh), late]);
    clearTimeout(timer);
  }

  #lookUpName(text: string): Promise<void> {
    const name = this.#names.get(text) ?? { resolved: undefined, lookedAt: -Infinity, looking: undefined };
    this.#names.set(text, name);
    if (name.looking !== undefined) return name.looking;
    if (monotonicSeconds() - name.lookedAt < LOOK_UP_SECONDS) return Promise.resolve();
    name.looking = this.#lookUp(text).then((found) => {
      name.lookedAt = monotonicSeconds();
      name.looking = undefined;
      const addresses = (found ?? []).flatMap((each) => {
        const address = parseAddress(each);
        return address.ok ? [address.value] : [];
      });
      if (addresses.length === 0) return;
      name.resolved = addresses;
      this.#build();
    });
    return name.looking;
  }

  #addressesOf(text: string): readonly Address[] | undefined {
    return this.#names.get(text)?.resolved;
  }

  #build(): void {
    const byJail = new Map<string, Rulebook>();
    for (const [jail, texts] of this.#lists)
      byJail.set(jail, new Rulebook(texts.flatMap((text) => this.#protectedBy(text, jail))));
    this.#byJail = byJail;
    this.#all = new Rulebook([...byJail.values()].flatMap(({ entries }) => entries));
  }

  #protectedBy(text: string, jail: string): Protected[] {
    const range = parseRange(text);
    if (range.ok)
      return [{ what: range.value, rule: `${range.value} of fail2ban's ignoreip in jail ${jail}` }];
    const rule = `${text} of fail2ban's ignoreip in jail ${jail}`;
    return (this.#addressesOf(text) ?? []).map((what) => ({ what, rule }));
  }
}
