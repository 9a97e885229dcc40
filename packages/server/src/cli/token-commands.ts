import { fchmodSync, fstatSync } from 'node:fs';
import { complain, EXIT, someOf, table, tell, tellJson, wallSeconds } from '@banshare/runtime';
import { askServer, codeOf, type Ask, type Command, type Words } from './asking/ask-daemon.ts';
import { subcommands } from './asking/subcommands.ts';
import { durationTyped, rangeTyped, REASON } from './asking/words-of.ts';
import { span, time } from '../words/phrases.ts';
import { parseNamePattern } from '../words/hosts/name-pattern.ts';
import { MOST_USES, type ToldToken } from '../words/hosts/token.ts';

/** `token`, and what is done with tokens. */
export function tokenCommands(ask: Ask, setCode: (code: number) => void): Command {
  const list: Command['handler'] = (words) =>
    ask(words, { command: 'token', args: { action: 'list' } }, ({ tokens }: { tokens: ToldToken[] }) =>
      showTokens(tokens, wallSeconds()),
    );
  const inner = [
    add(setCode),
    {
      command: 'list',
      describe: 'every token, how often it was used, and by which hosts',
      builder: {},
      handler: list,
    },
    revoke(ask),
  ];
  return {
    command: 'token',
    inner,
    describe: 'what lets hosts join for a time; token add, token revoke',
    builder: subcommands(inner),
    handler: list,
  };
}

function add(setCode: (code: number) => void): Command {
  return {
    command: 'add',
    describe: 'prints a token for banshare-client join, once: its secret is kept nowhere',
    builder: {
      uses: {
        type: 'number',
        default: 1,
        coerce: usesTyped,
        describe: 'how many hosts may join by it, at most 10,000',
      },
      for: {
        type: 'string',
        default: '1h',
        coerce: durationTyped,
        describe: 'how long it lives, at most 30d',
      },
      from: { type: 'string', coerce: rangeTyped, describe: 'only from this address or range' },
      name: {
        type: 'string',
        coerce: patternTyped,
        describe: "only hosts that are called so, such as 'web-*'",
      },
      approve: {
        type: 'boolean',
        default: false,
        describe: 'who joins by it is approved, and waits for nobody while enrolment is approve or closed',
      },
      reason: REASON,
    },
    handler: async (words) => setCode(await addToken(words)),
  };
}

async function addToken(words: Words): Promise<number> {
  const { uses, for: duration, from, name, approve, reason, root, json } = words;
  const args = { action: 'add', uses, for: duration, from, name, approve, reason };
  const reply = await askServer(root, { command: 'token', args: withoutAbsent(args) });
  if (!reply.ok) {
    complain('banshare-server', reply.reason);
    return codeOf(reply.code);
  }
  const { token, text } = reply.result as { token: ToldToken; text: string };
  keepFromOthers();
  if (json) {
    tellJson({ ...token, token: text });
    return EXIT.done;
  }
  // What goes into a file is the token alone.
  complain(
    'banshare-server',
    `the token ${token.id} lets ${sayTerms(token)} join until ${time(token.until)}${token.approves ? ', and approves them' : ''}. This is its only copy: keep it from others, and give it to banshare-client join - or join --file FILE, never as an argument`,
  );
  tell(text);
  return EXIT.done;
}

/** A shell makes the file that a token goes into for all to read: from before the token is in it only its owner may. */
function keepFromOthers(): void {
  const standardOutput = 1;
  try {
    const found = fstatSync(standardOutput);
    if (found.isFile() && (found.mode & 0o077) !== 0) fchmodSync(standardOutput, 0o600);
  } catch (error) {
    complain(
      'banshare-server',
      `others may read the file that the token goes into (${(error as Error).message}): keep it elsewhere`,
    );
  }
}

function revoke(ask: Ask): Command {
  return {
    command: 'revoke [id..]',
    describe:
      'lets nobody join by these any more; hosts that did stay: hosts revoke --token ID shuts them out too',
    builder: {
      id: { type: 'string', array: true, describe: 'as token list names them' },
      all: { type: 'boolean', describe: 'all that live' },
      reason: REASON,
    },
    handler: (words) => {
      const { id, all } = words;
      const ids = id as string[] | undefined;
      const args = { action: 'revoke', ids: ids?.length === 0 ? undefined : ids, all };
      const show = ({ revoked, before }: { revoked: string[]; before: number }): string =>
        [
          revoked.length === 0 ? 'No token was revoked.' : `Revoked: ${revoked.join(', ')}.`,
          ...(before === 0 ? [] : [`${before} revoked already.`]),
        ].join(' ');
      return ask(words, { command: 'token', args: withoutAbsent(args) }, show);
    },
  };
}

/** @throws where it is no such number. */
function usesTyped(uses: number): number {
  if (Number.isInteger(uses) && uses >= 1 && uses <= MOST_USES) return uses;
  throw new Error(`a token is for 1 to ${MOST_USES} hosts: --uses 20`);
}

/** @throws where it is none. */
function patternTyped(text: string): string {
  const read = parseNamePattern(text);
  if (!read.ok) throw new Error(read.fault);
  return read.value;
}

function withoutAbsent(args: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
}

function sayTerms({ uses, from, pattern }: ToldToken): string {
  return [
    uses === 1 ? 'one host' : `${uses} hosts`,
    ...(pattern === null ? [] : [`called like ${pattern}`]),
    ...(from === null ? [] : [`from ${from}`]),
  ].join(' ');
}

function showTokens(tokens: readonly ToldToken[], now: number): string {
  if (tokens.length === 0) return 'There is no token: banshare-server token add makes one.';
  const rows = tokens.map(({ id, state, used, uses, until, from, pattern, approves, hosts }) => [
    id,
    state,
    `${used} of ${uses}`,
    until > now ? `in ${span(until - now)}` : `${span(now - until)} ago`,
    from ?? '',
    pattern ?? '',
    approves ? 'yes' : 'no',
    someOf(hosts, 5),
  ]);
  return table(['TOKEN', 'STATE', 'USED', 'ENDS', 'FROM', 'NAME', 'APPROVES', 'HOSTS'], rows);
}
