import { isRange } from '@banshare/protocol';
import type { Enforcer } from '../enforcers/enforcer.ts';
import { jailsBanning, lift, logsOf } from '../fail2ban/requests.ts';
import { Talk, TalkError } from '../fail2ban/connection.ts';
import { canBlock, type Psad } from '../enforcers/psad/psad.ts';
import { startBehind } from '../host/socket-start.ts';
import type { Change, Effect } from '../bans/change.ts';

/** logFile: where a line bans, for whatever jail reads it, if so; isPsadAsked: whether the enforcer has psad lift the bans of psad anyway. */
export type LocalBansParts = {
  fail2banSocket: string;
  timeoutMs: number;
  logFile: string | undefined;
  psad: Pick<Psad, 'blocks' | 'carryOut' | 'start'>;
  isPsadAsked: (change: Change) => boolean;
};

/**
 * An operator lifts a ban everywhere, also on the host that found it: there its own fail2ban or psad has it, whatever enforcer
 * banshare uses. Where neither of them runs, or has the address, there is nothing to do.
 */
export function withLocalBans(enforcer: Enforcer, parts: LocalBansParts): Enforcer {
  return {
    get kind() {
      return enforcer.kind;
    },
    get mostAtOnce() {
      return enforcer.mostAtOnce;
    },
    get isSerial() {
      return enforcer.isSerial;
    },
    reach: enforcer.reach,
    takesRanges: enforcer.takesRanges,
    check: () => enforcer.check(),
    unproven: async () => (await enforcer.unproven?.()) ?? [],
    ways: async () => (await enforcer.ways?.()) ?? [],
    carryOut: async (changes) => {
      const effects = await enforcer.carryOut(changes);
      const forced = changes.filter(
        ({ kind, forced: how, ip }) => kind === 'unban' && how !== 'no' && !isRange(ip),
      );
      if (forced.length === 0) return effects;
      const lifted = new Map<Change, Lifted>();
      await liftInFail2ban(forced, parts, lifted);
      await liftInPsad(forced, parts, lifted);
      return changes.map((change, index) => merged(effects[index] as Effect, lifted.get(change)));
    },
  };
}

/** What came of the host's own blocks: something was lifted, or could not be. */
type Lifted = { reason: string };

async function liftInFail2ban(
  changes: readonly Change[],
  { fail2banSocket, timeoutMs, logFile }: LocalBansParts,
  lifted: Map<Change, Lifted>,
): Promise<void> {
  let change: Change | undefined;
  try {
    using talk = await Talk.open(fail2banSocket, timeoutMs);
    for (change of changes) {
      const jails = await jailsToLift(talk, change, logFile);
      for (const each of jails) await lift(talk, each, change.ip);
      if (jails.length > 0) lifted.set(change, { reason: '' });
    }
  } catch (error) {
    // One that is not there holds nothing. One that goes at this moment may come back with what it has in its database, and so
    // may one that left its socket behind, as it does where it was killed.
    const isAway = error instanceof TalkError && error.fault === 'down';
    if (isAway && startBehind(fail2banSocket) === undefined) return;
    const reason = (error as Error).message;
    const from = change === undefined ? 0 : changes.indexOf(change);
    for (const each of changes.slice(from)) lifted.set(each, { reason });
  }
}

/** Of the jails that have the address now, those that are to let it go. */
async function jailsToLift(talk: Talk, change: Change, logFile: string | undefined): Promise<string[]> {
  const { ip, jail, localJail, forced } = change;
  const jails: string[] = [];
  for (const each of await jailsBanning(talk, ip)) {
    const isOfBan = forced === 'every-jail' || each === jail || each === localJail;
    const readsLog = logFile !== undefined && (await logsOf(talk, each)).includes(logFile);
    if (isOfBan || readsLog) jails.push(each);
  }
  return jails;
}

async function liftInPsad(
  changes: readonly Change[],
  { psad, isPsadAsked }: LocalBansParts,
  lifted: Map<Change, Lifted>,
): Promise<void> {
  if (psad.start() === undefined) return;
  const blocked = changes.filter(
    (change) =>
      (change.prog === 'psad' || change.forced === 'every-jail') &&
      canBlock(change) &&
      !isPsadAsked(change) &&
      psad.blocks(change.ip),
  );
  if (blocked.length === 0) return;
  const effects = await psad.carryOut(blocked);
  blocked.forEach((change, index) => {
    const effect = effects[index];
    const reason = effect?.outcome === 'failed' ? effect.reason : '';
    if (reason !== '' || !lifted.has(change)) lifted.set(change, { reason });
  });
}

function merged(effect: Effect, lifted: Lifted | undefined): Effect {
  const { localJail } = effect;
  if (lifted === undefined || effect.outcome === 'failed') return effect;
  return lifted.reason === ''
    ? { outcome: 'applied', localJail }
    : { outcome: 'failed', reason: lifted.reason, localJail };
}
