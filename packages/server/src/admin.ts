import { chmodSync, rmSync } from 'node:fs';
import type { AdminReply, AdminRequest, HostPaths, SteadyClock } from '@banshare/runtime';
import { drill } from './drill.ts';
import { explain } from './explain.ts';
import { operatorBan, operatorUnban, textOf, undo, type Args, type OperateParts } from './operate.ts';
import type { SqliteLedger } from './sqlite-ledger.ts';
import { hostsOf, statusOf } from './status.ts';

/** What the local commands work with. */
export type AdminParts = OperateParts & {
  generations: readonly { name: string }[];
  startedAt: number;
  clock: SteadyClock;
  paths: HostPaths;
  ledger: SqliteLedger;
};

const PAGE = 1000;

/** Answers a command from the local admin socket. */
export async function answerAdmin(request: Required<AdminRequest>, parts: AdminParts): Promise<AdminReply> {
  const { command, args } = request;
  switch (command) {
    case 'ping':
      return { ok: true, result: 'pong' };
    case 'status':
      return { ok: true, result: await statusOf(parts, parts.now()) };
    case 'hosts':
      return { ok: true, result: { hosts: await hostsOf(parts, parts.now()) } };
    case 'bans':
      return { ok: true, result: { bans: await listBans(args, parts) } };
    case 'explain':
      return explain(args, parts);
    case 'ban':
      return operatorBan(args, parts);
    case 'unban':
      return operatorUnban(args, parts);
    case 'undo':
      return undo(args, parts);
    case 'drill':
      return drill(parts);
    case 'copy-ledger':
      return { ok: true, result: { path: copyLedger(parts) } };
    default:
      return { ok: false, code: 'unsupported', reason: `this server does not know the command "${command}"` };
  }
}

/** Bans in the shape that `bans --json` prints (contract section 4). */
async function listBans(args: Args, { ledger, now }: AdminParts): Promise<object[]> {
  const wanted = { ip: textOf(args, 'ip'), jail: textOf(args, 'jail'), host: textOf(args, 'host') };
  const bans: object[] = [];
  const { seq: uptoSeq } = ledger.head();
  for (let afterSeq = 0; ;) {
    const page = await ledger.active({ afterSeq, uptoSeq, limit: PAGE }, args['all'] === true ? 0 : now());
    for (const { ip, prog, jail, host, seq, at, until } of page) {
      const fits = [
        [wanted.ip, ip],
        [wanted.jail, jail],
        [wanted.host, host],
      ].every(([want, is]) => want === undefined || want === is);
      if (fits) bans.push({ ip, prog, jail, host, seq, at, until });
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return bans;
    afterSeq = last.seq;
  }
}

/** A copy for `backup`, in the state folder, where this daemon may write. */
function copyLedger({ ledger, book, paths }: AdminParts): string {
  const path = `${paths.ledger}.backup`;
  book.flush();
  rmSync(path, { force: true });
  ledger.copyTo(path);
  chmodSync(path, 0o600);
  return path;
}
