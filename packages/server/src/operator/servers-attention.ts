import { someOf } from '@banshare/runtime';
import type { Entry, Facts } from './facts.ts';

/** A host that goes from one to the other takes an epoch for a new one, and lifts what that lacks. */
export function aloneAmongServers({ servers, sharesLedger }: Facts): Entry[] {
  if (servers.length === 1 || sharesLedger) return [];
  const text = `Hosts know several servers, ${someOf(servers)}, and this one shares its ledger with none: a host that goes from one to another lifts what the other lacks. Name one server, by make regen SERVER=NAME, and bring that to all hosts`;
  return [{ code: 'alone-among-servers', text }];
}
