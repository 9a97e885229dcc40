import { isRange, isTooWide } from '@banshare/protocol';
import type { HostAt } from '../../never-ban/fleet-addresses.ts';
import type { Unbanned } from '../../operator/deeds/bans.ts';
import { cannot } from '../../words/phrases.ts';
import { showLifted, type ShownBan } from './show.ts';
import { widerText } from '../../words/wider-ranges.ts';

/** What was banned, and who cannot apply it. */
export function showBanned({
  asked,
  event,
  withoutRanges,
  hits,
}: {
  asked: string;
  event: ShownBan;
  withoutRanges: readonly string[];
  hits: readonly HostAt[];
}): string {
  const [address = ''] = asked.split('/');
  const isWhole = event.ip === asked || !event.ip.includes('/') || event.ip.startsWith(`${address}/`);
  const lies = isWhole ? '' : ` (${asked} lies in it)`;
  // Not everywhere, where that is said of some in the next line.
  const where = withoutRanges.length === 0 ? 'everywhere' : 'on every host that can apply ranges';
  const lines = [`${event.ip} is banned ${where}${lies}.`];
  for (const { host, address } of hits)
    lines.push(`This hits the fleet's host ${host}, which comes from ${address}.`);
  if (withoutRanges.length > 0) lines.push(`${cannot(withoutRanges)}.`);
  return lines.join('\n');
}

/** What was lifted, and what of it is banned still. */
export function showUnbanned({ ip, lifted, within, wider }: Unbanned): string {
  const lines = [
    lifted.length === 0
      ? `No active ban of ${ip}; older reports of it are refused from now on.`
      : showLifted(lifted),
  ];
  if (within > 0)
    lines.push(
      `${within} ${within === 1 ? 'ban' : 'bans'} within it ${within === 1 ? 'stays' : 'stay'}: banshare-server bans ${ip}`,
      `All of it is lifted, and kept from being banned again, by: banshare-server never-ban add ${ip} --for 1d${isRange(ip) && isTooWide(ip) ? ' --force' : ''}`,
    );
  if (wider.length > 0) lines.push(widerText(ip, wider, 'is still banned with'));
  return lines.join('\n');
}
