import { html } from 'hono/html';
import { sayWhere, type Whereabouts } from '../../words/whereabouts.ts';
import type { MirrorBan } from '../daemon/ban-mirror.ts';
import { BAN_SORTS, findBans, type BanQuery, type BanSort } from './find-bans.ts';
import {
  count,
  ending,
  live,
  moment,
  pageAsked,
  pager,
  query,
  searchForm,
  table,
  type Html,
} from './parts.ts';

const PER_PAGE = 50;
const COLUMNS = [
  { label: 'Address' },
  { label: 'Jail' },
  { label: 'Found by' },
  { label: 'Since' },
  { label: 'Ends' },
  { label: 'Reason' },
] as const;

const SORT_WORDS: Readonly<Record<BanSort, string>> = {
  newest: 'newest first',
  oldest: 'oldest first',
  address: 'address',
  jail: 'jail',
  host: 'host',
  end: 'what ends first',
};

/** What a query string asks for; what is none of it counts as not asked. */
export function readBanQuery(given: (name: string) => string | undefined): BanQuery & { page: number } {
  const sort = BAN_SORTS.find((each) => each === given('sort')) ?? 'newest';
  const page = pageAsked(given);
  const where = given('where')?.trim() ?? '';
  const words = { q: given('q') ?? '', jail: given('jail') ?? '', host: given('host') ?? '' };
  return { ...words, ...(where === '' ? {} : { where }), sort, page };
}

/** A page of the bans that somebody looks for. */
export type BanList = {
  readonly sought: BanQuery;
  readonly total: number;
  readonly found: number;
  readonly page: number;
  readonly pages: number;
  readonly shown: readonly MirrorBan[];
};

/** Of the active bans those that somebody looks for, a page of them at a time. */
export function pageOfBans(
  bans: readonly MirrorBan[],
  asked: BanQuery & { page: number },
  total = bans.length,
): BanList {
  const { page: _, ...sought } = asked;
  const found = findBans(bans, sought);
  const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
  const page = Math.min(asked.page, pages);
  const shown = found.slice((page - 1) * PER_PAGE, page * PER_PAGE);
  return { sought, total, found: found.length, page, pages, shown };
}

/** What is known beside a list of bans; `enrichment` is whether one can look for countries, and why not where that is a fault. */
type KnownOfBans = {
  readonly isWhole: boolean;
  readonly acts: boolean;
  readonly where: readonly Whereabouts[];
  readonly enrichment: { readonly isOn: boolean; readonly faults: readonly string[] };
};

/** The active bans: what somebody looks for; `where` says of each that is shown where its address is, as far as a file does. */
export function bansPage(
  { sought, total, found, page, pages, shown }: BanList,
  { isWhole, acts, where, enrichment }: KnownOfBans,
  now: number,
): Html {
  const isAll = sought.q === '' && sought.jail === '' && sought.host === '' && sought.where === undefined;
  const all = count(total, 'active ban');
  return html`<div class="bar">
      <h1>
        Bans
        ${live('sum', html`<span class="sum" id="sum">${isAll ? all : `${count(found, 'ban')} of ${all}`}${isWhole ? '' : ', more are being read'}</span>`)}
      </h1>
      ${searchForm('/bans', 'Address, range or word', sought.q, furtherFields(sought, enrichment.isOn))}
    </div>
    ${sought.where === undefined ? '' : enrichment.faults.map((fault) => html`<p class="fault">${fault}</p>`)}
    ${
      shown.length === 0
        ? html`<p class="empty">${total === 0 ? 'Nothing is banned now.' : 'No active ban is like that.'}</p>`
        : table(
            'bans',
            'Active bans',
            COLUMNS,
            shown.map((ban, index) => rowOf(ban, sayWhere(where[index] ?? {}), now)),
          )
    }
    ${pager(page, pages, (to) => `/bans${query({ ...sought, page: to })}`)}
    ${acts ? html`<p class="buttons"><a class="button" href="/act/ban">Ban an address or range</a></p>` : ''}
    <p class="more-ways">
      Take along what is found: <a href="/bans.csv${query(sought)}" download>CSV</a>
      <a href="/bans.json${query(sought)}" download>JSON</a>
    </p>`;
}

function furtherFields({ jail, host, where = '', sort }: BanQuery, isEnriched: boolean): Html {
  return html`<label
      >Jail <input name="jail" value="${jail}" size="10" autocapitalize="none" spellcheck="false"
    /></label>
    <label
      >Host <input name="host" value="${host}" size="10" autocapitalize="none" spellcheck="false"
    /></label>
    ${isEnriched ? html`<label>Country or network <input name="where" value="${where}" size="10" autocapitalize="none" spellcheck="false" /></label>` : ''}
    <label
      >Order
      <select name="sort">
        ${BAN_SORTS.map((each) =>
          each === sort
            ? html`<option value="${each}" selected>${SORT_WORDS[each]}</option>`
            : html`<option value="${each}">${SORT_WORDS[each]}</option>`,
        )}
      </select>
    </label>`;
}

function rowOf({ ip, prog, jail, host, seq, at, until, reason }: MirrorBan, where: string, now: number) {
  const cells = [
    html`<span
      ><a class="address" href="/address${query({ ip })}">${ip}</a
      >${where === '' ? '' : html`<span class="soft">${where}</span>`}</span
    >`,
    html`<span>${jail}${prog === 'operator' ? '' : html` <span class="soft">${prog}</span>`}</span>`,
    prog === 'operator'
      ? html`<span>${host}</span>`
      : html`<a href="/hosts${query({ q: host })}">${host}</a>`,
    moment(at, now),
    ending(until, now),
    reason === undefined ? '' : html`<span>${reason}</span>`,
  ];
  return { key: String(seq), cells };
}

export const CSV_HEAD = 'ip,prog,jail,host,at,until,reason\r\n';

/** Rows of what is found as CSV, by RFC 4180. A cell that a spreadsheet would take for a formula begins with an apostrophe. */
export function csvRows(bans: readonly MirrorBan[]): string {
  const lines = bans.map(({ ip, prog, jail, host, at, until, reason }) =>
    [
      ip,
      prog,
      jail,
      host,
      new Date(at * 1000).toISOString(),
      until === null ? '' : new Date(until * 1000).toISOString(),
      reason ?? '',
    ]
      .map(csvCell)
      .join(','),
  );
  return [...lines, ''].join('\r\n');
}

function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
