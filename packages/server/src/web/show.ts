import { wallSeconds, type ServerConfig } from '@banshare/runtime';
import type { Context } from 'hono';
import { ASSETS_HASH } from './assets/assets.ts';
import type { AskServer } from './daemon/ask-server.ts';
import type { Watch } from './daemon/watch.ts';
import type { Behind } from './door/guard.ts';
import type { Sessions } from './door/sessions.ts';
import { layout, type Frame } from './pages/layout.ts';
import type { Html } from './pages/parts.ts';

/** What the page is made with. */
export type PageParts = { web: ServerConfig['web']; watch: Watch; ask: AskServer; sessions: Sessions };

/** Answers with a whole page. */
export function show(
  context: Context<Behind>,
  { watch, web }: Pick<PageParts, 'watch' | 'web'>,
  title: string,
  content: Html,
): Response | Promise<Response> {
  const frame: Frame = {
    path: context.req.path,
    title,
    visitor: context.get('visitor'),
    silence: watch.known.silence,
    acts: web.acts,
    files: ASSETS_HASH,
    now: wallSeconds(),
  };
  return context.html(layout(frame, content));
}
