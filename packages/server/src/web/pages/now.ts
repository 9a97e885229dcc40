import { html } from 'hono/html';
import type { Event } from '@banshare/protocol';
import type { Entry } from '../../operator/attention/facts.ts';
import type { HostStatus, Status } from '../../operator/status.ts';
import type { Known } from '../daemon/watch.ts';
import { withCommands } from './command-text.ts';
import { SIGN_ORDER, SIGN_WORDS, stateOf, type HostState } from './host-state.ts';
import { minuteChart } from './minute-chart.ts';
import { count, ending, live, liveRows, moment, sign, type Html } from './parts.ts';

/** Where more stands about what a person has to know, by the code of its entry. */
const WHERE: readonly { codes: RegExp; href: string; name: string }[] = [
  { codes: /^(pending|renamed)$/, href: '/held#waiting', name: 'Who waits' },
  { codes: /^held/, href: '/held', name: 'What is held' },
  { codes: /^(never-ban-banned|host-banned)$/, href: '/never-ban', name: 'Never-ban' },
  { codes: /^ban-rate$/, href: '/bans', name: 'Bans' },
  {
    codes:
      /^(hosts-not-in-place|paused|failing|full|blind|unproven|behind|wrong-clock|doubled|lacking|older-ledger)$/,
    href: '/hosts',
    name: 'Hosts',
  },
];
/** What the page itself can do about it, where it may act. */
const DEEDS: Readonly<Record<string, { href: string; name: string }>> = {
  held: { href: '/act/release', name: 'Ban what is held' },
  frozen: { href: '/act/thaw', name: 'End the freeze' },
  'ban-rate': { href: '/act/undo?since=10m', name: 'Take back' },
  'drill-missed': { href: '/act/drill', name: 'Drill again' },
};
/** Of more hosts the tiles have no room for names. */
const MOST_NAMED = 120;
const MOST_STREAM = 40;

/** The first view: is all well, and if not, what needs a person. Now is epoch seconds. */
export function nowPage(known: Known, now: number): Html {
  const { status, fleet, acts } = known;
  if (status === undefined)
    return html`<section class="answer" id="answer">
      <h1>Unknown</h1>
      <p>The server has not answered yet.</p>
    </section>`;
  return html`${live('answer', answer(status, acts))}
    <div class="columns">
      <div>
        ${live('figures', figures(status))} ${live('rate', rate(known, now))}
        ${tiles(fleet?.hosts ?? [], now)}
      </div>
      ${stream(known.recent, now)}
    </div>`;
}

/** What stands in the title of the window, so that a tab tells it too. */
export function titleOf({ silence, status }: Known): string {
  if (silence !== null) return 'Server silent';
  if (status === undefined) return 'Unknown';
  const { urgent, todo } = status;
  if (urgent.length > 0) return `${urgent.length} urgent`;
  return todo.length > 0 ? `${todo.length} to do` : 'All is well';
}

function answer({ urgent, todo }: Status, acts: boolean): Html {
  const tone = urgent.length > 0 ? 'urgent' : todo.length > 0 ? 'todo' : 'well';
  const said =
    urgent.length > 0
      ? `${urgent.length === 1 ? 'One thing is' : `${urgent.length} things are`} urgent`
      : todo.length > 0
        ? `${todo.length === 1 ? 'One thing' : `${todo.length} things`} to do, nothing urgent`
        : 'All is well';
  return html`<section class="answer ${tone}" id="answer">
    <h1>${sign(tone)} ${said}</h1>
    ${
      tone === 'well'
        ? html`<p>Nothing needs a person now.</p>`
        : html`<ul class="entries">
            ${urgent.map((entry) => entryItem(entry, 'urgent', acts))}${todo.map((entry) => entryItem(entry, 'todo', acts))}
          </ul>`
    }
  </section>`;
}

function entryItem({ code, text }: Entry, tone: 'urgent' | 'todo', acts: boolean): Html {
  const where = WHERE.find(({ codes }) => codes.test(code));
  const deed = acts && Object.hasOwn(DEEDS, code) ? DEEDS[code] : undefined;
  return html`<li class="${tone}">
    <strong>${sign(tone)} ${tone === 'urgent' ? 'Urgent' : 'To do'}</strong>
    <p>${withCommands(text)}</p>
    <span class="ways">
      ${where === undefined ? '' : html`<a href="${where.href}">${where.name}</a>`}
      ${deed === undefined ? '' : html`<a class="button" href="${deed.href}">${deed.name}</a>`}
    </span>
  </li>`;
}

function figures(status: Status): Html {
  const { hosts, activeBans, banRate, held, pending } = status;
  return html`<dl class="figures" id="figures">
    ${figure('Hosts', hosts.toLocaleString('en-US'), placedText(status), '/hosts')}
    ${figure('Active bans', activeBans.toLocaleString('en-US'), whatIsBanned(status), '/bans')}
    ${figure('New in 10 min', banRate.recent.toLocaleString('en-US'), banRate.usual === null ? 'usual rate unknown yet' : `usually ${usualText(banRate.usual)}`, '/bans')}
    ${figure('Held', held.toLocaleString('en-US'), pending.length === 0 ? 'nobody waits to come in' : `${count(pending.length, 'host')} ${pending.length === 1 ? 'waits' : 'wait'} to come in`, '/held')}
  </dl>`;
}

function placedText({ hosts, inPlace, muted }: Status): string {
  if (hosts === 0) return 'none has joined yet';
  if (inPlace.hosts === 0) return 'what is in place is unknown';
  return `every ban in place on ${inPlace.complete.toLocaleString('en-US')} of ${count(hosts - muted.length, 'host')}`;
}

function whatIsBanned({ activeBans, activeRanges }: Status): string {
  if (activeBans === 0) return 'nothing is banned now';
  return activeRanges === 0 ? 'single addresses' : `${count(activeRanges, 'range')} among them`;
}

function figure(name: string, value: string, more: string, href: string): Html {
  return html`<div>
    <dt><a href="${href}">${name}</a></dt>
    <dd>${value}</dd>
    <dd class="more">${more}</dd>
  </div>`;
}

function rate({ minutes }: Known, now: number): Html {
  return html`<section class="card" id="rate">
    <h2>Bans a minute</h2>
    ${minuteChart(minutes, now)}
  </section>`;
}

function tiles(hosts: readonly HostStatus[], now: number): Html {
  const stated = hosts
    .map((host) => ({ host, state: stateOf(host, now) }))
    .toSorted(
      (one, other) =>
        SIGN_ORDER.indexOf(one.state.sign) - SIGN_ORDER.indexOf(other.state.sign) ||
        one.host.name.localeCompare(other.host.name, 'en', { numeric: true }),
    );
  const counts = SIGN_ORDER.map((each) => ({
    sign: each,
    hosts: stated.filter(({ state }) => state.sign === each).length,
  }));
  return html`<section class="card">
    <h2>Hosts</h2>
    ${live('legend', legend(counts))}
    <ul id="tiles" class="tiles ${hosts.length > MOST_NAMED ? 'small' : ''}">
      ${liveRows(
        'tiles',
        stated.map(({ host, state }) => tile(host, state)),
      )}
    </ul>
  </section>`;
}

function legend(counts: readonly { sign: HostState['sign']; hosts: number }[]): Html {
  return html`<div id="legend">
    ${counts.every((each) => each.hosts === 0) ? html`<p>No host is in the fleet yet. ${withCommands('banshare-server token add lets one in')}.</p>` : ''}
    <ul class="legend">
      ${counts.filter((each) => each.hosts > 0).map((each) => html`<li class="is-${each.sign}">${sign(each.sign)} ${each.hosts.toLocaleString('en-US')} ${SIGN_WORDS[each.sign]}</li>`)}
    </ul>
  </div>`;
}

function tile({ name }: HostStatus, { word, sign: shape, more }: HostState): Html {
  const said = `${name}: ${word}${more === '' ? '' : `, ${more}`}`;
  return html`<li data-key="${name}">
    <a
      class="tile is-${shape}"
      id="tile-${name}"
      href="/hosts?q=${encodeURIComponent(name)}"
      title="${said}"
      aria-label="${said}"
      >${sign(shape)}<span>${name}</span></a
    >
  </li>`;
}

function stream(recent: readonly Event[], now: number): Html {
  return html`<section class="card stream">
    <h2>As it happens</h2>
    <ol id="stream">
      ${liveRows(
        'stream',
        recent.length === 0
          ? [html`<li class="none" data-key="none">Nothing was banned yet.</li>`]
          : recent.slice(0, MOST_STREAM).map((event) => streamItem(event, now)),
      )}
    </ol>
  </section>`;
}

function streamItem({ seq, kind, ip, jail, host, at, until }: Event, now: number): Html {
  return html`<li data-key="${seq}" class="${kind}">
    ${sign(kind)}
    <span class="what"
      ><b>${kind === 'ban' ? 'Banned' : 'Lifted'}</b>
      <a class="address" href="/address?ip=${encodeURIComponent(ip)}">${ip}</a></span
    >
    <span class="by">${jail} by ${host}${kind === 'ban' ? html`, ends ${ending(until, now)}` : ''}</span>
    ${moment(at, now)}
  </li>`;
}

/** Below ten a fraction tells something. */
function usualText(usual: number): string {
  return usual >= 10 ? Math.round(usual).toLocaleString('en-US') : usual.toFixed(1);
}
