import { bad, FOR_EVER, good, parseDuration, parseRange, type Result } from '@banshare/protocol';
import { formatToken, type AdminReply } from '@banshare/runtime';
import { makeCurvePair } from '@banshare/transport';
import type { Audit } from '../../ledger/books/audit.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { HostBook } from '../../fleet/hosts.ts';
import { noToken } from '../../fleet/membership.ts';
import type { TokenBook } from '../../fleet/tokens.ts';
import type { Generation } from '../../setup/generations.ts';
import { parseNamePattern } from '../../words/hosts/name-pattern.ts';
import {
  LONGEST_TOKEN,
  MOST_TOKENS,
  MOST_USES,
  tokenState,
  type ToldToken,
} from '../../words/hosts/token.ts';
import { decline, textOf, type Args } from './bans.ts';

export type TokenParts = {
  ledger: Ledger;
  book: HostBook;
  tokens: TokenBook;
  audit: Audit;
  generations: readonly Generation[];
  /** What server.toml says of the ports, where it does. */
  listen: { reportPort?: number | undefined; publishPort?: number | undefined };
  now: () => number;
};

/** `token add|list|revoke` */
export async function changeTokens(args: Args, parts: TokenParts): Promise<AdminReply> {
  const action = textOf(args, 'action');
  if (action === 'add') return addToken(args, parts);
  if (action === 'revoke') return revokeTokens(args, parts);
  return { ok: true, result: { tokens: parts.tokens.all().map((token) => toldOf(token, parts)) } };
}

/** Makes a token, whose secret is in the answer and nowhere else. */
async function addToken(args: Args, parts: TokenParts): Promise<AdminReply> {
  const { ledger, tokens, audit, generations, listen, now } = parts;
  const read = readTerms(args, now());
  if ('fault' in read) return decline(read.code, read.fault);
  const newest = generations.at(-1);
  if (newest === undefined) return decline('generation', 'no generation is in service here');
  const { publicKey, secretKey } = await makeCurvePair();
  const made = await ledger.write(() => {
    if (tokens.alive().length >= MOST_TOKENS) return undefined;
    const { key, ...token } = tokens.add({ ...read.terms, key: publicKey });
    const { id, until, uses, from, pattern, approves } = token;
    audit.note('token added', { token: id, until, uses, from, name: pattern, approves }, now());
    return { ...token, key };
  });
  if (made === undefined)
    return decline(
      'tokens',
      `${MOST_TOKENS} tokens live already: revoke those that nobody needs, see token list`,
    );
  const { fleet } = newest;
  const text = formatToken({
    id: made.id,
    until: made.until,
    secret: { publicKey, secretKey },
    generation: fleet.generation,
    servers: fleet.servers,
    reportPort: listen.reportPort ?? fleet.reportPort,
    publishPort: listen.publishPort ?? fleet.publishPort,
    serverPublicKey: fleet.serverPublicKey,
  });
  return { ok: true, result: { token: toldOf(made, parts), text } };
}

type Terms = Pick<Parameters<TokenBook['add']>[0], 'until' | 'uses' | 'from' | 'pattern' | 'approves'>;

/** A token's terms as they were asked for, or the first that may not be. */
function readTerms(args: Args, now: number): { terms: Terms } | { code: string; fault: string } {
  const seconds = readDuration(textOf(args, 'for') ?? '1h');
  if (!seconds.ok) return { code: 'duration', fault: seconds.fault };
  const uses = readUses(args['uses'] ?? 1);
  if (!uses.ok) return { code: 'uses', fault: uses.fault };
  const from = optional(textOf(args, 'from'), parseRange);
  if (!from.ok) return { code: 'range', fault: from.fault };
  const pattern = optional(textOf(args, 'name'), parseNamePattern);
  if (!pattern.ok) return { code: 'name', fault: pattern.fault };
  const until = Math.ceil(now + seconds.value);
  const approves = args['approve'] === true;
  return { terms: { until, uses: uses.value, from: from.value, pattern: pattern.value, approves } };
}

function readDuration(text: string): Result<number> {
  const read = parseDuration(text);
  if (!read.ok) return read;
  const isIn = read.value !== FOR_EVER && read.value >= 1 && read.value <= LONGEST_TOKEN;
  return isIn ? read : bad('a token lives for 1 second to 30 days: --for 1h');
}

function readUses(uses: unknown): Result<number> {
  const isIn = typeof uses === 'number' && Number.isInteger(uses) && uses >= 1 && uses <= MOST_USES;
  return isIn ? good(uses) : bad(`a token is for 1 to ${MOST_USES} hosts: --uses 20`);
}

function optional<T>(text: string | undefined, parse: (text: string) => Result<T>): Result<T | null> {
  return text === undefined ? good(null) : parse(text);
}

/** Those of some ids, or all that live: all of them are known, or none is revoked. */
async function revokeTokens(args: Args, { ledger, tokens, audit, now }: TokenParts): Promise<AdminReply> {
  const ids = Array.isArray(args['ids']) ? [...new Set(args['ids'].map(String))] : [];
  const isAll = args['all'] === true;
  if ((ids.length === 0) !== isAll) return decline('usage', 'name the tokens, or --all of them');
  const done = await ledger.write(() => {
    const unknown = ids.find((id) => tokens.byId(id) === undefined);
    if (unknown !== undefined) return { unknown };
    const named = isAll ? tokens.alive() : ids.flatMap((id) => tokens.byId(id) ?? []);
    const standing = named.filter(({ revoked }) => revoked === null);
    for (const token of standing) {
      tokens.revoke(token);
      audit.note('token revoked', { token: token.id }, now());
    }
    return { revoked: standing.map(({ id }) => id), before: named.length - standing.length };
  });
  if ('unknown' in done) return decline('token', noToken(done.unknown ?? ''));
  return { ok: true, result: done };
}

function toldOf(
  { key: _, ...token }: ReturnType<TokenBook['all']>[number],
  { book, now }: TokenParts,
): ToldToken {
  const hosts = book.all().filter((host) => host.token === token.id);
  return {
    ...token,
    state: tokenState({ ...token, key: '' }, now()),
    hosts: hosts.map(({ name }) => name),
  };
}
