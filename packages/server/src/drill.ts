import { randomInt } from 'node:crypto';
import { OPERATOR, type Address, type JailName } from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import type { OperateParts } from './operate.ts';

/** How long a drill waits for the last host. */
const PATIENCE_MS = 10_000;
/** A ban that nobody lifts, because the server was killed in a drill, ends by itself. */
const DRILL_SECONDS = 60;

/** The seconds from the commit until a host said that it has the ban; null where it did not in time. */
export type DrillTime = { host: string; seconds: number | null };

/** Bans an address of a documentation range everywhere, measures each host's way there and back, and lifts it. */
export async function drill(parts: OperateParts): Promise<AdminReply> {
  const ip = `203.0.113.${randomInt(1, 255)}` as Address;
  const began = parts.now();
  const ban = {
    ip,
    prog: OPERATOR,
    jail: 'banshare' as JailName,
    until: Math.ceil(began + DRILL_SECONDS),
    reason: 'drill',
  };
  const [event] = await parts.ledger.ban([ban], began, 'operator', {
    note: () => parts.audit.add('drill', { ip }, began),
  });
  if (event === undefined) throw new Error('a ban without an event');
  const times = arrivals(event.seq, parts, began);
  parts.distribute([event]);
  const hosts = await times;
  const lifted = await parts.ledger.lift({ ip, jail: 'banshare' }, parts.now());
  parts.distribute(lifted);
  return { ok: true, result: { ip, hosts } };
}

function arrivals(seq: number, parts: OperateParts, began: number): Promise<DrillTime[]> {
  const { book, ledger, goneAfterSeconds, now } = parts;
  const { epoch } = ledger.head();
  const asked = book.present(began, goneAfterSeconds);
  const times = new Map<string, number | null>(asked.map(({ name }) => [name, null]));
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      stop();
      resolve([...times].map(([host, seconds]) => ({ host, seconds })));
    };
    const stop = book.onAcknowledged((host) => {
      const hasIt = host.position?.epoch === epoch && host.position.applied >= seq;
      if (!hasIt || times.get(host.name) !== null) return;
      times.set(host.name, now() - began);
      if (![...times.values()].includes(null)) finish();
    });
    const timer = setTimeout(finish, times.size === 0 ? 0 : PATIENCE_MS);
  });
}
