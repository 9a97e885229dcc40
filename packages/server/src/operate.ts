import {
  FOR_EVER,
  OPERATOR,
  parseAddress,
  parseDuration,
  parseJail,
  specialRange,
  type Address,
  type Event,
  type JailName,
  type Result,
} from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import type { Audit } from './audit.ts';
import type { HostBook } from './host-book.ts';
import { endOf, type Policy } from './judge.ts';
import type { Ledger } from './ledger.ts';
import type { NeverBan } from './never-ban.ts';

/** What operators' commands work with. */
export type OperateParts = {
  ledger: Ledger;
  book: HostBook;
  policy: Policy;
  neverBan: NeverBan;
  audit: Audit;
  distribute: (events: readonly Event[]) => void;
  now: () => number;
};

export type Args = Readonly<Record<string, unknown>>;

/** Where operators' bans land that name no jail. */
const DEFAULT_JAIL = 'banshare';
const LONGEST_REASON = 200;

/** `ban IP [--jail J] [--for D] [--reason TEXT]` */
export async function operatorBan(args: Args, parts: OperateParts): Promise<AdminReply> {
  const ip = parseAddress(textOf(args, 'ip') ?? '');
  const jail = parseJail(textOf(args, 'jail') ?? DEFAULT_JAIL);
  const duration = parseDuration(textOf(args, 'for') ?? String(parts.policy.defaultDurationSeconds));
  if (!ip.ok) return refuse('address', ip.fault);
  if (!jail.ok) return refuse('jail', jail.fault);
  if (!duration.ok) return refuse('duration', duration.fault);
  const range = specialRange(ip.value);
  if (range !== undefined) return refuse('never-ban', `${ip.value} lies in ${range}, which is never banned`);
  const now = parts.now();
  const rule = parts.neverBan.ruleFor(ip.value, now);
  if (rule !== undefined) return refuse('never-ban', `${ip.value} is never banned: ${rule}`);
  // A person's word is not cut to max-duration.
  const until =
    duration.value === FOR_EVER ? null : endOf(duration.value, { maxDurationSeconds: FOR_EVER }, now);
  const reason = textOf(args, 'reason')?.slice(0, LONGEST_REASON);
  const ban = {
    ip: ip.value,
    prog: OPERATOR,
    jail: jail.value,
    until,
    ...(reason === undefined ? {} : { reason }),
  };
  parts.audit.add('ban', ban, now);
  const events = await parts.ledger.ban([ban], now);
  parts.distribute(events);
  return { ok: true, result: { event: events[0] } };
}

/** `unban IP [--jail J]`: whoever reported it, everywhere. */
export async function operatorUnban(args: Args, parts: OperateParts): Promise<AdminReply> {
  const selection = readSelection(args);
  if (!selection.ok) return refuse('address', selection.fault);
  parts.audit.add('unban', selection.value, parts.now());
  const lifted = await parts.ledger.lift(selection.value, parts.now());
  parts.distribute(lifted);
  return { ok: true, result: { lifted } };
}

/** `undo --host NAME --since 10m` */
export async function undo(args: Args, parts: OperateParts): Promise<AdminReply> {
  const name = textOf(args, 'host') ?? '';
  const host = parts.book.byName(name);
  if (host === undefined) return refuse('host', `no host is called "${name}": see banshare-server hosts`);
  const since = parseDuration(textOf(args, 'since') ?? '');
  if (!since.ok) return refuse('duration', since.fault);
  const now = parts.now();
  const from = since.value === FOR_EVER ? 0 : now - since.value;
  parts.audit.add('undo', { host: name, since: from }, now);
  const { lifted, kept } = await parts.ledger.undo(host.id, from, now);
  parts.distribute(lifted);
  return { ok: true, result: { lifted, kept } };
}

function readSelection(args: Args): Result<{ ip: Address; jail?: JailName }> {
  const ip = parseAddress(textOf(args, 'ip') ?? '');
  if (!ip.ok) return ip;
  const jailText = textOf(args, 'jail');
  if (jailText === undefined) return { ok: true, value: { ip: ip.value } };
  const jail = parseJail(jailText);
  return jail.ok ? { ok: true, value: { ip: ip.value, jail: jail.value } } : jail;
}

/** An argument of a command, where it is a text. */
export function textOf(args: Args, name: string): string | undefined {
  const value = args[name];
  return typeof value === 'string' ? value : undefined;
}

/** Says no to an operator. */
export function refuse(code: string, reason: string): AdminReply {
  return { ok: false, code, reason };
}

/** `import FILE`, a part of it: bans that other systems made. Protected addresses are left out and counted. */
export async function importBans(args: Args, parts: OperateParts): Promise<AdminReply> {
  const jail = parseJail(textOf(args, 'jail') ?? DEFAULT_JAIL);
  if (!jail.ok) return refuse('jail', jail.fault);
  const entries = Array.isArray(args['entries']) ? (args['entries'] as unknown[]) : [];
  const now = parts.now();
  const drafts = entries.flatMap((entry) => {
    const { ip: ipText, seconds, reason } = (entry ?? {}) as Record<string, unknown>;
    const ip = parseAddress(typeof ipText === 'string' ? ipText : '');
    if (!ip.ok || specialRange(ip.value) !== undefined || parts.neverBan.ruleFor(ip.value, now) !== undefined)
      return [];
    const wanted = typeof seconds === 'number' ? seconds : parts.policy.defaultDurationSeconds;
    const until = wanted === FOR_EVER ? null : endOf(wanted, { maxDurationSeconds: FOR_EVER }, now);
    const said = typeof reason === 'string' ? { reason: reason.slice(0, LONGEST_REASON) } : {};
    return [{ ip: ip.value, prog: OPERATOR, jail: jail.value, until, ...said }];
  });
  parts.audit.add('import', { bans: drafts.length }, now);
  const events = await parts.ledger.ban(drafts, now);
  parts.distribute(events);
  return { ok: true, result: { banned: events.length, protected: entries.length - events.length } };
}
