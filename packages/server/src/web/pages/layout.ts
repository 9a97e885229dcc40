import { html, raw } from 'hono/html';
import { version as programVersion } from '@banshare/runtime';
import type { Visitor } from '../door/sessions.ts';
import type { Silence } from '../daemon/watch.ts';
import { withCommands } from './command-text.ts';
import { isoText, live, moment, sign, type Html } from './parts.ts';

/** The views, in the order of the menu. */
const VIEWS = [
  { path: '/', name: 'Now' },
  { path: '/hosts', name: 'Hosts' },
  { path: '/bans', name: 'Bans' },
  { path: '/held', name: 'Held and pending' },
  { path: '/never-ban', name: 'Never-ban' },
  { path: '/history', name: 'History' },
  { path: '/audit', name: 'Audit' },
] as const;

/** Only where the page may do more than look. */
const ACTS_VIEW = { path: '/acts', name: 'Acts' };

/** What every page has around its content. Now is epoch seconds. */
export type Frame = {
  readonly path: string;
  readonly title: string;
  readonly visitor: Visitor | undefined;
  readonly silence: Silence | null;
  readonly acts: boolean;
  /** What a browser may keep, by the hash of the page's files. */
  readonly files: string;
  readonly now: number;
  /** Tells this page from every other that was made. */
  readonly version: string;
};

/** A whole page. */
export function layout(
  { path, title, visitor, silence, acts, files, now, version }: Frame,
  content: Html,
): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · banshare</title>
        <link rel="icon" href="/icon.svg?${files}" type="image/svg+xml" />
        <link rel="stylesheet" href="/page.css?${files}" />
        <script src="/page.js?${files}" defer></script>
      </head>
      <body
        data-now="${now.toFixed(1)}"
        data-follows="${visitor === undefined ? 'no' : 'yes'}"
        data-version="${version}"
      >
        ${raw(SIGNS)}
        <a class="skip" href="#main">To the content</a>
        <header class="top">
          <a class="brand" href="/">${sign('brand')} banshare</a>
          ${visitor === undefined ? '' : menu(path, acts)} ${visitor === undefined ? '' : who(visitor)}
        </header>
        <p class="notice" id="notice" role="alert" hidden></p>
        <p class="unseen" id="announce" role="status"></p>
        ${live('silence', silenceNotice(silence, now))}
        <main id="main" tabindex="-1">${content}</main>
        <footer>
          <p>
            banshare ${programVersion} · shown as of
            <time id="as-of" datetime="${isoText(now)}"
              >${isoText(now).replace('T', ' ').replace('Z', ' UTC')}</time
            >
          </p>
        </footer>
      </body>
    </html>`;
}

function menu(path: string, acts: boolean): Html {
  return html`<nav aria-label="Views">
    <ul>
      ${[...VIEWS, ...(acts ? [ACTS_VIEW] : [])].map((view) => html`<li><a href="${view.path}" ${view.path === path ? raw('aria-current="page"') : ''}>${view.name}</a></li>`)}
    </ul>
  </nav>`;
}

function who({ name, token }: Visitor): Html {
  return html`<form class="who" method="post" action="/leave">
    <span id="line" class="line" title="Whether this page renews itself"
      >${sign('off')} <span id="line-text">not live</span></span
    >
    <span class="name">${name}</span>
    <input type="hidden" name="token" value="${token}" />
    <button>Log out</button>
  </form>`;
}

function silenceNotice(silence: Silence | null, now: number): Html {
  if (silence === null) return html`<div id="silence"></div>`;
  return html`<div id="silence" class="silence" role="alert">
    <strong>${sign('urgent')} The server does not answer</strong>
    <p>
      Since ${moment(silence.since, now)}: ${silence.reason}.
      ${withCommands('See systemctl status banshare-server')}. What stands below is of before; this page goes
      on by itself once the server is back. Hosts keep the bans that they have.
    </p>
  </div>`;
}

/** Each sign is drawn once, in the colour of the text beside it; their shapes differ, since colours do not for everybody. */
const SIGNS = `<svg class="unseen" aria-hidden="true" focusable="false" width="0" height="0">
${Object.entries({
  brand:
    '<path d="M8 1 2 3.2v4.3C2 11 4.5 14 8 15c3.500-1 6-4 6-7.500V3.200Z"/><path class="cut" d="m5.200 8 2 2 3.600-4"/>',
  well: '<circle cx="8" cy="8" r="7"/><path class="cut" d="m4.800 8.200 2.300 2.300 4.200-4.700"/>',
  moving: '<circle cx="8" cy="8" r="6" class="line"/><path d="M8 2a6 6 0 0 1 0 12Z"/>',
  todo: '<path d="M8 1.500 15.300 14.500H.700Z"/><path class="cut" d="M8 6v4M8 11.800v1.200"/>',
  urgent: '<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5Z"/><path class="cut" d="M8 4v5M8 11v1.500"/>',
  wrong: '<rect x="1" y="1" width="14" height="14" rx="2"/><path class="cut" d="m5 5 6 6M11 5l-6 6"/>',
  paused: '<rect x="2" y="2" width="4.500" height="12"/><rect x="9.500" y="2" width="4.500" height="12"/>',
  waits: '<path d="M3 1h10v3.500L9.500 8l3.500 3.500V15H3v-3.500L6.500 8 3 4.500Z"/>',
  report: '<path class="line" d="M2 3h12v8H7.500L4 14v-3H2Z"/>',
  out: '<circle cx="8" cy="8" r="6" class="line"/><path class="line" d="M4 8h8"/>',
  ban: '<circle cx="8" cy="8" r="6" class="line"/><path class="line" d="m3.800 12.200 8.400-8.400"/>',
  unban: '<path class="line" d="M2 8h9M7.500 3.500 12 8l-4.500 4.500M14.500 2.500v11"/>',
  on: '<circle cx="8" cy="8" r="5"/>',
  off: '<circle cx="8" cy="8" r="5" class="line"/>',
})
  .map(([name, shape]) => `<symbol id="sign-${name}" viewBox="0 0 16 16">${shape}</symbol>`)
  .join('\n')}
</svg>`;
