import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import { wallSeconds } from '@banshare/runtime';
import type { Made, State } from './followed-view.ts';
import type { LiveViews } from './live-views.ts';

/** Browsers that follow at once; a browser keeps six connections to one page at most. */
const MOST_FOLLOWERS = 60;
/** A sign of life, so that no proxy takes the stream for dead; milliseconds. */
const BEAT_MS = 15_000;
/** A browser comes again after so many milliseconds. */
const AGAIN_MS = 1000;
/** No address of a view is longer. */
const LONGEST_ADDRESS = 2000;

/** How a view is made, and how many seconds lie between two makings at least. */
export type Followable = { readonly make: () => Promise<Made>; readonly leastSeconds: number };

let followers = 0;

/**
 * Sends a browser what moves in the view that it shows, as long as it listens and is let in. It says which version of it it has: in the
 * address at first, and when it comes again by itself in the header that browsers have for that.
 */
export function streamView(
  context: Context,
  { views, watch }: { views: LiveViews; watch: { follow: (changed: () => void) => () => void } },
  viewAt: (address: URL) => Followable,
  isLetIn: () => boolean,
): Response | Promise<Response> {
  // Nobody reads what answers a HEAD, nor ends it: it would be counted for ever.
  if (context.req.method !== 'GET') return context.body(null, 204);
  if (followers >= MOST_FOLLOWERS) return context.text('Too many browsers follow already.', 503);
  const at = (context.req.query('view') ?? '/').slice(0, LONGEST_ADDRESS);
  const address = URL.parse(at, 'http://page');
  if (address === null) return context.text('There is no such view.', 400);
  followers += 1;
  context.header('X-Accel-Buffering', 'no');
  return streamSSE(context, async (stream) => {
    let wake: () => void = () => {};
    let isWoken = false;
    const had = context.req.header('Last-Event-ID') ?? context.req.query('had');
    const followed = views.follow(
      `${address.pathname}${address.search}`,
      viewAt(address),
      () => {
        isWoken = true;
        wake();
      },
      had,
    );
    const { view } = followed;
    let state: State | undefined = followed.state;
    const unwatch = watch.follow(() => view.mayHaveMoved());
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      unwatch();
      followed.leave();
      followers -= 1;
    };
    stream.onAbort(() => {
      end();
      wake();
    });
    // At once, so that the browser knows that it follows; and how soon it comes again where this ends.
    await stream.write(`retry: ${AGAIN_MS}\n\n`);
    while (!stream.aborted && isLetIn()) {
      isWoken = false;
      const text = view.textSince(state);
      state = view.state ?? state;
      if (text !== undefined && state !== undefined)
        await stream.writeSSE({ event: 'moved', data: text, id: state.version });
      if (isWoken || stream.aborted) continue;
      if (await slept(BEAT_MS, (resolve) => (wake = resolve)))
        await stream.writeSSE({ event: 'beat', data: wallSeconds().toFixed(1) });
    }
    end();
  });
}

/** Whether so many milliseconds passed without anybody waking. */
function slept(ms: number, wakeable: (wake: () => void) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), ms);
    wakeable(() => {
      clearTimeout(timer);
      resolve(false);
    });
  });
}
