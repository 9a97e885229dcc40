import { parseDuration } from '@banshare/protocol';

/** What is said of a moment that is none. */
export const MOMENT_FAULT = 'since and until take 90s 10m 6h 1d 1w, or a time: 2026-11-26T14:00Z';

/** A moment that is so long ago, or is named; undefined where nothing was said, null where that is none. Epoch seconds. */
export function readMoment(text: string | undefined, now: number): number | undefined | null {
  if (text === undefined) return undefined;
  const duration = parseDuration(text);
  if (duration.ok) return duration.value < 0 ? 0 : now - duration.value;
  if (!/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/.test(text)) return null;
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? null : milliseconds / 1000;
}
