import type { JailName } from '@banshare/protocol';
import { fillWords } from '../host/command-words.ts';
import { saysNoSuchJail } from '../fail2ban/client.ts';
import { howEnded, isProgram, type Ended } from '../host/exec.ts';
import type { Notes } from '../host/echo-notes.ts';
import { addressesOnly } from './addresses-only.ts';
import type { Enforcer } from './enforcer.ts';
import type { Change, Effect } from '../bans/change.ts';

/** The two commands, split into words already, and the jail for bans whose own jail this host does not have. */
export type Commands = { ban: readonly string[]; unban: readonly string[]; missingJail: JailName };

/** A word that stands for several addresses, each a word of its own. */
const MANY = 'SRCIPS';
/** So many addresses in one call that fail2ban stays responsive. */
const MOST_IN_A_CALL = 25;

/** Runs the administrator's own command for each ban, or once for many where it has the word SRCIPS. */
export function commandEnforcer(
  commands: Commands,
  notes: Notes,
  run: (words: string[]) => Promise<Ended>,
): Enforcer {
  const isForMany = takesMany(commands.ban) || takesMany(commands.unban);
  const carryOutCall = async (group: readonly Change[]): Promise<Effect[]> => {
    const attempt = (jail: JailName | undefined): Promise<Attempt> =>
      attemptAll(group, jail, commands, notes, run);
    try {
      const first = await attempt(undefined);
      const isElsewhere = group.some(({ localJail }) => localJail !== commands.missingJail);
      return first.isJailMissing && isElsewhere
        ? (await attempt(commands.missingJail)).effects
        : first.effects;
    } catch (error) {
      const reason = (error as Error).message;
      return group.map(({ localJail }) => ({ outcome: 'failed', reason, localJail }));
    }
  };
  const carryOutAll = async (changes: readonly Change[]): Promise<Effect[]> => {
    const effects = new Map<Change, Effect>();
    for (const group of groupsOf(changes, commands)) {
      const answers = await carryOutCall(group);
      group.forEach((each, index) => effects.set(each, answers[index] as Effect));
    }
    return changes.map((each) => effects.get(each) as Effect);
  };
  return {
    kind: 'command',
    mostAtOnce: isForMany ? MOST_IN_A_CALL : 1,
    isSerial: false,
    reach: 'jail',
    takesRanges: false,
    carryOut: (changes) => addressesOnly('command', changes, carryOutAll),
    check: () => Promise.resolve(missingPrograms([commands.ban, commands.unban])),
  };
}

type Attempt = { effects: Effect[]; isJailMissing: boolean };

async function attemptAll(
  group: readonly Change[],
  jail: JailName | undefined,
  commands: Commands,
  notes: Notes,
  run: (words: string[]) => Promise<Ended>,
): Promise<Attempt> {
  const changes = group.map((change) => ({ ...change, localJail: jail ?? change.localJail }));
  const [first] = changes;
  if (first === undefined) return { effects: [], isJailMissing: false };
  const newNotes = changes.filter(({ kind, localJail, ip }) => kind === 'ban' && notes.write(localJail, ip));
  const ips = changes.map(({ ip }) => ip);
  const ended = await run(callOf(commands, first, ips));
  const isJailMissing = ended.code !== 0 && saysNoSuchJail(ended);
  const effects = changes.map((change) => effectOf(change, changes.length, ended));
  // Nothing was done here, so no echo will come; an older note may still await the echo of an earlier command.
  const isUntouched = isJailMissing || (ended.code === 0 && ended.stdout.trim() === '0');
  if (isUntouched) for (const { localJail, ip } of newNotes) notes.remove(localJail, ip);
  return { effects, isJailMissing };
}

function takesMany(words: readonly string[]): boolean {
  return words.includes(MANY);
}

/** The changes that are one call: they differ in nothing but their addresses. */
function groupsOf(changes: readonly Change[], commands: Commands): Change[][] {
  const key = (change: Change, index: number): string => {
    const words = commandOf(commands, change);
    return JSON.stringify([takesMany(words) ? 'many' : index, change.localJail, words]);
  };
  return [...Map.groupBy(changes, key).values()];
}

/** The programs of commands that are not there. */
function missingPrograms(commands: readonly (readonly string[])[]): string[] {
  const programs = new Set(commands.map(([program = '']) => program));
  return [...programs]
    .filter((program) => !isProgram(program))
    .map((program) => {
      const what = /(^|\/)fail2ban-client$/.test(program) ? 'and start fail2ban' : 'it';
      return `The command "${program}" is not there. Install ${what}, or set another [apply] enforcer or command.`;
    });
}

/** The words of one call: those of a change, with the addresses of all that it is for. */
export function callOf(commands: Commands, change: Change, ips: readonly string[]): string[] {
  return commandOf(commands, change).flatMap((word) => (word === MANY ? ips : [word]));
}

function commandOf(commands: Commands, change: Change): string[] {
  const { ip, prog, port, protocol, seconds, localJail } = change;
  return fillWords(change.kind === 'ban' ? commands.ban : commands.unban, {
    ip,
    jail: localJail,
    prog,
    port,
    protocol,
    seconds,
  });
}

/** What fail2ban-client puts before each line: the server's status cuts a reason, and had nothing but this of it. */
const LOG_HEAD = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ +\S+ +\[\d+\]: */gm;

/**
 * fail2ban-client prints how many bans are new, or were lifted: exactly 0 means that it was so before. Of several addresses a
 * smaller count does not tell which ones; then none of them is called ours, and its jail's bantime ends it.
 */
function effectOf({ kind, localJail }: Change, asked: number, ended: Ended): Effect {
  if (ended.code === 0) {
    const said = ended.stdout.trim();
    const isFewer = asked > 1 && /^\d+$/.test(said) && Number(said) < asked;
    if (kind === 'ban') return { outcome: said === '0' || isFewer ? 'already' : 'applied', localJail };
    return { outcome: said === '0' ? 'released' : 'applied', localJail };
  }
  const said = (ended.stderr.trim() || ended.stdout.trim()).replaceAll(LOG_HEAD, '');
  const why = said === '' ? '' : `: ${said.slice(0, 300)}`;
  const reason = `${howEnded(ended)} after ${ended.milliseconds} ms${why}`;
  // fail2ban may do later what it was asked and did not answer in time: such a ban is ours to lift.
  return { outcome: 'failed', reason, localJail, ...(ended.isTimedOut ? { isBegun: true } : {}) };
}
