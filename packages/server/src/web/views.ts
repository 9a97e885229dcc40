import { parseTarget } from '@banshare/protocol';
import { wallSeconds, type AdminReply } from '@banshare/runtime';
import type { Context, Hono } from 'hono';
import type { AuditEntry } from '../ledger/books/audit.ts';
import type { Behind } from './door/guard.ts';
import type { Explanation } from '../operator/looking/explain.ts';
import type { WhereaboutsAnswer } from '../operator/looking/where.ts';
import type { PastBans } from '../operator/looking/history.ts';
import { addressPage, noAddressPage } from './pages/address.ts';
import { historyPage } from './pages/history.ts';
import { auditPage } from './pages/audit.ts';
import { bansCsv, bansPage, pageOfBans, readBanQuery } from './pages/bans.ts';
import { noPage } from './pages/enter.ts';
import { findBans } from './pages/find-bans.ts';
import { heldPage, type Held } from './pages/held.ts';
import { hostsPage, readHostQuery } from './pages/hosts.ts';
import { neverBanPage, type NeverBanEntry } from './pages/never-ban.ts';
import { nowPage, titleOf } from './pages/now.ts';
import type { Html } from './pages/parts.ts';
import { show, type PageParts } from './show.ts';

/** What the audit view looks through: more of it says the command. */
const MOST_ENTRIES = 5000;
/** So old may be what somebody sees who opens a view, seconds. */
const OPENED_SECONDS = 0.2;

/** The views, each at its address. */
export function addViews(app: Hono<Behind>, parts: PageParts): void {
  const { watch, ask } = parts;
  const { acts } = parts.web;
  app.get('/', async (context) => {
    const known = await watch.look(freshness(context));
    return show(context, parts, titleOf(known), nowPage(known, acts, wallSeconds()));
  });
  app.get('/hosts', async (context) => {
    const { fleet } = await watch.look(freshness(context));
    if (fleet === undefined) return silent(context, parts);
    const asked = readHostQuery((name) => context.req.query(name));
    return show(context, parts, 'Hosts', hostsPage(fleet, asked, acts, wallSeconds()));
  });
  addBans(app, parts);
  app.get('/address', async (context) => {
    const asked = context.req.query('ip')?.trim() ?? '';
    const target = parseTarget(asked);
    if (!target.ok) {
      if (asked !== '') context.status(400);
      return show(context, parts, 'One address', noAddressPage(asked, target.fault));
    }
    const explained = await ask('explain', { ip: target.value });
    const now = wallSeconds();
    return orSilent(context, parts, explained, target.value, (result) =>
      addressPage({ explanation: result as Explanation, bans: watch.bans(now), acts }, now),
    );
  });
  app.get('/history', async (context) => {
    const [{ status }, past] = await Promise.all([
      watch.look(freshness(context)),
      ask('history', { since: '30d' }),
    ]);
    return orSilent(context, parts, past, 'History', (result) => historyPage(result as PastBans, status));
  });
  app.get('/held', async (context) => {
    const [{ status, fleet }, held] = await Promise.all([watch.look(freshness(context)), ask('held')]);
    return orSilent(context, parts, held, 'Held and pending', (result) =>
      heldPage(result as Held, { status, hosts: fleet?.hosts ?? [], acts }, wallSeconds()),
    );
  });
  app.get('/never-ban', async (context) => {
    const listed = await ask('never-ban', { action: 'list' });
    return orSilent(context, parts, listed, 'Never-ban', (result) =>
      neverBanPage((result as { entries: NeverBanEntry[] }).entries, context.req.query('q') ?? '', acts),
    );
  });
  app.get('/audit', async (context) => {
    const audited = await ask('audit', { limit: MOST_ENTRIES });
    const page = Math.max(1, Math.trunc(Number(context.req.query('page') ?? 1)) || 1);
    return orSilent(context, parts, audited, 'Audit', (result) =>
      auditPage(
        (result as { entries: AuditEntry[] }).entries,
        context.req.query('q') ?? '',
        page,
        wallSeconds(),
      ),
    );
  });
}

function addBans(app: Hono<Behind>, parts: PageParts): void {
  const { watch } = parts;
  app.get('/bans', async (context) => {
    const now = wallSeconds();
    const asked = readBanQuery((name) => context.req.query(name));
    const list = pageOfBans(watch.bans(now), asked);
    const where = await whereAre(parts, list.shown);
    const known = { isWhole: watch.known.isWhole, acts: parts.web.acts, where };
    return show(context, parts, 'Bans', bansPage(list, known, now));
  });
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

/** Where the addresses of some bans are, in their order; nothing where no file says it. */
async function whereAre(
  { ask }: PageParts,
  bans: readonly { ip: string }[],
): Promise<WhereaboutsAnswer['places']> {
  if (bans.length === 0) return [];
  const told = await ask('where', { ips: bans.map(({ ip }) => ip) });
  return told.ok ? (told.result as WhereaboutsAnswer).places : [];
}

/** Who opens a view wants to see how it is now; a page that is open renews itself anyway. */
function freshness(context: Context<Behind>): number | undefined {
  return context.req.header('X-Renewal') === undefined ? OPENED_SECONDS : undefined;
}

/** A view of what the server has just answered; where it did not, that is said. */
function orSilent(
  context: Context<Behind>,
  parts: PageParts,
  reply: AdminReply,
  title: string,
  content: (result: unknown) => Html,
): Response | Promise<Response> {
  return reply.ok ? show(context, parts, title, content(reply.result)) : silent(context, parts, reply.reason);
}

function silent(
  context: Context<Behind>,
  parts: PageParts,
  reason = 'The server has not answered yet.',
): Response | Promise<Response> {
  context.status(503);
  return show(context, parts, 'Server silent', noPage(reason));
}
