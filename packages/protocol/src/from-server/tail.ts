import type { Event } from '../words/ban.ts';

/** The tail of an epoch without events. */
export const EMPTY_TAIL = '0000000000000000';

/**
 * The tail after an event: the first 8 bytes of SHA-256 over the tail before it and what the event says. `at` and details
 * are left out, so that any language computes the same text.
 * @param sha256Hex hashes UTF-8 text; the pure middle has no hash of its own.
 */
export function nextTail(
  sha256Hex: (text: string) => string,
  tail: string,
  event: Pick<Event, 'epoch' | 'seq' | 'kind' | 'ip' | 'prog' | 'jail' | 'host' | 'until'>,
): string {
  const { epoch, seq, kind, ip, prog, jail, host, until } = event;
  return sha256Hex(`${tail}\n${JSON.stringify([epoch, seq, kind, ip, prog, jail, host, until])}`).slice(
    0,
    16,
  );
}
