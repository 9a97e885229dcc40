import { pluginLine, type AdminReply, type PluginState } from '@banshare/runtime';
import { number } from '../../words/phrases.ts';
import type { Status } from '../../operator/status.ts';

/** So many sentences stand in one line; the rest are counted. */
const MOST = 3;

/**
 * What `status --nagios` prints, and the state that its exit code tells: urgent is critical, to do a warning, unless only what is urgent
 * is asked for. A server that does not run is critical; where it cannot be said how it is, that is unknown.
 */
export function serverPlugin(
  reply: AdminReply,
  { urgentOnly }: { urgentOnly: boolean },
): { state: PluginState; line: string } {
  if (!reply.ok) {
    const state = reply.code === 'no-daemon' ? 'critical' : 'unknown';
    return { state, line: pluginLine('banshare', state, [reply.reason], []) };
  }
  const status = reply.result as Status;
  const { urgent, todo } = status;
  const state = urgent.length > 0 ? 'critical' : todo.length > 0 && !urgentOnly ? 'warning' : 'ok';
  return { state, line: pluginLine('banshare', state, sentencesOf(status), figuresOf(status)) };
}

function sentencesOf({ urgent, todo, hosts, converged, activeBans }: Status): string[] {
  const all = [...urgent, ...todo];
  if (all.length === 0) {
    return [`${converged} of ${hosts} hosts have received everything, ${number(activeBans)} active bans`];
  }
  const more = all.length - MOST;
  return [
    `${urgent.length} urgent, ${todo.length} to do: ${all[0]?.text ?? ''}`,
    ...all.slice(1, MOST).map(({ text }) => text),
    ...(more > 0 ? [`and ${more} more: banshare-server status`] : []),
  ];
}

function figuresOf(status: Status): Parameters<typeof pluginLine>[3] {
  const { urgent, todo, hosts, behind, outOfPlace, activeBans, held, pending } = status;
  return [
    { name: 'urgent', value: urgent.length },
    { name: 'todo', value: todo.length },
    { name: 'hosts', value: hosts },
    { name: 'hosts_behind', value: behind.length },
    { name: 'hosts_out_of_place', value: outOfPlace.length },
    { name: 'bans_active', value: activeBans },
    { name: 'held', value: held },
    { name: 'pending_hosts', value: pending.length },
  ];
}
