import { html } from 'hono/html';
import { withCommands } from './command-text.ts';
import { count, live, moment, pager, query, searchForm, table, type Html } from './parts.ts';

export type NeverBanEntry = {
  readonly range: string;
  readonly source: string;
  readonly until?: number | null;
  readonly note?: string;
  readonly by?: string;
};

/** A fleet of 300 hosts has 300 entries of its own. */
const PER_PAGE = 100;

const COLUMNS = [
  { label: 'Address or range' },
  { label: 'Why, or by whom' },
  { label: 'Ends' },
  { label: 'Note' },
];
const WITH_ACTS = [...COLUMNS, { label: 'Do' }];

/** What is never banned, and why: what somebody put there stands first. */
export function neverBanPage(
  { entries }: { entries: readonly NeverBanEntry[] },
  { q, page: wanted }: { q: string; page: number },
  acts: boolean,
  now: number,
): Html {
  const part = q.trim().toLowerCase();
  const found = entries
    .filter(({ range, source, note = '', by = '' }) =>
      `${range} ${source} ${note} ${by}`.toLowerCase().includes(part),
    )
    .toSorted((one, other) => Number(other.source === 'added') - Number(one.source === 'added'));
  const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
  const page = Math.min(wanted, pages);
  const shown = found.slice((page - 1) * PER_PAGE, page * PER_PAGE);
  return html`<div class="bar">
      <h1>
        Never-ban
        ${live('sum', html`<span class="sum" id="sum">${found.length === entries.length ? count(entries.length, 'entry', 'entries') : `${found.length} of ${count(entries.length, 'entry', 'entries')}`}</span>`)}
      </h1>
      ${searchForm('/never-ban', 'Address, range or word', q)}
    </div>
    <section class="section">
      <p>
        ${withCommands(
          'No host bans these. Is your own office here, and your monitoring? banshare-server never-ban add RANGE puts it in and lifts what is banned there. Private, loopback and other special ranges are never banned either.',
        )}
      </p>
      ${acts ? html`<p class="buttons"><a class="button" href="/act/never-ban">Add one</a></p>` : ''}
    </section>
    ${
      found.length === 0
        ? html`<p class="empty">${entries.length === 0 ? 'Nothing is listed.' : 'No entry is like that.'}</p>`
        : table(
            'never-ban',
            'What is never banned',
            acts && shown.some(({ source }) => source === 'added') ? WITH_ACTS : COLUMNS,
            shown.map(({ range, source, until = null, note = '', by = '' }) => ({
              key: `${range} ${source}`,
              cells: [
                html`<span class="address">${range}</span>`,
                html`<span>${withCommands(source)}${by === '' ? '' : html` by ${by}`}</span>`,
                until === null ? '' : moment(until, now),
                note === '' ? '' : html`<span>${note}</span>`,
                acts && source === 'added'
                  ? html`<a href="/act/never-ban-remove?range=${encodeURIComponent(range)}">take off</a>`
                  : '',
              ],
            })),
          )
    }
    ${pager(page, pages, (to) => `/never-ban${query({ q, page: to })}`)}`;
}
