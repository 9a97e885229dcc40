import { bad, good, oneLine, quote, type Result } from '@banshare/protocol';
import type { AdminReply, AdminRequest, AskedRequest } from './protocol.ts';
import { oddIn, type Shape } from './answers.ts';
import { askAdmin } from './ask.ts';
import { nearestName } from '../people/near-names.ts';

/** What an argument of an action may be; a list of texts are the words that it may be. */
type Argument = 'text' | 'flag' | 'number' | 'list' | readonly string[];

/** The arguments of an action by name; one whose name ends with a question mark may be left out. */
type Arguments = Readonly<Record<string, Argument>>;

type Args = AskedRequest['args'];

/** Something that a daemon does or tells for whoever may open its socket: what it takes, and what it answers where that is well. */
type AdminAction = { readonly takes: Arguments; readonly gives: Shape | ((args: Args) => Shape) };

/** Every action of a daemon, by name: the daemon answers by this table, and its commands ask and read the answers by it. */
export type AdminTable = Readonly<Record<string, AdminAction>>;

/** What the daemon does for each; called with nothing but what `takes` names, of the kinds that it names. */
export type AdminRuns<Table extends AdminTable, Parts> = {
  readonly [Name in keyof Table]: (args: Args, parts: Parts) => AdminReply | Promise<AdminReply>;
};

/** Asks by a table: an answer that has not the shape that it says is none, and a sentence says so. */
export async function askBy(
  table: AdminTable,
  path: string,
  request: AdminRequest,
  timeoutMs: number,
): Promise<AdminReply> {
  const reply = await askAdmin(path, request, timeoutMs);
  const gives = table[request.command]?.gives;
  if (!reply.ok || gives === undefined) return reply;
  const odd = oddIn(typeof gives === 'function' ? gives(request.args ?? {}) : gives, reply.result);
  if (odd === undefined) return reply;
  const reason = `The daemon at ${path} answers ${request.command} with something else than was asked for (${odd}): it is of another version, so restart it, or no longer ours`;
  return { ok: false, code: 'odd-answer', reason };
}

/**
 * Answers a request by a daemon's table. An unknown action, an unknown or missing argument and one of a wrong kind are refused,
 * with what is known: a deed that was asked for by mistake is none that somebody wanted.
 */
export function answerBy<Table extends AdminTable, Parts>(
  table: Table,
  runs: AdminRuns<Table, Parts>,
  { command, args }: AskedRequest,
  parts: Parts,
): AdminReply | Promise<AdminReply> {
  const action = Object.hasOwn(table, command) ? table[command] : undefined;
  if (action === undefined) {
    const reason = `this daemon does not know the command ${quote(command)}${meant(command, Object.keys(table))}`;
    return { ok: false, code: 'unsupported', reason };
  }
  const checked = checkArguments(action.takes, args);
  if (checked.ok) return runs[command as keyof Table](args, parts);
  return { ok: false, code: 'argument', reason: oneLine(`${command} ${checked.fault}`) };
}

function checkArguments(takes: Arguments, args: Args): Result<undefined> {
  const known = Object.keys(takes).map((key) => key.replace(/\?$/, ''));
  for (const [name, value] of Object.entries(args)) {
    const argument = known.includes(name) ? (takes[name] ?? takes[`${name}?`]) : undefined;
    if (argument === undefined) return bad(`takes no argument ${quote(name)}${meant(name, known)}`);
    if (!fits(argument, value)) return bad(`takes as "${name}" ${kindText(argument)}, not ${shown(value)}`);
  }
  const missing = Object.keys(takes).find((key) => !key.endsWith('?') && !Object.hasOwn(args, key));
  return missing === undefined ? good(undefined) : bad(`needs the argument "${missing}"`);
}

function fits(argument: Argument, value: unknown): boolean {
  if (typeof argument !== 'string') return typeof value === 'string' && argument.includes(value);
  if (argument === 'text') return typeof value === 'string';
  if (argument === 'flag') return typeof value === 'boolean';
  return argument === 'number' ? Number.isFinite(value) : Array.isArray(value);
}

function kindText(argument: Argument): string {
  if (typeof argument !== 'string') return argument.join(' or ');
  return argument === 'flag' ? 'true or false' : `a ${argument}`;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  return Array.isArray(value)
    ? 'a list'
    : typeof value === 'object' && value !== null
      ? 'a table'
      : String(value);
}

function meant(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  const all = known.length === 0 ? 'it takes none' : `known are ${known.join(', ')}`;
  return near === undefined ? `: ${all}` : `: is "${near}" meant? ${all}`;
}
