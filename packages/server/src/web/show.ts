import { wallSeconds, type ServerConfig } from '@banshare/runtime';
import type { Context } from 'hono';
import { ASSETS_HASH } from './assets/assets.ts';
import type { Enrichment } from '../enrich/enrichment.ts';
import type { AskServer } from './daemon/ask-server.ts';
import type { Watch } from './daemon/watch.ts';
import type { Behind } from './door/guard.ts';
import type { Sessions, Visitor } from './door/sessions.ts';
import type { LiveViews } from './live/live-views.ts';
import { layout } from './pages/layout.ts';
import type { Html } from './pages/parts.ts';

/** What the page is made with. */
export type PageParts = {
  web: ServerConfig['web'];
  watch: Watch;
  ask: AskServer;
  sessions: Sessions;
  views: LiveViews;
  enrichment: Pick<Enrichment, 'open' | 'isOn' | 'faults'>;
};

type Around = { readonly path: string; readonly visitor: Visitor | undefined; readonly version: string };

/** A whole page as text. */
export async function pageOf(
  around: Around,
  { watch }: Pick<PageParts, 'watch'>,
  title: string,
  content: Html,
): Promise<string> {
  const { silence, acts } = watch.known;
  const frame = { ...around, title, silence, acts, files: ASSETS_HASH, now: wallSeconds() };
  return String(await layout(frame, content));
}

/** Answers with a whole page. */
export async function show(
  context: Context<Behind>,
  parts: Pick<PageParts, 'watch' | 'views'>,
  title: string,
  content: Html,
): Promise<Response> {
  const visitor = context.get('visitor');
  const version = parts.views.nextVersion();
  const { path } = context.req;
  const page = await pageOf({ path, visitor, version }, parts, title, content);
  const { search } = new URL(context.req.url);
  if (visitor !== undefined) parts.views.remember(version, { at: `${path}${search}`, title, page });
  return context.html(page);
}
