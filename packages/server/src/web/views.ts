import { wallSeconds, type AdminReply } from '@banshare/runtime';
import { parseTarget } from '@banshare/protocol';
import type { Context, Hono } from 'hono';
import type { AuditEntry } from '../ledger/books/audit.ts';
import type { Explanation } from '../operator/looking/explain.ts';
import type { PastBans } from '../operator/looking/history.ts';
import type { WhereaboutsAnswer } from '../operator/looking/where.ts';
import { bansThere } from './bans-there.ts';
import type { Behind } from './door/guard.ts';
import type { Followable } from './live/stream.ts';
import { addressPage, noAddressPage } from './pages/address.ts';
import { auditPage } from './pages/audit.ts';
import { bansPage, pageOfBans, readBanQuery } from './pages/bans.ts';
import { noPage, silentPage } from './pages/enter.ts';
import { heldPage, type Held } from './pages/held.ts';
import { historyPage } from './pages/history.ts';
import { hostsPage, readHostQuery } from './pages/hosts.ts';
import { neverBanPage, type NeverBanEntry } from './pages/never-ban.ts';
import { nowPage, titleOf } from './pages/now.ts';
import { pageAsked, type Html } from './pages/parts.ts';
import { pageOf, show, type PageParts } from './show.ts';

/** What the audit view looks through: more of it says the command. */
const MOST_ENTRIES = 5000;
/** So old may be what somebody sees who opens a view, seconds. */
const OPENED_SECONDS = 0.2;

/** What a view shows; a status where it is not what was asked for. */
type Shown = { readonly title: string; readonly content: Html; readonly status?: 400 | 503 };

/** What is asked of a view: its query, and how old what it shows may be, where that is said. */
type Asked = {
  readonly query: (name: string) => string | undefined;
  readonly freshSeconds: number | undefined;
};

type View = {
  readonly make: (asked: Asked, parts: PageParts) => Promise<Shown>;
  /** Seconds between two makings while somebody looks: what it asks of the server is not to keep reports waiting. */
  readonly leastSeconds: number;
};

/** The views, each at its address. */
const VIEWS: Readonly<Record<string, View>> = {
  '/': {
    leastSeconds: 0.5,
    make: async ({ freshSeconds }, { watch }) => {
      const known = await watch.look(freshSeconds);
      return { title: titleOf(known), content: nowPage(known, wallSeconds()) };
    },
  },
  '/hosts': {
    leastSeconds: 0.9,
    make: async ({ query, freshSeconds }, { watch }) => {
      const { fleet, acts } = await watch.look(freshSeconds);
      if (fleet === undefined) return silent();
      return { title: 'Hosts', content: hostsPage(fleet, readHostQuery(query), acts, wallSeconds()) };
    },
  },
  '/bans': { leastSeconds: 0.9, make: makeBans },
  '/address': { leastSeconds: 0.9, make: makeAddress },
  '/history': {
    leastSeconds: 60,
    make: async ({ freshSeconds }, { watch, ask }) => {
      const [{ status }, past] = await Promise.all([
        watch.look(freshSeconds),
        ask('history', { since: '30d' }),
      ]);
      return orSilent(past, 'History', (result) => historyPage(result as PastBans, status));
    },
  },
  '/held': {
    leastSeconds: 2,
    make: async ({ freshSeconds }, { watch, ask }) => {
      const [{ status, fleet, acts }, held] = await Promise.all([watch.look(freshSeconds), ask('held')]);
      return orSilent(held, 'Held and pending', (result) =>
        heldPage(result as Held, { status, hosts: fleet?.hosts ?? [], acts }, wallSeconds()),
      );
    },
  },
  '/never-ban': {
    leastSeconds: 5,
    make: async ({ query }, { watch, ask }) =>
      orSilent(await ask('never-ban', { action: 'list' }), 'Never-ban', (result) =>
        neverBanPage(
          result as { entries: NeverBanEntry[] },
          { q: query('q') ?? '', page: pageAsked(query) },
          watch.known.acts,
          wallSeconds(),
        ),
      ),
  },
  '/audit': {
    leastSeconds: 10,
    make: async ({ query }, { ask }) => {
      return orSilent(await ask('audit', { limit: MOST_ENTRIES }), 'Audit', (result) =>
        auditPage(
          (result as { entries: AuditEntry[] }).entries,
          query('q') ?? '',
          pageAsked(query),
          wallSeconds(),
        ),
      );
    },
  },
};

/** Each view at its address. */
export function addViews(app: Hono<Behind>, parts: PageParts): void {
  for (const [path, { make }] of Object.entries(VIEWS))
    app.get(path, async (context) => {
      const query = (name: string): string | undefined => context.req.query(name);
      const { title, content, status } = await make({ query, freshSeconds: freshness(context) }, parts);
      if (status !== undefined) context.status(status);
      return show(context, parts, title, content);
    });
}

/** What a browser follows that shows an address of this page; of what is no view that is whether the server answers. */
export function followableAt({ pathname, searchParams }: URL, parts: PageParts): Followable {
  const view = Object.hasOwn(VIEWS, pathname) ? VIEWS[pathname] : undefined;
  const query = (name: string): string | undefined => searchParams.get(name) ?? undefined;
  const make: View['make'] = view?.make ?? (async () => ({ title: '', content: noPage('') }));
  return {
    leastSeconds: view?.leastSeconds ?? 1,
    make: async () => {
      const { title, content, status } = await make({ query, freshSeconds: undefined }, parts);
      const page = await pageOf({ path: pathname, visitor: undefined, version: '' }, parts, title, content);
      return { title, page, isFrameOnly: view === undefined || status === 503 };
    },
  };
}

async function makeBans({ query }: Asked, parts: PageParts): Promise<Shown> {
  const { watch, ask, enrichment } = parts;
  const now = wallSeconds();
  const asked = readBanQuery(query);
  const all = watch.bans(now);
  const list = pageOfBans(await bansThere(all, asked.where, enrichment), asked, all.length);
  const { shown } = list;
  const told = shown.length === 0 ? undefined : await ask('where', { ips: shown.map(({ ip }) => ip) });
  const where = told?.ok === true ? (told.result as WhereaboutsAnswer).places : [];
  return {
    title: 'Bans',
    content: bansPage(list, { isWhole: watch.known.isWhole, acts: watch.known.acts, where, enrichment }, now),
  };
}

async function makeAddress({ query }: Asked, { watch, ask }: PageParts): Promise<Shown> {
  const { acts } = watch.known;
  const asked = query('ip')?.trim() ?? '';
  const target = parseTarget(asked);
  if (!target.ok)
    return {
      title: 'One address',
      content: noAddressPage(asked, target.fault),
      ...(asked === '' ? {} : { status: 400 as const }),
    };
  const explained = await ask('explain', { ip: target.value });
  const now = wallSeconds();
  return orSilent(explained, target.value, (result) =>
    addressPage(
      { explanation: result as Explanation, bans: watch.bans(now), acts, hasAll: query('hosts') === 'all' },
      now,
    ),
  );
}

/** Who opens a view wants to see how it is now; a script that asks again and again says so. */
function freshness(context: Context<Behind>): number | undefined {
  return context.req.header('X-Renewal') === undefined ? OPENED_SECONDS : undefined;
}

/** A view of what the server has just answered; where it did not, that is said. */
function orSilent(reply: AdminReply, title: string, content: (result: unknown) => Html): Shown {
  return reply.ok ? { title, content: content(reply.result) } : silent(reply.reason);
}

function silent(reason = 'The server has not answered yet'): Shown {
  return { title: 'Server silent', content: silentPage(reason), status: 503 };
}
