import { monotonicSeconds, wallSeconds, type ServerConfig } from '@banshare/runtime';
import type { Context, MiddlewareHandler } from 'hono';
import { getCookie } from 'hono/cookie';
import { TokenBucket } from '../../words/token-bucket.ts';
import { isNamed, isOwnOrigin, NAME, namesOf } from './names.ts';
import { isSame, randomKey, type Sessions, type Visitor } from './sessions.ts';

/** What the handlers behind the door are told. */
export type Behind = { Variables: { visitor: Visitor; isLetIn: () => boolean } };

export const COOKIE = 'banshare-session';
/** Requests of one visitor. */
const PER_MINUTE = 600;
const AT_ONCE = 100;
const MOST_BUCKETS = 1000;
/** Whom a proxy lets in no more this page cannot know: what goes on is ended after so long, and the browser comes again by the proxy. */
const PROXY_SECONDS = 600;

/** Nothing but this page's own files, and no code within a page: a planted script has no way to run. */
const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS: readonly (readonly [string, string])[] = [
  ['Content-Security-Policy', POLICY],
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
  // With no-referrer a browser says of no form where it comes from.
  ['Referrer-Policy', 'same-origin'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  ['Permissions-Policy', 'camera=(), geolocation=(), microphone=()'],
];

/** Says no in words. */
export type SayNo = (
  context: Context<Behind>,
  status: 400 | 401 | 403 | 429,
  why: string,
) => Response | Promise<Response>;

/** Before anything: only who asks by a name of the page is answered, and a deed comes from a form of the page itself. */
export function checkOrigin(web: ServerConfig['web'], sayNo: SayNo): MiddlewareHandler<Behind> {
  const names = namesOf(web.listen, web.names);
  return async (context, next) => {
    for (const [name, value] of HEADERS) context.header(name, value);
    context.header('Cache-Control', 'no-store');
    const host = context.req.header('Host');
    if (!isNamed(host, names))
      return sayNo(
        context,
        403,
        'This is not a name of this page. Its names are localhost, the address that it listens on, and [web] names in server.toml.',
      );
    const isRead = context.req.method === 'GET' || context.req.method === 'HEAD';
    if (!isRead && !isOwnOrigin(context.req.header('Origin'), host))
      return sayNo(context, 403, 'This did not come from a form of this page.');
    return next();
  };
}

/** Lets in whom a cookie or, behind a proxy, a header names; everybody else is told how to come in. */
export function letIn(
  web: ServerConfig['web'],
  sessions: Sessions,
  sayNo: SayNo,
  clock: () => number = monotonicSeconds,
): MiddlewareHandler<Behind> {
  const isByProxy = web.userHeader !== undefined && web.listen.unix !== undefined;
  const buckets = new Map<string, TokenBucket>();
  const proxied = new Map<string, Visitor>();
  const known = (context: Context): Visitor | undefined => {
    if (web.userHeader === undefined || web.listen.unix === undefined) {
      const key = getCookie(context, COOKIE);
      return key === undefined ? undefined : sessions.of(key, wallSeconds());
    }
    const name = context.req.header(web.userHeader)?.trim() ?? '';
    if (!NAME.test(name)) return undefined;
    const visitor = proxied.get(name) ?? { name, token: randomKey() };
    if (proxied.size < MOST_BUCKETS) proxied.set(name, visitor);
    return visitor;
  };
  return async (context, next) => {
    const visitor = known(context);
    if (visitor === undefined)
      return sayNo(context, 401, 'You are not logged in, or your twelve hours are over.');
    const now = clock();
    if (buckets.size > MOST_BUCKETS) buckets.clear();
    const bucket = buckets.get(visitor.token) ?? new TokenBucket(PER_MINUTE, AT_ONCE, now);
    buckets.set(visitor.token, bucket);
    if (!bucket.take(now)) return sayNo(context, 429, 'Too many requests: wait a moment.');
    context.set('visitor', visitor);
    // Asked again by what goes on for hours.
    context.set(
      'isLetIn',
      () => known(context) !== undefined && !(isByProxy && clock() - now > PROXY_SECONDS),
    );
    return next();
  };
}

/** Whether a form carries the token that the page gave this visitor. */
export function isOfVisitor(visitor: Visitor, token: unknown): boolean {
  return typeof token === 'string' && isSame(token, visitor.token);
}
