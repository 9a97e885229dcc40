import { chmodSync, rmSync } from 'node:fs';
import type { AdminReply, AdminRequest, HostPaths, SteadyClock } from '@banshare/runtime';
import { drill } from './drill.ts';
import { explain } from './explain.ts';
import { importBans } from './operate-import.ts';
import { operatorBan, operatorUnban, undo, type Args } from './operate.ts';
import {
  changeHost,
  changeNeverBan,
  setEnrolment,
  settleHeld,
  showAudit,
  type FleetParts,
} from './operate-fleet.ts';
import { retire, type RetireParts } from './retire.ts';
import type { SqliteLedger } from './sqlite-ledger.ts';
import { listBans } from './list-bans.ts';
import { listHosts, statusOf } from './status.ts';

/** What the local commands work with. */
export type AdminParts = FleetParts &
  RetireParts & {
    generations: readonly { name: string }[];
    startedAt: number;
    clock: SteadyClock;
    paths: HostPaths;
    ledger: SqliteLedger;
  };

type Handler = (args: Args, parts: AdminParts) => AdminReply | Promise<AdminReply>;

const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['ping', () => ({ ok: true, result: 'pong' })],
  ['status', async (_, parts) => ({ ok: true, result: await statusOf(parts, parts.now()) })],
  ['hosts', async (_, parts) => ({ ok: true, result: await listHosts(parts, parts.now()) })],
  ['bans', listBans],
  ['explain', explain],
  ['ban', operatorBan],
  ['unban', operatorUnban],
  ['undo', undo],
  ['import', importBans],
  ['change-host', changeHost],
  ['enrolment', setEnrolment],
  ['never-ban', changeNeverBan],
  ['retire', retire],
  ['release', (_, parts) => settleHeld('release', parts)],
  ['drop', (_, parts) => settleHeld('drop', parts)],
  ['audit', showAudit],
  ['drill', (_, parts) => drill(parts)],
  ['copy-ledger', (_, parts) => ({ ok: true, result: { path: copyLedger(parts) } })],
]);

/** Answers a command from the local admin socket. */
export async function answerAdmin(request: Required<AdminRequest>, parts: AdminParts): Promise<AdminReply> {
  const { command, args } = request;
  const handler = HANDLERS.get(command);
  if (handler !== undefined) return handler(args, parts);
  return { ok: false, code: 'unsupported', reason: `this server does not know the command "${command}"` };
}

/** A copy for `backup`, in the state folder, where this daemon may write. */
function copyLedger({ ledger, book, audit, paths, now }: AdminParts): string {
  const path = `${paths.ledger}.backup`;
  audit.add('backup', {}, now());
  book.flush();
  rmSync(path, { force: true });
  ledger.copyTo(path);
  chmodSync(path, 0o600);
  return path;
}
