import { parseTarget } from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import type { Enrichment } from '../../enrich/enrichment.ts';
import type { Whereabouts } from '../../words/whereabouts.ts';
import { decline, type Args } from '../deeds/bans.ts';

/** Where addresses are, as far as the files of [enrich] mmdb know, in the order of the question; and what is wrong with the files. */
export type WhereaboutsAnswer = { places: ({ ip: string } & Whereabouts)[]; faults: string[] };

const MOST = 1000;

/** `where`: for the page, which lists what other answers hold; addresses or ranges, 1000 at most. */
export async function where(args: Args, { enrichment }: { enrichment: Enrichment }): Promise<AdminReply> {
  const ips = (args['ips'] as unknown[]).map(String);
  if (ips.length > MOST) return decline('limit', `at most ${MOST} addresses are looked up at once`);
  const odd = ips.find((ip) => !parseTarget(ip).ok);
  if (odd !== undefined) return decline('address', `"${odd}" is no address or range`);
  const places = await enrichment.tell(ips.map((ip) => ({ ip })));
  return { ok: true, result: { places, faults: enrichment.faults } satisfies WhereaboutsAnswer };
}
