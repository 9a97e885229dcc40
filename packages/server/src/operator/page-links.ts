import { createHash, randomBytes } from 'node:crypto';
import type { AdminReply } from '@banshare/runtime';
import type { Audit } from '../ledger/books/audit.ts';
import { MOST_CODES, type PageLogins } from '../words/page-logins.ts';
import { decline, textOf, type Args } from './deeds/bans.ts';

/** Seconds that a link to the page lets somebody in. */
const LINK_SECONDS = 600;
/** Links that nobody used: more are no administrators' work. */
const MOST_LINKS = 100;
/** A page that runs asks for news at least so often, seconds. */
const ASKS_SECONDS = 60;
/** Bytes of a code: nobody guesses one of 160 bits. */
const CODE_BYTES = 20;
/** A name as people have it, one line of it. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,39}$/u;

/** The links to the page that somebody made and nobody used yet; only hashes of their codes are kept, and in memory alone. */
export class PageLinks {
  readonly #links = new Map<string, { name: string; until: number }>();
  #askedAt = -Infinity;

  /** The page's process has asked the server something. */
  pageAsked(now: number): void {
    this.#askedAt = now;
  }

  /** Whether a page is there that whoever has a link comes to: it asks for news all the time. */
  isServed(now: number): boolean {
    return now - this.#askedAt < ASKS_SECONDS;
  }

  /** A fresh code that lets somebody in once as that name; undefined where too many wait. */
  make(name: string, now: number): { code: string; until: number } | undefined {
    for (const [hash, { until }] of this.#links) if (until <= now) this.#links.delete(hash);
    if (this.#links.size >= MOST_LINKS) return undefined;
    const code = randomBytes(CODE_BYTES).toString('base64url');
    const until = now + LINK_SECONDS;
    this.#links.set(hashOf(code), { name, until });
    return { code, until };
  }

  /** Whom a code lets in, once; undefined for a code that is none, was used or is over. */
  use(code: string, now: number): string | undefined {
    const hash = hashOf(code);
    const link = this.#links.get(hash);
    this.#links.delete(hash);
    return link === undefined || link.until <= now ? undefined : link.name;
  }
}

type LinkParts = { pageLinks: PageLinks; audit: Audit; now: () => number };

/** `web link --as NAME`: a code for the page, which is told to nobody else; the audit log has for whom it is. */
export async function makePageLink(args: Args, { pageLinks, audit, now }: LinkParts): Promise<AdminReply> {
  const name = textOf(args, 'as') ?? '';
  if (!NAME.test(name))
    return decline(
      'name',
      'a name for the page has 1 to 40 letters, digits, blanks and . _ @ -, and begins with a letter or digit',
    );
  if (!pageLinks.isServed(now()))
    return decline(
      'page',
      'no page asks this server, so whoever opened a link would come to nobody, or give its code to another program that has taken the port: systemctl enable --now banshare-web, and then this again',
    );
  const link = pageLinks.make(name, now());
  if (link === undefined)
    return decline('links', `${MOST_LINKS} links wait to be used already: try again in ten minutes`);
  await audit.add('page link', { as: name }, now());
  return { ok: true, result: link };
}

const NO_LINK =
  'this link was used already, is older than ten minutes, or was made before the server started: make another with banshare-server web link --as NAME';

/** What the page asks when people come with codes, many at once or one: each lets somebody in once. */
export async function usePageLink(args: Args, parts: LinkParts): Promise<AdminReply> {
  const { codes } = args;
  if (!Array.isArray(codes)) {
    const name = await letIn(textOf(args, 'code') ?? '', parts);
    return name === null ? decline('link', NO_LINK) : { ok: true, result: { name } };
  }
  if (codes.length > MOST_CODES) return decline('links', `at most ${MOST_CODES} codes are tried at once`);
  const names: (string | null)[] = [];
  for (const code of codes) names.push(await letIn(String(code), parts));
  return { ok: true, result: { names, refusal: NO_LINK } satisfies PageLogins };
}

async function letIn(code: string, { pageLinks, audit, now }: LinkParts): Promise<string | null> {
  const name = pageLinks.use(code, now());
  if (name === undefined) return null;
  await audit.add('page login', { as: name }, now());
  return name;
}

function hashOf(code: string): string {
  return createHash('sha256').update(code).digest('hex');
}
