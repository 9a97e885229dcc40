import { TalkError, type Talk } from './connection.ts';
import type { Pickled } from './pickle.ts';

/** What stands in a jail; `everBanned` counts its bans since the jail was started. */
export type JailStanding = { banned: string[]; everBanned: number };

/** How a version tells what is banned: to a question about addresses, or by the list of each jail. */
export type Telling = 'asked' | 'listed';

/** Known of each connection once it was asked. */
const telling = new WeakMap<Talk, Promise<Telling>>();

/**
 * How this fail2ban tells what is banned: from 0.11.2 on it can be asked. What it does not know it answers with a refusal, and with a
 * line in its log each time. @throws TalkError.
 */
export function tellingOf(talk: Talk): Promise<Telling> {
  const known =
    telling.get(talk) ??
    versionOf(talk).then((version) => (isFrom(version, [0, 11, 2]) ? 'asked' : 'listed'));
  telling.set(talk, known);
  return known;
}

/** Whether a version is one or a later one; one that cannot be read is not. */
export function isFrom(version: string, least: readonly number[]): boolean {
  const parts = /^\d+(?:\.\d+)*/.exec(version)?.[0].split('.').map(Number) ?? [];
  const at = least.findIndex((number, index) => (parts[index] ?? 0) !== number);
  return at === -1 || (parts[at] ?? 0) > (least[at] ?? 0);
}

/** Which of the addresses are banned in a jail now: the question is sent before this returns. @throws TalkError. */
export async function areBanned(
  talk: Talk,
  jail: string,
  ips: readonly string[],
  how: Telling,
): Promise<boolean[]> {
  if (how === 'listed') {
    const { banned } = await standingOf(talk, jail);
    const all = new Set(banned);
    return ips.map((ip) => all.has(ip));
  }
  const answer = await talk.ask(['get', jail, 'banned', ...ips]);
  // Of one address it answers without a list.
  const items = answer.is === 'list' ? answer.items : [answer];
  const flags = items.map(numberIn);
  if (flags.length !== ips.length || flags.some((flag) => flag !== 0 && flag !== 1))
    throw strange('which addresses are banned');
  return flags.map((flag) => flag === 1);
}

/** The jails in which an address is banned now. @throws TalkError. */
export async function jailsBanning(talk: Talk, ip: string): Promise<string[]> {
  if ((await tellingOf(talk)) === 'listed') {
    const jails: string[] = [];
    for (const jail of await jailsOf(talk)) {
      if ((await areBanned(talk, jail, [ip], 'listed'))[0] === true) jails.push(jail);
    }
    return jails;
  }
  const answer = await talk.ask(['banned', ip]);
  const [jails] = answer.is === 'list' ? answer.items : [];
  if (jails === undefined) throw strange('where an address is banned');
  return textsIn(jails, 'where an address is banned');
}

/** Lifts what a jail has banned; what earlier versions than 0.11 answer to that differs, and tells nothing more. @throws TalkError. */
export async function lift(talk: Talk, jail: string, ip: string): Promise<void> {
  await talk.ask(['set', jail, 'unbanip', ip]);
}

/** The log files that a jail watches. @throws TalkError. */
export async function logsOf(talk: Talk, jail: string): Promise<string[]> {
  return textsIn(await talk.ask(['get', jail, 'logpath']), 'the logs of a jail');
}

/** Bans or lifts addresses, and returns how many that changed. @throws TalkError. */
export async function change(
  talk: Talk,
  jail: string,
  verb: 'banip' | 'unbanip',
  ips: readonly string[],
): Promise<number> {
  return numberIn(await talk.ask(['set', jail, verb, ...ips]));
}

/** What a jail has. @throws TalkError, also where there is no such jail. */
export async function standingOf(talk: Talk, jail: string): Promise<JailStanding> {
  const actions = partOf(await talk.ask(['status', jail]), 'Actions');
  const banned = partOf(actions, 'Banned IP list');
  if (banned.is !== 'list') throw strange('what is banned');
  return { banned: banned.items.map(textIn), everBanned: numberIn(partOf(actions, 'Total banned')) };
}

/** @throws TalkError. */
export async function jailsOf(talk: Talk): Promise<string[]> {
  const list = textIn(partOf(await talk.ask(['status']), 'Jail list'));
  return list.split(',').flatMap((name) => name.trim() || []);
}

/** The actions of a jail, by name. @throws TalkError, also where there is no such jail. */
export async function actionsOf(talk: Talk, jail: string): Promise<string[]> {
  return textsIn(await talk.ask(['get', jail, 'actions']), 'the actions of a jail');
}

/** A command of an action, as it is written in its file or the jail. @throws TalkError `raised` of an action in Python. */
export async function commandOfAction(
  talk: Talk,
  jail: string,
  action: string,
  which: 'actionban',
): Promise<string> {
  return textIn(await talk.ask(['get', jail, 'action', action, which]));
}

/** What an action has: the names of its properties, or of its methods. @throws TalkError. */
export async function wordsOfAction(
  talk: Talk,
  jail: string,
  action: string,
  which: 'actionproperties' | 'actionmethods',
): Promise<string[]> {
  return textsIn(await talk.ask(['get', jail, which, action]), 'what an action has');
}

/** Sets a property of an action that is nobody else's. @throws TalkError. */
export async function markAction(talk: Talk, jail: string, action: string, property: string): Promise<void> {
  await talk.ask(['set', jail, 'action', action, property, '1']);
}

/** Calls a method of an action that takes nothing. @throws TalkError. */
export async function checkAction(talk: Talk, jail: string, action: string, method: string): Promise<void> {
  await talk.ask(['set', jail, 'action', action, method]);
}

/** Whether a shell command succeeds that fail2ban runs for an action, with its own rights. @throws TalkError. */
export async function succeeds(
  talk: Talk,
  jail: string,
  action: string,
  command: string,
  timeoutSeconds: number,
): Promise<boolean> {
  const how = JSON.stringify({ realCmd: command, timeout: timeoutSeconds });
  const answer = await talk.ask(['set', jail, 'action', action, 'executeCmd', how]);
  if (answer.is !== 'flag') throw strange('whether a command succeeds');
  return answer.flag;
}

/** The command by which a jail finds out whom else it ignores; '' where there is none. @throws TalkError. */
export async function ignoreCommandOf(talk: Talk, jail: string): Promise<string> {
  const answer = await talk.ask(['get', jail, 'ignorecommand']);
  return answer.is === 'text' ? answer.text : '';
}

/** For how many seconds a jail bans, before any increment; -1 for ever. @throws TalkError. */
export async function bantimeOf(talk: Talk, jail: string): Promise<number> {
  return numberIn(await talk.ask(['get', jail, 'bantime']));
}

/** Where it writes its log: a path, or a name such as SYSLOG. @throws TalkError. */
export async function logTargetOf(talk: Talk): Promise<string> {
  return textIn(await talk.ask(['get', 'logtarget']));
}

/** How often the rules of an action were found gone since its jail was started. @throws TalkError. */
export async function repairsOf(talk: Talk, jail: string, action: string): Promise<number> {
  return numberIn(await talk.ask(['get', jail, 'action', action, 'banEpoch']));
}

/** Its version as it tells it. @throws TalkError. */
export async function versionOf(talk: Talk): Promise<string> {
  return textIn(await talk.ask(['version']));
}

/** A part of what status tells: a list of pairs, a name and what it stands for. */
function partOf(answer: Pickled, name: string): Pickled {
  const pairs = answer.is === 'list' ? answer.items : [];
  for (const pair of pairs) {
    const [key, value] = pair.is === 'tuple' && pair.items.length === 2 ? pair.items : [];
    if (key?.is === 'text' && key.text === name && value !== undefined) return value;
  }
  throw strange(name);
}

function numberIn(value: Pickled): number {
  if (value.is !== 'number') throw strange('a number');
  return value.number;
}

function textsIn(value: Pickled, what: string): string[] {
  if (value.is !== 'list') throw strange(what);
  return value.items.map(textIn);
}

function textIn(value: Pickled): string {
  if (value.is !== 'text') throw strange('a text');
  return value.text;
}

function strange(what: string): TalkError {
  return new TalkError('unreadable', `fail2ban answers in a form that this version does not know: ${what}`);
}
