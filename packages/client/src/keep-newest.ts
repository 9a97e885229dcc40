import type { BanRow } from './ban-row.ts';
import { keepBack } from './keep-back.ts';
import type { TakeParts } from './take.ts';

/** Above `[apply] max-active` the oldest bans give way: what attacks now counts more. */
export function keepNewest(parts: TakeParts, queued: BanRow[]): void {
  if (parts.maxActive === undefined) return;
  const surplus = parts.state.inPlaceCount() - parts.maxActive;
  if (surplus <= 0) return;
  for (const row of parts.state.oldestInPlace(surplus)) keepBack(row, 'full', parts, queued);
}
