import { html } from 'hono/html';
import { oneLine, parseTarget } from '@banshare/protocol';
import type { Explanation } from '../../operator/looking/explain.ts';
import { sayWhere } from '../../words/whereabouts.ts';
import { networkOf } from '../../words/network.ts';
import type { MirrorBan } from '../daemon/ban-mirror.ts';
import { findBans } from './find-bans.ts';
import { outcomesOf } from './outcomes.ts';
import { count, ending, isoText, live, liveRows, moment, msText, query, sign, type Html } from './parts.ts';

const MOST_NEIGHBOURS = 20;
/** So many of the hosts that support a ban are named. */
const MOST_NAMED = 10;

type Shown = {
  readonly explanation: Explanation;
  readonly bans: readonly MirrorBan[];
  readonly acts: boolean;
  /** Whether each host has a row, however many there are. */
  readonly hasAll: boolean;
};

/** Everything about one address or range: whether it is banned, what happened, what each host made of it, and its neighbours. */
export function addressPage({ explanation, bans, acts, hasAll }: Shown, now: number): Html {
  const { ip, events, supporters } = explanation;
  const where = sayWhere(explanation);
  const active = findBans(bans, { q: ip, jail: '', host: '', sort: 'newest' }).filter(
    (ban) => ban.ip === ip || ban.ip.includes('/'),
  );
  const newest = events.at(-1);
  const answer = html`<section class="answer address-of ${active.length > 0 ? 'banned' : ''}" id="address">
    <h1>
      ${sign(active.length > 0 ? 'ban' : 'well')} <span class="address">${ip}</span> is
      ${active.length > 0 ? 'banned' : 'not banned'}
    </h1>
    ${where === '' ? '' : html`<p>${where}</p>`} ${active.map((ban) => activeText(ban, ip, now))}
    ${supporters.map(supportText)}
    ${
      acts
        ? html`<p class="buttons">
            ${active.length > 0 ? html`<a class="button" href="/act/unban${query({ ip })}">Lift it</a>` : html`<a class="button" href="/act/ban${query({ ip })}">Ban it</a>`}
            <a class="button" href="/act/never-ban${query({ range: ip })}">Never ban it</a>
          </p>`
        : html`<p><code>banshare-server ${active.length > 0 ? 'unban' : 'ban'} ${ip}</code></p>`
    }
  </section>`;
  return html`${live('address', answer)}
    ${newest === undefined ? html`<p class="empty apart">${explanation.reports.length === 0 ? 'Nothing is known of this address.' : 'It was never banned.'}</p>` : ''}
    <div class="columns">
      <div>
        ${newest === undefined ? '' : outcomesOf(newest, explanation, hasAll)} ${neighbours(bans, ip, now)}
      </div>
      ${newest === undefined && explanation.reports.length === 0 ? '' : timeline(explanation, now)}
    </div>`;
}

function supportText({ ip, prog, jail, hosts }: Explanation['supporters'][number]): Html {
  const named = hosts.slice(0, MOST_NAMED).join(', ');
  const more = hosts.length - MOST_NAMED;
  return html`<p>
    <span class="address">${ip}</span> ${prog}/${jail} is supported by
    ${named}${more > 0 ? ` and ${count(more, 'more host')}` : ''}.
  </p>`;
}

/** What somebody asks for that is no address, or nothing at all. */
export function noAddressPage(asked: string, fault: string): Html {
  return html`<section class="answer">
    <h1>One address</h1>
    <p>${asked === '' ? 'Name an address or a range.' : `That is none: ${fault}.`}</p>
    <form class="search" method="get" action="/address" role="search">
      <label
        >Address or range
        <input type="search" name="ip" value="${asked}" autocapitalize="none" spellcheck="false"
      /></label>
      <button class="main">Show</button>
    </form>
  </section>`;
}

function activeText({ ip, jail, host, at, until, reason }: MirrorBan, of: string, now: number): Html {
  return html`<p>
    ${ip === of ? 'By' : html`As part of <a class="address" href="/address${query({ ip })}">${ip}</a>, by`}
    ${host} in the jail ${jail}, since ${moment(at, now)}, ends
    ${ending(until, now)}${reason === undefined ? '' : html`: ${reason}`}
  </p>`;
}

/** What was before the server's start has no times. */
function stepsText(committedMs: number | null, publishedMs: number | null): string {
  if (committedMs === null || publishedMs === null) return '';
  return `, in the ledger after ${msText(committedMs)}, published after ${msText(publishedMs)}`;
}

/** What its detector saw: an attacker's text, of which nothing steers whatever it is copied to. */
function evidenceText(evidence: string | null): Html | '' {
  if (evidence === null) return '';
  return html`<pre class="evidence">${evidence.split('\n').map(oneLine).join('\n')}</pre>`;
}

function neighbours(bans: readonly MirrorBan[], ip: string, now: number): Html {
  const target = parseTarget(ip);
  if (!target.ok || ip.includes('/')) return html``;
  const network = networkOf(target.value);
  const found = findBans(bans, { q: network, jail: '', host: '', sort: 'newest' }).filter(
    (ban) => ban.ip !== ip,
  );
  const there = html`<section class="card" id="neighbours">
    <h2>Its neighbours in <a class="address" href="/bans${query({ q: network })}">${network}</a></h2>
    ${
      found.length === 0
        ? html`<p class="soft">None of them is banned now.</p>`
        : html`<p>${count(found.length, 'ban')}</p>
            <ul class="neighbours">
              ${found.slice(0, MOST_NEIGHBOURS).map((ban) => html`<li><a class="address" href="/address${query({ ip: ban.ip })}">${ban.ip}</a> <span class="soft">${ban.jail}, ${moment(ban.at, now)}</span></li>`)}
            </ul>`
    }
  </section>`;
  return live('neighbours', there);
}

type Step = { readonly at: number; readonly key: string; readonly kind: string; readonly text: Html };

function timeline({ reports, events }: Explanation, now: number): Html {
  const steps: Step[] = [
    ...events.map(({ at, seq, kind, host, jail, until, reason, committedMs, publishedMs }) => ({
      at,
      key: `e${seq}`,
      kind,
      text: html`<b>${kind === 'ban' ? 'Banned everywhere' : 'Lifted everywhere'}</b>
        <span class="by"
          >by ${host} in
          ${jail}${kind === 'ban' ? (until === null ? ', for ever' : `, until ${isoText(until)}`) : ''}${stepsText(committedMs, publishedMs)}${reason === undefined ? '' : `: ${reason}`}</span
        >`,
    })),
    ...reports.map(({ at, received, host, kind, prog, jail, verdict, reason, evidence }, index) => ({
      at: received,
      key: `r${received}-${index}`,
      kind: 'report',
      text: html`<b>${host} ${kind === 'unban' ? 'takes its report back' : 'reports'}</b>
        <span class="by"
          >${prog}/${jail}${received - at > 60 ? html`, found ${moment(at, now)}` : ''}:
          ${verdict}${reason === null ? '' : `, ${reason}`}</span
        >${evidenceText(evidence)}`,
    })),
  ].toSorted((one, other) => other.at - one.at);
  return html`<section class="card stream">
    <h2>What happened</h2>
    <ol id="timeline">
      ${liveRows(
        'timeline',
        steps.map(
          ({ at, key, kind, text }) =>
            html`<li data-key="${key}" class="${kind}">
              ${sign(kind)} <span class="what">${text}</span> ${moment(at, now)}
            </li>`,
        ),
      )}
    </ol>
  </section>`;
}
