import { existsSync } from 'node:fs';
import type { JailName } from '@banshare/protocol';
import { fillWords } from '../command-words.ts';
import type { Ended } from '../exec.ts';
import type { Notes } from '../notes.ts';
import type { Change, Effect, Enforcer } from './enforcer.ts';

/** The two commands, split into words already, and the jail for bans whose own jail this host does not have. */
export type Commands = { ban: readonly string[]; unban: readonly string[]; missingJail: JailName };

/** How fail2ban-client says that a jail does not exist; it exits 255, as for every other fault. */
const NO_SUCH_JAIL = /UnknownJailException|jail '[^']*' does not exist/;

/** Runs the administrator's own command for each ban. */
export function commandEnforcer(
  commands: Commands,
  notes: Notes,
  run: (words: string[]) => Promise<Ended>,
): Enforcer {
  const attempt = async (
    change: Change,
    localJail: JailName,
  ): Promise<{ effect: Effect; isJailMissing: boolean }> => {
    const isNewNote = change.kind === 'ban' && notes.write(localJail, change.ip);
    const ended = await run(commandOf(commands, { ...change, localJail }));
    const isJailMissing = ended.code !== 0 && NO_SUCH_JAIL.test(ended.stderr + ended.stdout);
    const effect = effectOf(change, localJail, ended);
    // Nothing was done here, so no echo will come; an older note may still await the echo of an earlier command.
    if (isNewNote && (isJailMissing || effect.outcome === 'already')) notes.remove(localJail, change.ip);
    return { effect, isJailMissing };
  };
  const carryOutOne = async (change: Change): Promise<Effect> => {
    try {
      const first = await attempt(change, change.localJail);
      if (!first.isJailMissing || change.localJail === commands.missingJail) return first.effect;
      return (await attempt(change, commands.missingJail)).effect;
    } catch (error) {
      return { outcome: 'failed', reason: (error as Error).message, localJail: change.localJail };
    }
  };
  return {
    kind: 'command',
    mostAtOnce: 1,
    isSerial: false,
    place: 'jail',
    carryOut: (changes) => Promise.all(changes.map(carryOutOne)),
    check: () => Promise.resolve(missingPrograms([commands.ban, commands.unban])),
  };
}

/** The programs of commands that are named by a path where there is nothing. */
function missingPrograms(commands: readonly (readonly string[])[]): string[] {
  const programs = new Set(commands.map(([program = '']) => program));
  return [...programs]
    .filter((program) => program.includes('/') && !existsSync(program))
    .map((program) => `The command "${program}" is not there; install it, or set [apply] command.`);
}

/** The words that a change runs. */
export function commandOf(commands: Commands, change: Change): string[] {
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

/** fail2ban-client prints how many bans are new, or were lifted: exactly 0 means that it was so before. */
function effectOf(change: Change, localJail: JailName, ended: Ended): Effect {
  if (ended.code === 0) {
    if (ended.stdout.trim() !== '0') return { outcome: 'applied', localJail };
    return { outcome: change.kind === 'ban' ? 'already' : 'released', localJail };
  }
  const how = ended.isTimedOut
    ? 'it ran too long'
    : ended.code === null
      ? 'it could not run'
      : `exit ${ended.code}`;
  const said = ended.stderr.trim() || ended.stdout.trim();
  const reason = `${how} after ${ended.milliseconds} ms: ${said.slice(0, 300)}`;
  // fail2ban may do later what it was asked and did not answer in time: such a ban is ours to lift.
  return { outcome: 'failed', reason, localJail, ...(ended.isTimedOut ? { isBegun: true } : {}) };
}
