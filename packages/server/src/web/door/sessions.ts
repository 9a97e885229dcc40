import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Somebody whom the page knows, and the token that his forms carry. */
export type Visitor = { readonly name: string; readonly token: string };

/** Seconds for which a login holds. */
export const SESSION_SECONDS = 12 * 3600;
/** More people do not look at one page. */
const MOST_SESSIONS = 200;
const KEY_BYTES = 32;

/** Who is logged in. It is in memory alone, and only hashes of the keys in the cookies are: whoever reads it out gets in nowhere. */
export class Sessions {
  readonly #sessions = new Map<string, Visitor & { until: number }>();

  /** Begins one; returns the key for the cookie. */
  begin(name: string, now: number): string {
    for (const [hash, { until }] of this.#sessions) if (until <= now) this.#sessions.delete(hash);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= MOST_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    const key = randomKey();
    this.#sessions.set(hashOf(key), { name, token: randomKey(), until: now + SESSION_SECONDS });
    return key;
  }

  /** Whose a key is; undefined where it is nobody's, or his time is over. */
  of(key: string, now: number): Visitor | undefined {
    const session = this.#sessions.get(hashOf(key));
    return session === undefined || session.until <= now ? undefined : session;
  }

  end(key: string): void {
    this.#sessions.delete(hashOf(key));
  }
}

/** Whether a token is the one that was given, in a time that tells nothing of where they differ. */
export function isSame(given: string, wanted: string): boolean {
  const [one, other] = [given, wanted].map((text) => createHash('sha256').update(text).digest());
  return one !== undefined && other !== undefined && timingSafeEqual(one, other);
}

export function randomKey(): string {
  return randomBytes(KEY_BYTES).toString('base64url');
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
