import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { addActs } from './act-views.ts';
import { ASSETS } from './assets/assets.ts';
import { checkOrigin, isOfVisitor, letIn, type Behind, type SayNo } from './door/guard.ts';
import { addLogin } from './door/login.ts';
import { enterPage, noPage } from './pages/enter.ts';
import { addExports } from './exports.ts';
import { streamView } from './live/stream.ts';
import { show, type PageParts } from './show.ts';
import { addViews, followableAt } from './views.ts';

/** A form of this page has a few fields. */
const LONGEST_BODY = 16_384;

/** Everything that the page answers: its files and the way in to everybody, all else to whom that let in. */
export function pageApp(parts: PageParts): Hono<Behind> {
  const { web, ask, sessions } = parts;
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
  addLogin(app, { web, sessions, ask }, (context, fault) =>
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
  app.get('/live', (context) =>
    streamView(context, parts, (address) => followableAt(address, parts), context.get('isLetIn')),
  );
  app.use(compress());
  addViews(app, parts);
  addExports(app, parts);
  addActs(app, parts);
  app.notFound((context) => {
    context.status(404);
    return show(context, parts, 'Not found', noPage('There is no such page.', true));
  });
  app.onError((error, context) => {
    context.status(500);
    return show(context, parts, 'A fault', noPage(`The page could not be made: ${error.message}`, true));
  });
  return app;
}
