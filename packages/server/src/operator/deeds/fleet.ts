import { parseAddress, parseDuration, specialRange, type Result, type Target } from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import { releaseHeld } from '../../ledger/release.ts';
import type { Membership } from '../../fleet/membership.ts';
import { MOST_AT_ONCE, decline, refuseFrozen, textOf, type Args, type OperateParts } from './bans.ts';
import { MOST_ADMITTED } from '../../words/hosts/admitting.ts';
import type { EnrolmentMode } from '../../words/hosts/enrolment.ts';

export type FleetParts = OperateParts & { membership: Membership };

const MOST_AUDIT = 100_000;
/** Seconds. */
const LONGEST_OPEN = 90 * 86_400;

type HostChange = (
  membership: Membership,
  name: string,
  how: { replace: boolean; addresses: readonly string[] },
) => Promise<Result<string>>;

/** By the words that `hosts` takes in the table of actions, which refuses all others. */
const HOST_CHANGES = {
  approve: (membership, name, how) => membership.approve(name, how),
  revoke: (membership, name) => membership.revoke(name),
  disapprove: (membership, name, { addresses }) => membership.disapprove(name, addresses),
  forget: (membership, name) => membership.forget(name),
} as const satisfies Record<string, HostChange>;

/** `hosts approve|disapprove|revoke|forget NAME [--replace] [ADDRESSES]` */
export async function changeHost(args: Args, { membership }: FleetParts): Promise<AdminReply> {
  const [name, token] = [textOf(args, 'name'), textOf(args, 'token')];
  if ((name === undefined) === (token === undefined) || (token !== undefined && args['action'] !== 'revoke'))
    return decline('usage', 'name one host; revoke takes --token ID in its place');
  if (token !== undefined) return saying(await membership.revokeByToken(token));
  const change: HostChange = HOST_CHANGES[args['action'] as keyof typeof HOST_CHANGES];
  const addresses: string[] = [];
  for (const text of Array.isArray(args['addresses']) ? (args['addresses'] as unknown[]) : []) {
    const address = parseAddress(String(text));
    if (!address.ok) return decline('address', address.fault);
    addresses.push(address.value);
  }
  return saying(await change(membership, name ?? '', { replace: args['replace'] === true, addresses }));
}

function saying(result: Result<string>): AdminReply {
  return result.ok ? { ok: true, result: { says: result.value } } : decline('host', result.fault);
}

/** `hosts admit FILE [--replace]`: a part of its lines; `check` judges them, and takes none. */
export async function admitHosts(args: Args, { membership }: FleetParts): Promise<AdminReply> {
  const entries = args['entries'] as unknown[];
  if (entries.length > MOST_ADMITTED)
    return decline('hosts', `at most ${MOST_ADMITTED} hosts are admitted at once`);
  const how = { replace: args['replace'] === true, check: args['check'] === true };
  return { ok: true, result: await membership.admitAll(entries, how) };
}

/** `enrolment open|approve|closed [--for D]` */
export async function setEnrolment(args: Args, { membership }: FleetParts): Promise<AdminReply> {
  const mode = args['mode'] as EnrolmentMode;
  const text = textOf(args, 'for');
  if (text !== undefined && mode !== 'open')
    return decline('duration', `only open ends by itself; ${mode} holds until you say otherwise`);
  const seconds = text === undefined ? undefined : parseDuration(text);
  if (seconds?.ok === false) return decline('duration', seconds.fault);
  if (seconds !== undefined && (seconds.value <= 0 || seconds.value > LONGEST_OPEN))
    return decline(
      'duration',
      'enrolment is open for 1 second to 90 days, since an installer that lies about would be a way in for ever: --for 2h',
    );
  await membership.setMode(mode, seconds?.value);
  return { ok: true, result: membership.openness };
}

/** `held publish` (or `release`) or `held discard` (`drop`): all that is held. */
export async function settleHeld(action: 'release' | 'drop', parts: FleetParts): Promise<AdminReply> {
  const { ledger, neverBan, audit, now } = parts;
  if (action === 'drop') {
    const note = (dropped: number): void => audit.note(action, { held: dropped }, now());
    return { ok: true, result: { count: await ledger.dropHeld({ note }) } };
  }
  const frozen = refuseFrozen(parts);
  if (frozen !== undefined) return frozen;
  const held = ledger.countHeld();
  const isProtected = (ip: Target): boolean =>
    specialRange(ip) !== undefined || neverBan.ruleFor(ip, now()) !== undefined;
  const waits = (ip: Target): boolean => neverBan.newcomerAt(ip, now()) !== undefined;
  let count = 0;
  // Reports go on in between; what they bring meanwhile is newer, and waits. A freeze stops also this.
  for (let taken = 0; taken === 0 || taken < held; taken += MOST_AT_ONCE) {
    const events = await ledger.write((books) => {
      if (refuseFrozen(parts) !== undefined) return undefined;
      const published = releaseHeld(books, now(), isProtected, { limit: MOST_AT_ONCE, waits });
      audit.note(action, { held, published: published.length }, now());
      return published;
    });
    if (events === undefined) break;
    count += events.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const still = ledger.countHeld();
  return { ok: true, result: { count, left: Math.max(0, held - count - still), held: still } };
}

/** `audit [--verify]` */
export function showAudit(args: Args, { audit }: FleetParts): AdminReply {
  const broken = args['verify'] === true ? audit.firstBroken() : undefined;
  if (broken !== undefined)
    return decline('audit', `the audit log was changed: its chain breaks at entry ${broken}`);
  const limit = Math.min(Number(args['limit'] ?? MOST_AUDIT), MOST_AUDIT);
  return { ok: true, result: { entries: audit.newest(limit) } };
}
