import { setImmediate } from 'node:timers/promises';
import type { Event } from '@banshare/protocol';
import type { Ledger } from './ledger.ts';
import { textOf, type Args } from './operate.ts';

/** Reports wait while a page is read. */
const PAGE = 1000;

/** A ban in the shape that `bans --json` prints (contract section 4); `isLifted` only where it ended before its time. */
type ListedBan = Pick<Event, 'ip' | 'prog' | 'jail' | 'host' | 'seq' | 'at' | 'until'> & {
  isLifted?: boolean;
};

/** `bans [IP|--jail J|--host H|--all]`: the active ones, or everything that was published and is still kept. */
export async function listBans(
  args: Args,
  { ledger, now }: { ledger: Ledger; now: () => number },
): Promise<ListedBan[]> {
  const active = await listActive(ledger, now());
  const bans = args['all'] === true ? await listAll(ledger, active, now()) : active;
  const wanted = [textOf(args, 'ip'), textOf(args, 'jail'), textOf(args, 'host')];
  return bans.filter(({ ip, jail, host }) =>
    [ip, jail, host].every((is, at) => wanted[at] === undefined || wanted[at] === is),
  );
}

async function listActive(ledger: Ledger, now: number): Promise<ListedBan[]> {
  const bans: ListedBan[] = [];
  const { seq: uptoSeq } = ledger.head();
  for (let afterSeq = 0; ;) {
    const page = await ledger.active({ afterSeq, uptoSeq, limit: PAGE }, now);
    bans.push(...page.map(listed));
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return bans;
    afterSeq = last.seq;
    await setImmediate();
  }
}

/** A ban that was published again stands in the list for each time. */
async function listAll(ledger: Ledger, active: readonly ListedBan[], now: number): Promise<ListedBan[]> {
  const activeSeqs = new Set(active.map(({ seq }) => seq));
  const bans: ListedBan[] = [];
  for (let since = 0; ;) {
    const page = await ledger.since(since, PAGE);
    for (const event of page) {
      if (event.kind !== 'ban') continue;
      const isLifted = !activeSeqs.has(event.seq) && (event.until === null || event.until > now);
      bans.push(isLifted ? { ...listed(event), isLifted } : listed(event));
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return bans;
    since = last.seq;
    await setImmediate();
  }
}

function listed({ ip, prog, jail, host, seq, at, until }: Event): ListedBan {
  return { ip, prog, jail, host, seq, at, until };
}
