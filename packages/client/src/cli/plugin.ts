import { pluginLine, type AdminReply, type PluginState } from '@banshare/runtime';
import { isInOrder, type ClientStatus } from '../admin/status.ts';
import type { Finding } from './finding.ts';

/** So many sentences stand in one line; the rest are counted. */
const MOST = 3;

/**
 * What `status --nagios` prints of this host, and the state that its exit code tells. Critical: the client does not run, is refused,
 * or what it should have lifted still stands. Everything else for which status exits with 1 is a warning.
 */
export function clientPlugin(
  reply: AdminReply,
  findings: readonly Finding[],
): { state: PluginState; line: string } {
  if (!reply.ok) {
    const state = reply.code === 'no-daemon' ? 'critical' : 'unknown';
    return { state, line: pluginLine('banshare', state, [reply.reason], []) };
  }
  const status = reply.result as ClientStatus;
  const isWell = isInOrder(status) && findings.every(({ ok }) => ok);
  const isCritical = status.phase === 'refused' || status.unlifted.length > 0;
  const state = isCritical ? 'critical' : isWell ? 'ok' : 'warning';
  const line = pluginLine('banshare', state, sentencesOf(status, findings, isWell), figuresOf(status));
  return { state, line };
}

function sentencesOf(status: ClientStatus, findings: readonly Finding[], isWell: boolean): string[] {
  const { name, server, phase, position, receipt } = status;
  if (isWell) {
    const standing =
      receipt === undefined ? '' : `, ${receipt.placed} of ${receipt.wanted} bans are in place`;
    return [`${name} has received everything up to event ${position ?? 0} of ${server}${standing}`];
  }
  const all = [
    ...status.unlifted,
    ...(status.pausedAt === null ? [] : ['PAUSED: nothing is applied here until banshare-client resume']),
    ...(phase === 'in-step' ? [] : [status.trouble === '' ? `The client is ${phase}` : status.trouble]),
    ...(status.serverIsStale ? [`${server} says that its database is away`] : []),
    ...(status.lacking === 0 ? [] : [`${status.lacking} bans here are not in the server's ledger`]),
    ...findings.flatMap(({ ok, says }) => (ok ? [] : [says])),
    ...status.unproven,
    ...status.unprotected,
  ];
  const more = all.length - MOST;
  return [...all.slice(0, MOST), ...(more > 0 ? [`and ${more} more: banshare-client status`] : [])];
}

function figuresOf({ receipt, spool, heardSecondsAgo }: ClientStatus): Parameters<typeof pluginLine>[3] {
  return [
    { name: 'bans_wanted', value: receipt?.wanted ?? null },
    { name: 'bans_in_place', value: receipt?.placed ?? null },
    { name: 'bans_failed', value: receipt?.failed ?? null },
    { name: 'spool', value: spool.waiting },
    { name: 'spool_oldest', value: spool.oldestSeconds, unit: 's' },
    { name: 'last_contact', value: heardSecondsAgo, unit: 's' },
  ];
}
