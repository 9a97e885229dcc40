import { request as overTls } from 'node:https';
import { request as inClear } from 'node:http';
import { getCACertificates } from 'node:tls';
import { bad, good, oneLine, type Result } from '@banshare/protocol';

/** What is sent to an address of the web. */
export type Call = {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

const MOST_REDIRECTS = 3;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** Nobody has headers that long but who wants to fill memory. */
const MOST_HEADER_BYTES = 16_384;

/**
 * Calls an address, within a time that counts for everything: names, connection, TLS, redirects. What is answered beside its code is not
 * read. A fault names the machine and never the path, where a token may be. It never throws.
 */
export async function callWeb(address: string, call: Call, timeoutMs: number): Promise<Result<number>> {
  const signal = AbortSignal.timeout(timeoutMs);
  let at = new URL(address);
  for (let count = 0; ; count += 1) {
    let answer: Answer;
    try {
      answer = await once(at, call, signal);
    } catch (error) {
      const why = signal.aborted ? `no answer within ${timeoutMs / 1000} s` : reasonOf(error as Error);
      return bad(`${at.host}: ${why}`);
    }
    const { code, location } = answer;
    if (code >= 200 && code < 300) return good(code);
    if (!REDIRECTS.includes(code) || location === undefined) return bad(`${at.host} answered ${code}`);
    const next = URL.canParse(location, at.href) ? new URL(location, at.href) : undefined;
    if (next?.origin !== at.origin)
      return bad(
        `${at.host} redirects elsewhere, which is not followed: give the new address, if it is yours`,
      );
    if (count === MOST_REDIRECTS) return bad(`${at.host} redirects without an end`);
    at = next;
  }
}

type Answer = { code: number; location: string | undefined };

function once(at: URL, { method, headers, body }: Call, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const common = {
      method,
      signal,
      headers: { 'user-agent': 'banshare', 'content-length': Buffer.byteLength(body), ...headers },
      // A connection of its own, that ends with it.
      agent: false as const,
      maxHeaderSize: MOST_HEADER_BYTES,
      ...authOf(at),
    };
    const sent =
      at.protocol === 'https:'
        ? overTls(at, { ...common, ca: authorities(), rejectUnauthorized: true })
        : inClear(at, common);
    sent.on('error', reject);
    sent.on('response', (response) => {
      resolve({ code: response.statusCode ?? 0, location: response.headers.location });
      response.on('error', () => undefined);
      response.destroy();
    });
    sent.end(body);
  });
}

function authOf({ username, password }: URL): { auth?: string } {
  if (username === '' && password === '') return {};
  return { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` };
}

let known: string[] | undefined;

/** Node's own list of authorities, and those that this machine trusts beside them. */
function authorities(): string[] {
  known ??= [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
  return known;
}

/** Node puts the tries for each address of a name behind an empty message. */
function reasonOf(error: Error & { code?: string; errors?: Error[] }): string {
  const [first] = error.errors ?? [];
  const text =
    error.message === '' ? (first?.message ?? error.code ?? 'it cannot be reached') : error.message;
  return oneLine(text).slice(0, 200);
}
