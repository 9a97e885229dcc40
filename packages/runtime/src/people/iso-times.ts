/** What stands for a moment, epoch seconds, in the answers of our programs. */
const MOMENTS: ReadonlySet<string> = new Set([
  'at',
  'until',
  'now',
  'since',
  'received',
  'startedAt',
  'heardAt',
  'lastSeen',
  'pausedAt',
  'enrolmentUntil',
  'mutedUntil',
  'pausedSince',
  'foundAt',
]);
/** Less is a number of seconds. */
const LEAST = 1_000_000_000;
/** The last moment that a date can be. */
const MOST = 8_640_000_000_000;

/** The same value, with the time as people write it (`atIso`) beside each moment (`at`). */
export function withIsoTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withIsoTimes);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, item]): [string, unknown][] => {
      const isMoment = MOMENTS.has(name) && typeof item === 'number' && item >= LEAST && item <= MOST;
      const entry: [string, unknown] = [name, withIsoTimes(item)];
      return isMoment ? [entry, [`${name}Iso`, new Date(item * 1000).toISOString()]] : [entry];
    }),
  );
}
