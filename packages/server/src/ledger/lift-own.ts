import { OPERATOR_HOST, type BanKey, type Event } from '@banshare/protocol';
import { unban, type Books } from './record.ts';
import type { ReportedBan } from './reports.ts';
import { isActive } from '../words/verdict.ts';

/** Lifts what hosts banned by themselves, less what is banned for itself too, and what an operator has lifted since. */
export function liftOwn(books: Books, own: readonly ReportedBan[], now: number, limit = Infinity): Event[] {
  const isBanned = (ban: BanKey): boolean => {
    const known = books.bans.get(ban);
    return known !== undefined && isActive(known, now);
  };
  const standing = own.filter((ban) => books.bans.liftedAt(ban) < ban.received && !isBanned(ban));
  return standing
    .slice(0, limit)
    .map(({ ip, prog, jail }) => unban(books, { ip, prog, jail }, OPERATOR_HOST, now));
}
