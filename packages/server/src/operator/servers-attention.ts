import { someOf } from '@banshare/runtime';
import type { Entry, Facts } from './facts.ts';

/** A host that goes from one to the other takes an epoch for a new one, and lifts what that lacks. */
export function aloneAmongServers({ servers, sharesLedger }: Facts): Entry[] {
  if (servers.length === 1 || sharesLedger) return [];
  const text = `Hosts know several servers, ${someOf(servers)}, and this one shares its ledger with none: a host that goes from one to another lifts what the other lacks. Have them share one (banshare-server ledger move), or name one server on all hosts (make regen SERVER=NAME)`;
  return [{ code: 'alone-among-servers', text }];
}

/** Another server goes on; hosts of this one find it, since this one says that it is stale. */
export function replicaStopped({ shared }: Facts): Entry[] {
  if (shared === null || shared.stopped === null) return [];
  const text = `This server takes nothing more from the log that the servers share, and writes nothing: ${shared.stopped}`;
  return [{ code: 'replica-stopped', text }];
}

/** Named for ever: the day when it matters is the day when the machine has died. */
export function unreplicated({ shared }: Facts): Entry[] {
  if (shared?.durability !== 'none') return [];
  const text =
    'What is answered OK is on one machine only: [ledger] durability is "none"; with a synchronous standby it is "standby", where the provider replicates it "provider"';
  return [{ code: 'log-unreplicated', text }];
}
