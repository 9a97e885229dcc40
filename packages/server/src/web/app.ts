import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { streamSSE } from 'hono/streaming';
import { addActs } from './act-views.ts';
import { ASSETS } from './assets/assets.ts';
import type { Watch } from './daemon/watch.ts';
import { checkOrigin, isOfVisitor, letIn, type Behind, type SayNo } from './door/guard.ts';
import { addLogin } from './door/login.ts';
import { enterPage, noPage } from './pages/enter.ts';
import { show, type PageParts } from './show.ts';
import { addViews } from './views.ts';

/** A form of this page has a few fields. */
const LONGEST_BODY = 16_384;
/** Browsers that follow at once; a browser keeps six connections to one page at most. */
const MOST_FOLLOWERS = 60;
/** A sign of life, so that no proxy takes the stream for dead. */
const BEAT_MS = 15_000;
/** A browser is told that something has changed so often at most. */
const LEAST_BETWEEN_MS = 200;

/** Everything that the page answers: its files and the way in to everybody, all else to whom that let in. */
export function pageApp(parts: PageParts): Hono<Behind> {
  const { web, watch, ask, sessions } = parts;
  const app = new Hono<Behind>();
  const isByProxy = web.userHeader !== undefined && web.listen.unix !== undefined;
  const sayNo: SayNo = (context, status, why) => {
    context.status(status);
    if (status === 401) return show(context, parts, 'Log in', enterPage(undefined, isByProxy));
    return show(context, parts, 'Not here', noPage(why));
  };
  app.use(checkOrigin(web, sayNo));
  app.use(bodyLimit({ maxSize: LONGEST_BODY }));
  for (const { path, type, text } of ASSETS)
    app.get(path, compress(), (context) =>
      context.body(text, 200, {
        'Content-Type': type,
        'Cache-Control': 'public, max-age=31536000, immutable',
      }),
    );
  addLogin(app, { web, sessions, ask, sayNo }, (context, fault) =>
    show(context, parts, 'Log in', enterPage(fault, isByProxy)),
  );
  app.use(letIn(web, sessions, sayNo));
  app.use(async (context, next) => {
    if (context.req.method !== 'POST') return next();
    const { token } = await context.req.parseBody();
    return isOfVisitor(context.get('visitor'), token)
      ? next()
      : sayNo(context, 403, 'This form is not of your login: go back, load the page anew, and try again.');
  });
  app.get('/live', (context) => live(context, watch));
  app.use(compress());
  addViews(app, parts);
  addActs(app, parts);
  app.notFound((context) => {
    context.status(404);
    return show(context, parts, 'Not found', noPage('There is no such page.'));
  });
  app.onError((error, context) => {
    context.status(500);
    return show(context, parts, 'A fault', noPage(`The page could not be made: ${error.message}`));
  });
  return app;
}

let followers = 0;

/** Tells a browser that something has changed, as long as it listens. */
function live(context: Context<Behind>, watch: Watch): Response | Promise<Response> {
  // Nobody reads what answers a HEAD, nor ends it: it would be counted for ever.
  if (context.req.method !== 'GET') return context.body(null, 204);
  if (followers >= MOST_FOLLOWERS) return context.text('Too many browsers follow already.', 503);
  followers += 1;
  context.header('X-Accel-Buffering', 'no');
  return streamSSE(context, async (stream) => {
    let wake: () => void = () => {};
    let isChanged = true;
    const leave = watch.follow(() => {
      isChanged = true;
      wake();
    });
    stream.onAbort(() => {
      leave();
      followers -= 1;
      wake();
    });
    while (!stream.aborted) {
      await (isChanged ? stream.writeSSE({ event: 'changed', data: '' }) : stream.write(': still here\n\n'));
      isChanged = false;
      await stream.sleep(LEAST_BETWEEN_MS);
      if (isChanged || stream.aborted) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, BEAT_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  });
}
