import { monotonicSeconds, wallSeconds, type FaultLog, type ServerConfig } from '@banshare/runtime';
import { callWeb } from './call-web.ts';
import { addressOf } from './receivers.ts';
import type { Health } from './speaker.ts';

const EVERY_MS = 60_000;
/** What the server said of itself counts for so long. */
const FRESH_SECONDS = 60;
const CALL_MS = 10_000;

/**
 * Calls an address every minute while the server commits and publishes, so that whoever watches that address notices when this
 * machine, its server or its network is gone. It is called whatever else is wrong: with many hosts something always is.
 */
export class DeadMan {
  readonly #settings: { url?: string; urlFile?: string };
  readonly #faults: Pick<FaultLog, 'fault' | 'over'>;
  readonly #timer: NodeJS.Timeout;
  /** Monotonic seconds. */
  #atWorkAt = -Infinity;
  #isFirst = true;
  #health: Health;

  private constructor(
    settings: { url?: string; urlFile?: string },
    faults: Pick<FaultLog, 'fault' | 'over'>,
  ) {
    this.#settings = settings;
    this.#faults = faults;
    const target = settings.url === undefined ? `of ${settings.urlFile}` : new URL(settings.url).host;
    this.#health = { name: `dead-man ${target}`, lastSent: null, failingSince: null, why: null };
    this.#timer = setInterval(() => void this.#call(), EVERY_MS);
  }

  /** Undefined where server.toml names no address. */
  static of(
    { url, urlFile }: ServerConfig['deadMan'],
    faults: Pick<FaultLog, 'fault' | 'over'>,
  ): DeadMan | undefined {
    if (url !== undefined) return new DeadMan({ url }, faults);
    return urlFile === undefined ? undefined : new DeadMan({ urlFile }, faults);
  }

  get health(): Health {
    return this.#health;
  }

  /** What the server has just said of itself; the first time the address is called at once. */
  heard(isAtWork: boolean): void {
    if (!isAtWork) return;
    this.#atWorkAt = monotonicSeconds();
    if (this.#isFirst) void this.#call();
    this.#isFirst = false;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #call(): Promise<void> {
    if (monotonicSeconds() - this.#atWorkAt > FRESH_SECONDS) return;
    const address = addressOf(this.#settings);
    const called = address.ok
      ? await callWeb(address.value, { method: 'GET', headers: {}, body: '' }, CALL_MS)
      : address;
    if (called.ok) {
      this.#health = { ...this.#health, lastSent: wallSeconds(), failingSince: null, why: null };
      this.#faults.over('dead-man');
      return;
    }
    const failingSince = this.#health.failingSince ?? wallSeconds();
    this.#health = { ...this.#health, failingSince, why: called.fault };
    this.#faults.fault('dead-man', 'Cannot call [dead-man] url', { reason: called.fault });
  }
}
