import assert from 'node:assert/strict';
import { askAdmin } from '@banshare/runtime';
import { untilAnswered, type Fleet, type FleetHost, type FleetServer } from '../fleet/index.ts';

export type ServerBan = {
  ip: string;
  prog: string;
  jail: string;
  host: string;
  seq: number;
  until: number | null;
};
type ClientBan = ServerBan & { status: string; reason: string; localJail: string };
export type ServerStatus = {
  epoch: string;
  head: number;
  activeBans: number;
  converged: number;
  clockJump: number;
  behind: { name: string }[];
  wrongClocks: { name: string; clockAhead: number }[];
};
export type ClientStatus = {
  phase: string;
  trouble: string;
  epoch: string | null;
  position: number | null;
  clockAheadSeconds: number;
  heardSecondsAgo: number | null;
  bans: Record<string, number>;
};

/** What the server holds, by its command as an administrator runs it. */
export async function bansOfServer(server: FleetServer): Promise<ServerBan[]> {
  return (await server.json<{ bans: ServerBan[] }>('bans')).bans;
}

async function bansOfClient(host: FleetHost): Promise<ClientBan[]> {
  const { stdout, stderr } = await host.command('bans', '--json');
  assert.notEqual(stdout, '', stderr);
  return (JSON.parse(stdout) as { bans: ClientBan[] }).bans;
}

/** Asks a daemon over its admin socket, without the start of a program; undefined while it does not answer. */
export async function ask<T>(socket: string, command: string, args = {}): Promise<T | undefined> {
  const reply = await askAdmin(socket, { command, args }, 20_000);
  return reply.ok ? (reply.result as T) : undefined;
}

export function statusOfServer(server: FleetServer): Promise<ServerStatus | undefined> {
  return ask<ServerStatus>(server.paths.serverSocket, 'status');
}

export function statusOfClient(host: FleetHost): Promise<ClientStatus | undefined> {
  return ask<ClientStatus>(host.paths.clientSocket, 'status');
}

/** Asks until it is so: daemons do not tell the outside when they get where a test wants them. Returns milliseconds. */
export async function until(
  what: string,
  withinMs: number,
  isSo: () => Promise<boolean> | boolean,
  more: () => string = () => '',
): Promise<number> {
  const began = performance.now();
  const ask = async (): Promise<true | undefined> => ((await isSo()) ? true : undefined);
  await untilAnswered(ask, withinMs, () => `what was asked for: ${what}${more()}`);
  return performance.now() - began;
}

/** A moment that chance chose: for a kill, or between two reports. It waits for nothing. */
export function moment(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** What two sides must agree about. */
function keysOf(bans: readonly ServerBan[]): string[] {
  return bans.map(({ ip, prog, jail, seq }) => `${prog}/${jail}/${ip} #${seq}`).sort();
}

/** Waits until a host has everything and nothing is under way there. */
export async function untilInStep(fleet: Fleet, host: FleetHost, withinMs = 30_000): Promise<number> {
  let last: unknown;
  return until(
    `${host.name} has everything`,
    withinMs,
    async () => {
      const server = await statusOfServer(fleet.server);
      const client = await statusOfClient(host);
      last = { head: server?.head, ...client };
      if (client?.phase !== 'in-step' || client.epoch !== server?.epoch || client.position !== server.head)
        return false;
      return (client.bans['pending'] ?? 0) + (client.bans['lifting'] ?? 0) === 0;
    },
    () => `: ${JSON.stringify(last)}`,
  );
}

/**
 * The same for as long as it takes, where less and less is under way: after many kills a host has thousands of commands to run, each of them
 * a program, and a machine that is busy runs few of them a second.
 */
async function untilAllIsDone(fleet: Fleet, host: FleetHost): Promise<void> {
  for (let left = Infinity; ;) {
    try {
      await untilInStep(fleet, host);
      return;
    } catch (error) {
      const bans: Record<string, number> = (await statusOfClient(host))?.bans ?? {};
      const now = (bans['pending'] ?? 0) + (bans['lifting'] ?? 0);
      if (now === 0 || now >= left) throw error;
      left = now;
    }
  }
}

/**
 * Asserts that every host has exactly the ledger's active bans, each applied, and that its ban commands add up to the same: the
 * last word about each address was a ban where it is active, and an unban where it was banned once.
 */
export async function assertConverged(fleet: Fleet, hosts = [...fleet.hosts.values()]): Promise<ServerBan[]> {
  for (const host of hosts) await untilAllIsDone(fleet, host);
  const wanted = await bansOfServer(fleet.server);
  for (const host of hosts) {
    const applied = await bansOfClient(host);
    assert.deepEqual(keysOf(applied), keysOf(wanted), `what ${host.name} has`);
    const unlike = applied.filter(({ status }) => status !== 'applied');
    assert.deepEqual(unlike, [], `what ${host.name} did not apply`);
    const active = new Set(wanted.map(({ ip, jail }) => `${jail} ${ip}`));
    assert.deepEqual(
      [...inPlace(host)].sort(),
      [...active].sort(),
      `what ${host.name}'s commands left in place`,
    );
  }
  return wanted;
}

/** What the commands that a host ran leave in its firewall, as `JAIL IP`. */
function inPlace(host: FleetHost): Set<string> {
  const banned = new Set<string>();
  for (const [, jail = '', verb, ip = ''] of host.commands.all) {
    if (verb === 'banip') banned.add(`${jail} ${ip}`);
    else banned.delete(`${jail} ${ip}`);
  }
  return banned;
}
