import type { Status } from './status.ts';
import { table } from './table.ts';

type ShownBan = {
  ip: string;
  prog: string;
  jail: string;
  host: string;
  seq: number;
  at: number;
  until: number | null;
};

/** Status for people: what matters first. */
export function showStatus(status: Status, now: number): string {
  const { hosts, converged, behind, head, activeBans, epoch, generations } = status;
  const lines = [
    hosts === 0
      ? 'No host is enrolled yet.'
      : converged === hosts
        ? `All ${hosts} hosts have everything.`
        : `${converged} of ${hosts} hosts have everything.`,
    ...behind
      .slice(0, 10)
      .map(({ name, lag, lastSeen }) => `  ${name} is ${lag} behind, ${seen(lastSeen, now)}`),
    ...(behind.length > 10 ? [`  and ${behind.length - 10} more`] : []),
    `Active bans: ${activeBans}. Last event: ${head} (epoch ${epoch}).`,
    `Generations in service: ${generations.join(', ')}.`,
  ];
  return lines.join('\n');
}

/** Active bans for people, the newest last. */
export function showBans(bans: readonly ShownBan[], now: number): string {
  if (bans.length === 0) return 'No active bans.';
  const rows = bans.map(({ ip, prog, jail, host, at, until }) => [
    ip,
    jail,
    prog,
    host,
    `${span(now - at)} ago`,
    until === null ? 'for ever' : `in ${span(until - now)}`,
  ]);
  return table(['ADDRESS', 'JAIL', 'PROG', 'REPORTED BY', 'BANNED', 'ENDS'], rows);
}

function seen(lastSeen: number | null, now: number): string {
  return lastSeen === null ? 'never heard of' : `heard of ${span(now - lastSeen)} ago`;
}

/** A span of seconds, roughly: "42s", "7m", "3h", "2d". */
function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 120) return `${whole}s`;
  if (whole < 7200) return `${Math.round(whole / 60)}m`;
  if (whole < 172_800) return `${Math.round(whole / 3600)}h`;
  return `${Math.round(whole / 86_400)}d`;
}
