import { FOR_EVER, oneLine, parseDuration } from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import type { Audit } from '../../ledger/books/audit.ts';
import type { HostBook } from '../../fleet/hosts.ts';
import { noHost } from '../../fleet/no-host.ts';
import { LONGEST_REASON, decline, textOf, type Args } from './bans.ts';
import { time } from '../../words/phrases.ts';
import type { Ledger } from '../../ledger/ledger.ts';

/** Nobody remembers a longer one: a host that is away for months is revoked, or forgotten. */
const LONGEST_SECONDS = 90 * 86_400;

type MuteParts = { ledger: Ledger; book: HostBook; audit: Audit; now: () => number };

/** `hosts mute NAME --for D [--note TEXT]`: it is listed, and counts neither in status nor in a drill until then. */
export async function muteHost(args: Args, { ledger, book, audit, now }: MuteParts): Promise<AdminReply> {
  const name = textOf(args, 'name') ?? '';
  const duration = parseDuration(textOf(args, 'for') ?? '');
  const note = oneLine(textOf(args, 'note') ?? '').slice(0, LONGEST_REASON);
  if (!duration.ok) return decline('duration', duration.fault);
  if (duration.value === FOR_EVER || duration.value > LONGEST_SECONDS || duration.value === 0)
    return decline('duration', 'a host is muted for 1 second to 90 days: --for 8h');
  if (book.byName(name) === undefined) return decline('host', noHost(name, book));
  const at = now();
  const until = at + duration.value;
  return ledger.write(() => {
    const host = book.byName(name);
    if (host === undefined) return decline('host', noHost(name, book));
    book.mute(host, { until, note });
    audit.note('muted', { name, until, note }, at);
    return { ok: true, result: { says: `${name} does not count until ${time(until)}.` } };
  });
}

/** `hosts unmute NAME` */
export async function unmuteHost(args: Args, { ledger, book, audit, now }: MuteParts): Promise<AdminReply> {
  const name = textOf(args, 'name') ?? '';
  return ledger.write(() => {
    const host = book.byName(name);
    if (host === undefined) return decline('host', noHost(name, book));
    if (host.mute === null || host.mute.until <= now()) return decline('host', `${name} is not muted`);
    book.mute(host, null);
    audit.note('unmuted', { name }, now());
    return { ok: true, result: { says: `${name} counts again.` } };
  });
}
