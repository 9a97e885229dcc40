import type { ClientConfig } from '@banshare/runtime';

/** What a set of the kernel holds easily: as many as the server publishes by default. */
const IN_KERNEL = 500_000;
/** fail2ban takes 6 ms and a kilobyte for each, and as long again at each of its restarts. */
const ELSEWHERE = 50_000;

/** How many bans this host has in place at most: what client.toml says, or what its enforcers can well hold. */
export function mostActive({ apply, enforcer }: Pick<ClientConfig, 'apply' | 'enforcer'>): number {
  if (apply.maxActive !== undefined) return apply.maxActive;
  const kinds = enforcer.length > 0 ? enforcer.map(({ kind }) => kind) : [apply.enforcer];
  return kinds.every((kind) => kind === 'nftables' || kind === 'ipset') ? IN_KERNEL : ELSEWHERE;
}
