import { html } from 'hono/html';
import { withCommands } from './command-text.ts';
import type { Html } from './parts.ts';

/** The way in for whoever has a link, or its code. */
export function enterPage(fault: string | undefined, isByProxy: boolean): Html {
  if (isByProxy)
    return html`<section class="answer enter">
      <h1>Come in by the proxy</h1>
      <p>This page takes whom the proxy in front of it names. It named nobody.</p>
    </section>`;
  return html`<section class="answer enter">
    <h1>Log in</h1>
    ${fault === undefined ? '' : html`<p class="fault" role="alert">${withCommands(fault)}</p>`}
    <p>On the server, as root or in the group banshare-operators:</p>
    <p><code>banshare-server web link --as NAME</code></p>
    <p>
      Open the link that it prints. Without JavaScript put its code, which is behind the <code>#</code>, here:
    </p>
    <form method="post" action="/enter" id="enter">
      <label for="code">Code</label>
      <input id="code" name="code" autocomplete="off" autocapitalize="none" spellcheck="false" required />
      <button class="main">Come in</button>
    </form>
  </section>`;
}

/** What stands in the place of a view that only the server could fill. */
export function silentPage(why: string): Html {
  return html`<section class="answer urgent">
    <h1>Unknown</h1>
    <p>${withCommands(why)}.</p>
    <p>This view comes by itself once the server answers.</p>
  </section>`;
}

/** A no, in words; whoever is in is led to the first view, others to the way in. */
export function noPage(why: string, isIn = false): Html {
  return html`<section class="answer enter">
    <h1>Not here</h1>
    <p>${withCommands(why)}</p>
    <p>${isIn ? html`<a href="/">To the first view</a>` : html`<a href="/enter">To the login</a>`}</p>
  </section>`;
}
