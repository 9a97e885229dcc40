import type { Status } from '../../operator/status.ts';
import { number } from '../../words/phrases.ts';

/** How fast bans were within the last hour, as half and 99 of 100 of them were. */
export function latencyLine({ committed, published, applied }: Status['latency']): string[] {
  if (committed === null) return [];
  const times = [
    ['committed', committed],
    ['published', published],
    ['in place on a host', applied],
  ] as const;
  const said = times.flatMap(([what, at]) =>
    at === null ? [] : [`${what} p50 ${number(at.p50)} ms, p99 ${number(at.p99)} ms`],
  );
  const unknown = applied === null ? '; when they were in place is unknown, no host has told' : '';
  return [`Bans of the last hour, since their report came: ${said.join('; ')}${unknown}.`];
}
