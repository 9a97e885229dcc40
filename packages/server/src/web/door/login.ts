import { wallSeconds, type ServerConfig } from '@banshare/runtime';
import type { Context, Hono } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { AskServer } from '../daemon/ask-server.ts';
import { COOKIE, type Behind } from './guard.ts';
import { SESSION_SECONDS, type Sessions } from './sessions.ts';
import { Tries } from './tries.ts';

type LoginParts = { web: ServerConfig['web']; sessions: Sessions; ask: AskServer };

/**
 * The way in: a code of one use from `banshare-server web link`. It stands behind the # of the link, which no browser sends and no proxy
 * logs; a script of the page puts it into the form, or a person does.
 */
export function addLogin(
  app: Hono<Behind>,
  { web, sessions, ask }: LoginParts,
  showForm: (context: Context<Behind>, fault?: string) => Response | Promise<Response>,
): void {
  const tries = new Tries((codes) => ask('page-login', { codes }));
  app.get('/enter', (context) => showForm(context));
  app.post('/enter', async (context) => {
    const { code } = await context.req.parseBody();
    const tried = await tries.take(typeof code === 'string' ? code.trim() : '');
    if ('refusal' in tried) {
      context.status(403);
      return showForm(context, tried.refusal);
    }
    const { name } = tried;
    setCookie(context, COOKIE, sessions.begin(name, wallSeconds()), {
      path: '/',
      httpOnly: true,
      sameSite: 'Strict',
      secure: web.tlsCertificate !== undefined || web.listen.unix !== undefined,
      maxAge: SESSION_SECONDS,
    });
    return context.redirect('/', 303);
  });
  app.post('/leave', (context) => {
    const key = getCookie(context, COOKIE);
    if (key !== undefined) sessions.end(key);
    deleteCookie(context, COOKIE, { path: '/' });
    return context.redirect('/enter', 303);
  });
}
