import { wallSeconds } from '@banshare/runtime';
import type { Hono } from 'hono';
import type { Behind } from './door/guard.ts';
import { bansCsv, readBanQuery } from './pages/bans.ts';
import { findBans } from './pages/find-bans.ts';
import type { PageParts } from './show.ts';

/** What is found of the bans as files to take along. */
export function addExports(app: Hono<Behind>, { watch }: PageParts): void {
  app.get('/bans.csv', (context) => {
    const found = findBans(
      watch.bans(wallSeconds()),
      readBanQuery((name) => context.req.query(name)),
    );
    return context.body(bansCsv(found), 200, {
      'Content-Type': 'text/csv; charset=utf-8',
      'Content-Disposition': 'attachment; filename="banshare-bans.csv"',
    });
  });
  app.get('/bans.json', (context) => {
    const found = findBans(
      watch.bans(wallSeconds()),
      readBanQuery((name) => context.req.query(name)),
    );
    context.header('Content-Disposition', 'attachment; filename="banshare-bans.json"');
    return context.json({ bans: found });
  });
}
