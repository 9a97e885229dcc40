import { html } from 'hono/html';
import { LIMIT_ENTRY, type AuditEntry } from '../../ledger/books/audit.ts';
import { withCommands } from './command-text.ts';
import { isoText, moment, pager, query, searchForm, table, type Html } from './parts.ts';

const PER_PAGE = 50;
const COLUMNS = [{ label: 'When' }, { label: 'What' }, { label: 'Who' }, { label: 'Details' }];

/** What operators did, who enrolled and who was revoked; the newest first. `entries` come with the oldest first. */
export function auditPage(entries: readonly AuditEntry[], q: string, wanted: number, now: number): Html {
  const part = q.trim().toLowerCase();
  const found = entries
    .filter(
      (entry) => part === '' || `${entry.what} ${JSON.stringify(entry.details)}`.toLowerCase().includes(part),
    )
    .toReversed();
  const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
  const page = Math.min(wanted, pages);
  const shown = found.slice((page - 1) * PER_PAGE, page * PER_PAGE);
  return html`<div class="bar">
      <h1>
        Audit
        <span class="sum"
          >The newest first. What a command says of who types it is not checked;
          ${withCommands('banshare-server audit --verify')} checks that nothing was changed.</span
        >
      </h1>
      ${searchForm('/audit', 'Word, name or address', q)}
    </div>
    ${
      shown.length === 0
        ? html`<p class="empty">
            ${entries.length === 0 ? 'Nothing was done yet.' : 'No entry is like that.'}
          </p>`
        : table(
            'audit',
            'What was done',
            COLUMNS,
            shown.map((entry) => rowOf(entry, now)),
          )
    }
    ${pager(page, pages, (to) => `/audit${query({ q, page: to })}`)}`;
}

function rowOf({ n, at, what, details }: AuditEntry, now: number) {
  const { by, way, ...more } = details;
  const cells = [
    html`${moment(at, now)}<span class="soft keep">${isoText(at)}</span>`,
    html`<b>${what === LIMIT_ENTRY ? 'limit' : what}</b>`,
    who(by, way),
    html`<span>${detailsText(more)}</span>`,
  ];
  return { key: String(n), cells };
}

function who(by: unknown, way: unknown): Html | '' {
  if (typeof by !== 'string') return '';
  return html`<span
    >${by}<span class="soft"
      >${way === 'page' ? 'on this page' : way === 'said' ? 'as the command said' : 'by itself'}</span
    ></span
  >`;
}

/** The details as words: what an entry has of lists and tables stays JSON. */
function detailsText(details: Readonly<Record<string, unknown>>): string {
  return Object.entries(details)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => {
      if (/^(until|since)$/.test(name) && typeof value === 'number') return `${name} ${isoText(value)}`;
      return `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`;
    })
    .join(' · ');
}
