import { wallSeconds } from '@banshare/runtime';
import type { Context, Hono } from 'hono';
import { actPage, actsPage, donePage, refusalOf } from './acts/act-pages.ts';
import type { Act, ActParts, Given } from './acts/act.ts';
import { ACTS } from './acts/all-acts.ts';
import type { Known } from './daemon/watch.ts';
import type { Behind } from './door/guard.ts';
import { noPage } from './pages/enter.ts';
import { show, type PageParts } from './show.ts';

/** What can be done: each act says first what it will do, and is done by a form of the page alone. Nothing of it is there without acts. */
export function addActs(app: Hono<Behind>, parts: PageParts): void {
  app.get('/acts', async (context) => {
    const { acts } = await parts.watch.look();
    return acts ? show(context, parts, 'Acts', actsPage()) : notFound(context, parts);
  });
  app.get('/act/:name', async (context) => {
    const name = context.req.param('name');
    const act = actCalled(name, await parts.watch.look());
    if (act === undefined) return notFound(context, parts);
    const given: Given = (field) => context.req.queries(field) ?? [];
    const { token } = context.get('visitor');
    const page = await actPage(name, act, given, await actParts(parts), { token });
    return show(context, parts, act.title, page);
  });
  app.post('/act/:name', (context) => carryOut(context, parts, context.req.param('name')));
}

async function carryOut(context: Context<Behind>, parts: PageParts, name: string): Promise<Response> {
  const act = actCalled(name, await parts.watch.look());
  if (act === undefined) return notFound(context, parts);
  const body = await context.req.parseBody({ all: true });
  const given: Given = (field) => {
    const value = Object.hasOwn(body, field) ? body[field] : undefined;
    return [value].flat().filter((each) => typeof each === 'string');
  };
  const { token, name: by } = context.get('visitor');
  const planned = await actParts(parts);
  const refusal = refusalOf(await act.plan(given, planned), given);
  const outcome = refusal ?? (await act.run(given, planned, by));
  if (typeof outcome === 'string') {
    context.status(409);
    return show(
      context,
      parts,
      act.title,
      await actPage(name, act, given, planned, { token, fault: outcome }),
    );
  }
  await parts.watch.lookNow();
  if (outcome.goTo !== undefined) return context.redirect(outcome.goTo, 303);
  return show(context, parts, 'Done', donePage(act, outcome));
}

/** Nothing can be done where the server does nothing for the page. */
function actCalled(name: string, { acts }: Known): Act | undefined {
  return acts && Object.hasOwn(ACTS, name) ? ACTS[name] : undefined;
}

async function actParts({ watch, ask }: PageParts): Promise<ActParts> {
  const { status, fleet, isWhole } = await watch.lookNow();
  const now = wallSeconds();
  return { ask, status, hosts: fleet?.hosts ?? [], bans: watch.bans(now), isWhole, now };
}

function notFound(context: Context<Behind>, parts: PageParts): Response | Promise<Response> {
  context.status(404);
  return show(context, parts, 'Not found', noPage('There is no such act.'));
}
