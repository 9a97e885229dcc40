import { html } from 'hono/html';
import type { HostList } from '../../operator/host-list.ts';
import type { HostStatus } from '../../operator/status.ts';
import { SIGN_ORDER, SIGN_WORDS, stateOf, type HostState } from './host-state.ts';
import {
  count,
  live,
  moment,
  pageAsked,
  pager,
  query,
  searchForm,
  sign,
  spanText,
  table,
  type Html,
} from './parts.ts';

const PER_PAGE = 100;

type HostQuery = { readonly q: string; readonly state: string; readonly page: number };
type Stated = { readonly host: HostStatus; readonly state: HostState };

/** What a query string asks for. */
export function readHostQuery(given: (name: string) => string | undefined): HostQuery {
  const page = pageAsked(given);
  return { q: given('q') ?? '', state: given('state') ?? '', page };
}

/** Every host: how it is, how far, since when not; those that need a person first. */
export function hostsPage(
  { hosts, servers }: HostList,
  { q, state, page: wanted }: HostQuery,
  acts: boolean,
  now: number,
): Html {
  const all = hosts
    .map((host) => ({ host, state: stateOf(host, now) }))
    .toSorted(
      (one, other) =>
        SIGN_ORDER.indexOf(one.state.sign) - SIGN_ORDER.indexOf(other.state.sign) ||
        one.host.name.localeCompare(other.host.name, 'en', { numeric: true }),
    );
  const part = q.trim().toLowerCase();
  const isSought = ({ host, state: is }: Stated): boolean =>
    (state === '' || is.sign === state) &&
    wordsOf(host, is).some((word) => word.toLowerCase().includes(part));
  const found = all.filter(isSought);
  const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
  const page = Math.min(wanted, pages);
  const hasServers = servers.length > 1;
  const columns = [
    { label: 'Host' },
    { label: 'How it is' },
    { label: 'Bans in place', isNumber: true },
    { label: 'Behind by' },
    { label: 'Last contact' },
    { label: 'Version' },
    ...(hasServers ? [{ label: 'Through' }] : []),
    { label: 'Own addresses' },
    ...(acts ? [{ label: 'Do' }] : []),
  ];
  const shown = found.slice((page - 1) * PER_PAGE, page * PER_PAGE);
  return html`<div class="bar">
      <h1>
        Hosts
        ${live('sum', html`<span class="sum" id="sum">${found.length === all.length ? count(all.length, 'host') : `${count(found.length, 'host')} of ${all.length.toLocaleString('en-US')}`}</span>`)}
      </h1>
      ${searchForm('/hosts', 'Name, address or word', q, stateField(state, all))}
    </div>
    ${
      shown.length === 0
        ? html`<p class="empty">
            ${all.length === 0 ? 'No host is in the fleet yet.' : 'No host is like that.'}
          </p>`
        : table(
            'hosts',
            'Hosts of the fleet',
            columns,
            shown.map((each) => rowOf(each, { hasServers, acts }, now)),
          )
    }
    ${pager(page, pages, (to) => `/hosts${query({ q, state, page: to })}`)}`;
}

/** By which words a host is found. */
function wordsOf(
  { name, version, node, generation, token, addresses }: HostStatus,
  { word }: HostState,
): string[] {
  const known = [version, node, generation, token].filter((each) => each !== null);
  return [name, word, ...known, ...addresses];
}

function stateField(state: string, all: readonly Stated[]): Html {
  const there = SIGN_ORDER.filter((each) => all.some(({ state: is }) => is.sign === each));
  return html`<label
    >State
    <select name="state">
      <option value="">all</option>
      ${there.map((each) =>
        each === state
          ? html`<option value="${each}" selected>${SIGN_WORDS[each]}</option>`
          : html`<option value="${each}">${SIGN_WORDS[each]}</option>`,
      )}
    </select>
  </label>`;
}

function rowOf(
  { host, state }: Stated,
  { hasServers, acts }: { hasServers: boolean; acts: boolean },
  now: number,
) {
  const { name, lag, lagSeconds, lastSeen, token, server, addresses } = host;
  const cells = [
    html`<b>${name}</b>${token === null ? '' : html`<span class="soft">by token ${token}</span>`}`,
    html`<span class="state is-${state.sign}">${sign(state.sign)} ${state.word}</span
      >${state.more === '' ? '' : html`<span class="soft">${state.more}</span>`}`,
    html`<span>${placedText(host)}</span>`,
    html`<span>${lag === 0 ? 'nothing' : `${count(lag, 'event')}, ${spanText(lagSeconds)}`}</span>`,
    lastSeen === null ? html`<span>never</span>` : moment(lastSeen, now),
    versionCell(host),
    ...(hasServers ? [html`<span>${server ?? 'unknown'}</span>`] : []),
    html`<span class="address">${addresses.length === 0 ? 'unknown' : addresses.join(', ')}</span>`,
  ];
  if (acts)
    cells.push(
      html`<span class="ways"
        >${host.state === 'pending' ? html`<a href="/act/approve${query({ name })}">let in</a> ` : ''}<a
          href="/act/revoke${query({ name })}"
          >shut out</a
        ></span
      >`,
    );
  return { key: name, cells };
}

/** What runs there: banshare, the Node below it, and the generation of keys. */
function versionCell({ version, node, generation }: HostStatus): Html {
  return html`<span
    >${version ?? 'unknown'}<span class="soft">Node ${node ?? 'unknown'}</span
    ><span class="soft">${generation ?? 'generation unknown'}</span></span
  >`;
}

/** How many of the bans that should be in place there are; unknown is never 0. */
function placedText({ receipt }: HostStatus): string {
  if (receipt === null) return 'unknown';
  const [placed, wanted] = [receipt.placed, receipt.wanted].map((each) => each.toLocaleString('en-US'));
  return `${placed} of ${wanted}`;
}
