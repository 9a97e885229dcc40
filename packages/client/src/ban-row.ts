import { FOR_EVER, type BanKey, type Event, type HostName, type JailName } from '@banshare/protocol';
import type { Chosen } from './choose.ts';
import type { Change } from './enforcers/enforcer.ts';

/**
 * Where a ban stands on this host. `pending` and `lifting` are still to be done; `already` was in place before banshare came;
 * `skipped` and `failed` have a reason.
 */
export type RowStatus = 'pending' | 'applied' | 'already' | 'skipped' | 'failed' | 'lifting';

/** A ban of the fleet as this host took it over. isOurs: banshare put it in place here, and so may lift it. */
export type BanRow = BanKey & {
  seq: number;
  /** Epoch seconds of its publication. */
  at: number;
  host: HostName;
  until: number | null;
  port: string;
  protocol: string;
  localJail: JailName;
  status: RowStatus;
  reason: string;
  isOurs: boolean;
};

/** The row of a ban that was just decided about; what an earlier publication of it put in place stays ours. */
export function rowFor(event: Event, chosen: Chosen, earlier: BanRow | undefined): BanRow {
  const { ip, prog, jail, seq, at, host, until, port = '', protocol = '' } = event;
  const common = { ip, prog, jail, seq, at, host, until, port, protocol, isOurs: earlier?.isOurs ?? false };
  const earlierJail = earlier?.localJail;
  if (!chosen.apply) {
    return { ...common, localJail: earlierJail ?? jail, status: 'skipped', reason: chosen.reason };
  }
  const isMoved = earlier?.isOurs === true && earlierJail !== undefined;
  return { ...common, localJail: isMoved ? earlierJail : chosen.localJail, status: 'pending', reason: '' };
}

/** What an enforcer is asked to do for a row; now is epoch seconds by the server's clock. */
export function changeOf(row: BanRow, kind: Change['kind'], now: number): Change {
  const { ip, prog, jail, localJail, port, protocol, until } = row;
  const seconds = until === null ? FOR_EVER : Math.max(1, Math.ceil(until - now));
  return { kind, ip, prog, jail, localJail, port, protocol, seconds };
}
