import { html } from 'hono/html';
import { parseTarget } from '@banshare/protocol';
import type { Explanation } from '../../operator/explain.ts';
import { networkOf } from '../../words/network.ts';
import type { MirrorBan } from '../daemon/ban-mirror.ts';
import { findBans } from './find-bans.ts';
import { count, ending, isoText, moment, query, sign, table, type Html } from './parts.ts';

const MOST_NEIGHBOURS = 20;

type Shown = {
  readonly explanation: Explanation;
  readonly bans: readonly MirrorBan[];
  readonly acts: boolean;
};

/** Everything about one address or range: whether it is banned, what happened, what each host made of it, and its neighbours. */
export function addressPage({ explanation, bans, acts }: Shown, now: number): Html {
  const { ip, events } = explanation;
  const active = findBans(bans, { q: ip, jail: '', host: '', sort: 'newest' }).filter(
    (ban) => ban.ip === ip || ban.ip.includes('/'),
  );
  const newest = events.at(-1);
  return html`<section class="answer address-of ${active.length > 0 ? 'banned' : ''}" id="address" data-live>
      <h1>
        ${sign(active.length > 0 ? 'ban' : 'well')} <span class="address">${ip}</span> is
        ${active.length > 0 ? 'banned' : 'not banned'}
      </h1>
      ${active.map((ban) => activeText(ban, ip, now))}
      ${
        acts
          ? html`<p class="buttons">
              ${active.length > 0 ? html`<a class="button" href="/act/unban${query({ ip })}">Lift it</a>` : html`<a class="button" href="/act/ban${query({ ip })}">Ban it</a>`}
              <a class="button" href="/act/never-ban${query({ range: ip })}">Never ban it</a>
            </p>`
          : html`<p><code>banshare-server ${active.length > 0 ? 'unban' : 'ban'} ${ip}</code></p>`
      }
    </section>
    ${newest === undefined ? html`<p class="empty">Nothing is known of this address.</p>` : ''}
    <div class="columns">
      <div>${newest === undefined ? '' : outcomes(newest, explanation)} ${neighbours(bans, ip, now)}</div>
      ${timeline(explanation, now)}
    </div>`;
}

function activeText({ ip, jail, host, at, until, reason }: MirrorBan, of: string, now: number): Html {
  return html`<p>
    ${ip === of ? 'By' : html`As part of <a class="address" href="/address${query({ ip })}">${ip}</a>, by`}
    ${host} in the jail ${jail}, since ${moment(at, now)}, ends
    ${ending(until, now)}${reason === undefined ? '' : html`: ${reason}`}
  </p>`;
}

const OUTCOME_COLUMNS = [
  { label: 'Host' },
  { label: 'Made of it' },
  { label: 'After', isNumber: true },
  { label: 'Packets dropped', isNumber: true },
];

function outcomes(event: Explanation['events'][number], { dropped }: Explanation): Html {
  const done = event.outcomes.filter(({ outcome }) => outcome !== 'waiting').length;
  return html`<section class="card">
    <h2>
      What hosts made of the ${event.kind === 'ban' ? 'ban' : 'unban'}
      <span class="soft" id="confirmed" data-live
        >${done.toLocaleString('en-US')} of ${count(event.outcomes.length, 'host')} have confirmed it</span
      >
    </h2>
    ${table(
      'outcomes',
      'What each host made of it',
      OUTCOME_COLUMNS,
      event.outcomes.map(({ host, outcome, reason, at }) => ({
        key: `${event.seq} ${host}`,
        cells: [
          html`<b>${host}</b>`,
          html`<span
              class="state is-${outcome === 'waiting' ? 'moving' : outcome === 'failed' ? 'wrong' : 'well'}"
              >${sign(outcome === 'waiting' ? 'moving' : outcome === 'failed' ? 'wrong' : 'well')}
              ${outcome}</span
            >${reason === null ? '' : html`<span class="soft">${reason}</span>`}`,
          html`<span>${at === null ? 'unknown' : afterText(at - event.at)}</span>`,
          html`<span>${droppedText(dropped.filter((each) => each.host === host))}</span>`,
        ],
      })),
    )}
  </section>`;
}

/** A host acknowledges every five seconds, so that most times are those of its word. */
function afterText(seconds: number): string {
  return seconds < 10
    ? `${Math.max(0, Math.round(seconds * 1000)).toLocaleString('en-US')} ms`
    : `${Math.round(seconds)} s`;
}

function droppedText(there: Explanation['dropped']): string {
  const [first] = there;
  if (first === undefined) return 'unknown';
  const { packets, atMost } = first;
  if (packets !== null) return packets.toLocaleString('en-US');
  return atMost === null ? 'unknown' : `at most ${atMost.toLocaleString('en-US')}`;
}

function neighbours(bans: readonly MirrorBan[], ip: string, now: number): Html {
  const target = parseTarget(ip);
  if (!target.ok || ip.includes('/')) return html``;
  const network = networkOf(target.value);
  const found = findBans(bans, { q: network, jail: '', host: '', sort: 'newest' }).filter(
    (ban) => ban.ip !== ip,
  );
  return html`<section class="card" id="neighbours" data-live>
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
}

type Step = { readonly at: number; readonly key: string; readonly kind: string; readonly text: Html };

function timeline({ reports, events }: Explanation, now: number): Html {
  const steps: Step[] = [
    ...events.map(({ at, seq, kind, host, jail, until, reason }) => ({
      at,
      key: `e${seq}`,
      kind,
      text: html`<b>${kind === 'ban' ? 'Banned everywhere' : 'Lifted everywhere'}</b>
        <span class="by"
          >by ${host} in
          ${jail}${kind === 'ban' ? (until === null ? ', for ever' : `, until ${isoText(until)}`) : ''}${reason === undefined ? '' : `: ${reason}`}</span
        >`,
    })),
    ...reports.map(({ at, received, host, kind, prog, jail, verdict, reason }, index) => ({
      at: received,
      key: `r${received}-${index}`,
      kind: 'report',
      text: html`<b>${host} ${kind === 'unban' ? 'takes its report back' : 'reports'}</b>
        <span class="by"
          >${prog}/${jail}${received - at > 60 ? html`, found ${moment(at, now)}` : ''}:
          ${verdict}${reason === null ? '' : `, ${reason}`}</span
        >`,
    })),
  ].toSorted((one, other) => other.at - one.at);
  return html`<section class="card stream">
    <h2>What happened</h2>
    <ol id="timeline" data-live="rows">
      ${steps.map(({ at, key, kind, text }) => html`<li data-key="${key}" class="${kind}">${sign(kind)} <span class="what">${text}</span> ${moment(at, now)}</li>`)}
    </ol>
  </section>`;
}
