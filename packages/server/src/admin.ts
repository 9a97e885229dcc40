import type { AdminReply } from '@banshare/runtime';
import type { HostBook } from './host-book.ts';
import type { Ledger } from './ledger.ts';
import { statusOf } from './status.ts';

/** What the local commands may look at. */
export type AdminParts = {
  ledger: Ledger;
  book: HostBook;
  generations: readonly { name: string }[];
  startedAt: number;
  distributor: { pid: number | undefined };
  now: () => number;
};

const PAGE = 1000;

/** Answers a command from the local admin socket. */
export async function answerAdmin(request: { command: string }, parts: AdminParts): Promise<AdminReply> {
  switch (request.command) {
    case 'ping':
      return { ok: true, result: 'pong' };
    case 'status':
      return { ok: true, result: await statusOf(parts, parts.now()) };
    case 'bans':
      return { ok: true, result: { bans: await listBans(parts) } };
    default:
      return {
        ok: false,
        code: 'unsupported',
        reason: `this server does not know the command "${request.command}"`,
      };
  }
}

/** Active bans in the shape that `bans --json` prints (contract section 4). */
async function listBans({ ledger, now }: AdminParts): Promise<object[]> {
  const bans: object[] = [];
  const { seq: uptoSeq } = ledger.head();
  for (let afterSeq = 0; ;) {
    const page = await ledger.active({ afterSeq, uptoSeq, limit: PAGE }, now());
    for (const { ip, prog, jail, host, seq, at, until } of page)
      bans.push({ ip, prog, jail, host, seq, at, until });
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return bans;
    afterSeq = last.seq;
  }
}
