import type { Freeze, Frozen } from '../judging/freeze.ts';
import {
  hostsOf,
  look,
  serversOf,
  type HostParts,
  type HostStatus,
  type Status,
  type StatusParts,
} from './status.ts';

/** `hosts`: every one, and how many active bans are of ranges, which not every host can apply. */
export async function listHosts(
  parts: HostParts & { freeze: Pick<Freeze, 'at'> } & Pick<StatusParts, 'generations'>,
  now: number,
): Promise<HostList> {
  return listOf(await hostsOf(parts, now), parts, now);
}

/** How the fleet is and every host, of which each is looked at once. */
export async function overviewOf(
  parts: StatusParts,
  now: number,
): Promise<{ status: Status; fleet: HostList }> {
  const { status, hosts } = await look(parts, now);
  return { status, fleet: await listOf(hosts, parts, now) };
}

async function listOf(
  hosts: HostStatus[],
  parts: Pick<StatusParts, 'ledger' | 'freeze' | 'generations'>,
  now: number,
): Promise<HostList> {
  const frozen = parts.freeze.at(now);
  const servers = serversOf(parts).map((server) => ({
    server,
    hosts: hosts.filter((host) => host.server === server && !host.isBehind).length,
  }));
  return { hosts, servers, activeRanges: await parts.ledger.countRanges(now), frozen };
}

/** What `hosts` lists: also where hosts reach the servers of the fleet, and how many that are in step say they are there. */
export type HostList = {
  hosts: HostStatus[];
  servers: { server: string; hosts: number }[];
  activeRanges: number;
  frozen: Frozen | null;
};
