import { wallSeconds } from '@banshare/runtime';
import type { Context, Hono } from 'hono';
import { bansThere } from './bans-there.ts';
import type { MirrorBan } from './daemon/ban-mirror.ts';
import type { Behind } from './door/guard.ts';
import { CSV_HEAD, csvRows, readBanQuery } from './pages/bans.ts';
import { findBans } from './pages/find-bans.ts';
import type { PageParts } from './show.ts';

/** What is found of the bans as files to take along. */
export function addExports(app: Hono<Behind>, parts: Pick<PageParts, 'watch' | 'enrichment'>): void {
  app.get('/bans.csv', async (context) => {
    const found = await foundBy(context, parts);
    return inParts(context, csvParts(found), 'csv', 'text/csv; charset=utf-8');
  });
  app.get('/bans.json', async (context) => {
    const found = await foundBy(context, parts);
    return inParts(context, jsonParts(found), 'json', 'application/json');
  });
}

async function foundBy(
  context: Context<Behind>,
  { watch, enrichment }: Pick<PageParts, 'watch' | 'enrichment'>,
): Promise<MirrorBan[]> {
  const asked = readBanQuery((name) => context.req.query(name));
  const there = await bansThere(watch.bans(wallSeconds()), asked.where, enrichment);
  return findBans(there, asked);
}

/** Rows in one part of a file: half a million of them as one text would be more memory than this process may have. */
const AT_ONCE = 500;

/** Answers with a file, as fast as it is taken. */
function inParts(
  context: Context<Behind>,
  parts: Iterable<string>,
  form: string,
  type: string,
): Response | Promise<Response> {
  const encoder = new TextEncoder();
  const rest = parts[Symbol.iterator]();
  const stream = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        const next = rest.next();
        if (next.done === true) controller.close();
        else controller.enqueue(encoder.encode(next.value));
      },
    },
    { highWaterMark: 1 },
  );
  return context.body(stream, 200, {
    'Content-Type': type,
    'Content-Disposition': `attachment; filename="banshare-bans.${form}"`,
  });
}

function* jsonParts(bans: readonly MirrorBan[]): Generator<string> {
  yield '{"bans":[';
  for (let from = 0; from < bans.length; from += AT_ONCE) {
    const some = bans.slice(from, from + AT_ONCE).map((ban) => JSON.stringify(ban));
    yield `${from === 0 ? '' : ','}${some.join(',')}`;
  }
  yield ']}';
}

function* csvParts(bans: readonly MirrorBan[]): Generator<string> {
  yield CSV_HEAD;
  for (let from = 0; from < bans.length; from += AT_ONCE) yield csvRows(bans.slice(from, from + AT_ONCE));
}
