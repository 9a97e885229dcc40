import { someOf } from '@banshare/runtime';
import { MOST_AHEAD } from '../../log/log.ts';
import { span, time } from '../../words/phrases.ts';
import type { Entry, Facts } from './facts.ts';

/** A host that goes from one to the other takes an epoch for a new one, and lifts what that lacks. */
export function aloneAmongServers({ servers, sharesLedger }: Facts): Entry[] {
  if (servers.length === 1 || sharesLedger) return [];
  const text = `Hosts know several servers, ${someOf(servers)}, and this one shares its ledger with none: a host that goes from one to another lifts what the other lacks. Have them share one (banshare-server ledger move), or name one server on all hosts (make regen SERVER=NAME)`;
  return [{ code: 'alone-among-servers', text }];
}

const SHUT =
  '. It has opened no port, so that its hosts are at the other servers; once that is seen to: systemctl restart banshare-server';

/** Another server goes on; hosts of this one find it, since this one says that it is stale. */
export function replicaStopped({ shared }: Facts): Entry[] {
  if (shared === null || shared.stopped === null) return [];
  const shut = shared.isShut ? SHUT : '';
  if (shared.aheadBy !== null) {
    const many = `ahead by ${shared.aheadBy} ${shared.aheadBy === 1 ? 'entry' : 'entries'}`;
    const lost = `The database lost what was acknowledged: this server is ${many} at least, and writes nothing. Where no other server is ahead by more, stop all of them, and here: banshare-server restore --from-replica${shut}`;
    return [{ code: 'replica-stopped', text: lost }];
  }
  const leaves = shared.isOutdated
    ? '. Until then its ports are closed, and its hosts are at the others'
    : shut;
  const text = `This server takes nothing more from the log that the servers share, and writes nothing: ${shared.stopped}${leaves}`;
  return [{ code: 'replica-stopped', text }];
}

/** What was behind is well again; of tables that were not what they had to be somebody has to know, since nothing but this server writes them. */
export function startedOver({ shared }: Facts): Entry[] {
  const over = shared?.startedOver ?? null;
  if (over === null || over.code !== 'conflict') return [];
  const text = `This server began with the newest snapshot of the shared log at ${time(over.at)}: ${over.why}. Find out whether its disk is failing, or who writes its files; then remove ${over.kept}, the ledger of before`;
  return [{ code: 'started-over', text }];
}

/** Bans end, and what is over is removed, by the time of each server. */
export function clocksApart({ shared }: Facts): Entry[] {
  const ahead = shared?.clockAhead ?? 0;
  if (Math.abs(ahead) < MOST_AHEAD) return [];
  const how = `${span(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'}`;
  const text = `This server's clock is ${how} that of the database which the servers share: bans that it takes end at another time; look at chrony or ntp on both`;
  return [{ code: 'server-clock', text }];
}

/** Named for ever: the day when it matters is the day when the machine has died. */
export function unreplicated({ shared }: Facts): Entry[] {
  if (shared?.durability !== 'none') return [];
  const text =
    'What is answered OK is on one machine only: [ledger] durability is "none"; with a synchronous standby it is "standby", where the provider replicates it "provider"';
  return [{ code: 'log-unreplicated', text }];
}

/** An administrator who changed it believes that it counts. */
export function needsRestart({ needsRestart: keys }: Facts): Entry[] {
  if (keys.length === 0) return [];
  const text = `server.toml says otherwise than what this server goes by, and a reload is not enough: ${keys.join(', ')}; systemctl restart banshare-server`;
  return [{ code: 'needs-restart', text }];
}

/** What can be done where a server lacks the keys of a generation. */
const BRING = 'run the server-install.sh here that the other servers were installed with';

/** Its hosts go to the other servers, and nobody can come here. */
export function noGeneration({ generations, lackingGenerations }: Facts): Entry[] {
  if (generations.length > 0) return [];
  const which = someOf(lackingGenerations);
  const text = `This server serves nobody: every generation that it had is retired, and it lacks ${which}; ${BRING}`;
  return [{ code: 'no-generation', text }];
}

/** A host of that generation finds the other servers only. */
export function lackingGeneration({ generations, lackingGenerations: all }: Facts): Entry[] {
  if (generations.length === 0 || all.length === 0) return [];
  const [which, isOne] = [someOf(all), all.length === 1];
  const text = `This server lacks the ${isOne ? 'generation' : 'generations'} ${which}, which other servers have: hosts of ${isOne ? 'it' : 'them'} cannot come here. ${BRING[0]?.toUpperCase()}${BRING.slice(1)}; or, where no server has ${isOne ? 'it' : 'them'} any more, banshare-server retire GENERATION`;
  return [{ code: 'lacking-generation', text }];
}
