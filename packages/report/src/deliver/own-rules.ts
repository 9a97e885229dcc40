import { overlaps, type Address, type Target } from '@banshare/protocol';
import type { ClientConfig } from '@banshare/runtime';
import { EXIT, machineAddresses } from '@banshare/runtime';
import type { Ending } from '../words/ending.ts';

/**
 * Refuses what this host itself says is never banned: its own addresses and what client.toml lists. A slip ends here with a
 * reason, at once; the check that counts is each client's own.
 */
export function refuseProtected(
  ip: Address,
  { addresses, neverBan }: Pick<ClientConfig, 'addresses' | 'neverBan'>,
  own: readonly string[] = machineAddresses(),
): Ending | undefined {
  const isOwn = [...own, ...addresses].some((each) => overlaps(ip, each as Target));
  const listed = neverBan.addresses.find((range) => overlaps(ip, range));
  const rule = isOwn
    ? 'an address of this host'
    : listed === undefined
      ? undefined
      : `${listed} of [never-ban] in client.toml`;
  return rule === undefined
    ? undefined
    : { code: EXIT.refused, says: `refused: ${ip} is never banned: ${rule}` };
}
