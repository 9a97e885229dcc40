import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Somebody whom the page knows, and the token that his forms carry. */
export type Visitor = { readonly name: string; readonly token: string };

/** A login: the hash of the key in its cookie, whose it is, and when it ends, epoch seconds. Nobody gets in by it. */
export type Login = { readonly hash: string; readonly name: string; readonly until: number };

/** Seconds for which a login holds. */
export const SESSION_SECONDS = 12 * 3600;
/** More people do not look at one page. */
export const MOST_SESSIONS = 200;
const KEY_BYTES = 32;

/**
 * Who is logged in. Only hashes of the keys in the cookies are kept, and of neither those nor the tokens of forms, which are made of the
 * keys: whoever reads it out gets in nowhere.
 */
export class Sessions {
  readonly #logins: Map<string, Login>;
  readonly #keep: (logins: readonly Login[]) => void;

  /** @param logins those of before a restart; @param keep is told each time whom there are now. */
  constructor(logins: readonly Login[] = [], keep: (logins: readonly Login[]) => void = () => undefined) {
    this.#logins = new Map(logins.map((login) => [login.hash, login]));
    this.#keep = keep;
  }

  /** Begins one; returns the key for the cookie. */
  begin(name: string, now: number): string {
    for (const [hash, { until }] of this.#logins) if (until <= now) this.#logins.delete(hash);
    const [oldest] = this.#logins.keys();
    if (this.#logins.size >= MOST_SESSIONS && oldest !== undefined) this.#logins.delete(oldest);
    const key = randomKey();
    const hash = hashOf(key);
    this.#logins.set(hash, { hash, name, until: now + SESSION_SECONDS });
    this.#keep([...this.#logins.values()]);
    return key;
  }

  /** Whose a key is; undefined where it is nobody's, or his time is over. */
  of(key: string, now: number): Visitor | undefined {
    const login = this.#logins.get(hashOf(key));
    // What ends later than a login can was not written by this program, or the clock was set back since.
    if (login === undefined || login.until <= now || login.until > now + SESSION_SECONDS) return undefined;
    return { name: login.name, token: tokenOf(key) };
  }

  end(key: string): void {
    if (this.#logins.delete(hashOf(key))) this.#keep([...this.#logins.values()]);
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

/** Of a form's token nobody finds the key, nor of the hash that is kept the token. */
function tokenOf(key: string): string {
  return createHmac('sha256', key).update('form').digest('base64url');
}
