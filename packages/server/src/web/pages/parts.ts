import { html, raw } from 'hono/html';

/** A piece of a page; whatever is put into it is escaped, unless it is such a piece itself. */
export type Html = ReturnType<typeof html>;

/** Marks a piece of a page, an element by that id, as one that is renewed while somebody looks: live/pieces.ts finds it. */
export function live(id: string, piece: Html): Html {
  return html`${raw(`<!--live ${id}-->`)}${piece}${raw('<!--/live-->')}`;
}

/** Marks the rows of a list, an element by that id, as renewed one by one; each row has its key in data-key. */
export function liveRows(id: string, rows: readonly Html[]): Html {
  return html`${raw(`<!--rows ${id}-->`)}${rows.map((row) => html`${raw('<!--row-->')}${row}`)}${raw('<!--/rows-->')}`;
}

/** A column of a table: its head, and for numbers that they stand at the right. */
type Column = { readonly label: string; readonly isNumber?: boolean };

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/** A span of seconds as people say it: "42 s", "3 min", "5 h", "2 d". */
export function spanText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 2 * MINUTE) return `${whole} s`;
  if (whole < 2 * HOUR) return `${Math.round(whole / MINUTE)} min`;
  return whole < 2 * DAY ? `${Math.round(whole / HOUR)} h` : `${Math.round(whole / DAY)} d`;
}

/** From the report to the ban in place, or to another step of it. */
export function msText(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms).toLocaleString('en-US')} ms` : spanText(ms / 1000);
}

/** A moment, epoch seconds, by how far it is from now; which one exactly says its title. */
export function moment(at: number, now: number): Html {
  const iso = isoText(at);
  return html`<time datetime="${iso}" title="${iso}" data-at="${Math.round(at)}">${agoText(at, now)}</time>`;
}

/** When something ends: null is for ever. */
export function ending(until: number | null, now: number): Html {
  return until === null ? html`for ever` : moment(until, now);
}

/** The words are the same in page.js, which keeps them true while the page is open. */
function agoText(at: number, now: number): string {
  const seconds = now - at;
  if (Math.abs(seconds) < 1.5) return 'now';
  return seconds > 0 ? `${spanText(seconds)} ago` : `in ${spanText(-seconds)}`;
}

export function isoText(at: number): string {
  const date = new Date(at * 1000);
  return Number.isNaN(date.getTime()) ? 'unknown' : date.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** A count with its noun: "1 host", "1,200 hosts". */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en-US')} ${number === 1 ? one : many}`;
}

/** One of the signs that stand in the page once, so that no state is told by its colour alone. */
export function sign(name: string): Html {
  return html`<svg class="sign" aria-hidden="true" focusable="false"><use href="#sign-${name}"></use></svg>`;
}

/**
 * A table that is a list of cards on a phone. Roles stand there by themselves, since a browser forgets them where a table is laid out as
 * something else. `id` is what its body is called when it is renewed; `stays` has a table of a few short columns be one on a phone too.
 */
export function table(
  id: string,
  caption: string,
  columns: readonly Column[],
  rows: readonly Row[],
  stays: 'stays' | '' = '',
): Html {
  return html`<div class="table ${stays}" role="region" aria-labelledby="${id}-name" tabindex="0">
    <table role="table">
      <caption id="${id}-name" class="unseen">
        ${caption}
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          ${columns.map(({ label, isNumber }) => html`<th role="columnheader" scope="col" class="${isNumber === true ? 'number' : ''}">${label}</th>`)}
        </tr>
      </thead>
      <tbody role="rowgroup" id="${id}">
        ${liveRows(
          id,
          rows.map((row) => rowOf(columns, row)),
        )}
      </tbody>
    </table>
  </div>`;
}

/** `key` tells a row from others when the table is renewed; `tone` is how it is coloured. */
type Row = { readonly key: string; readonly cells: readonly unknown[]; readonly tone?: string };

function rowOf(columns: readonly Column[], { key, cells, tone = '' }: Row): Html {
  return html`<tr role="row" data-key="${key}" class="${tone}">
    ${columns.map(({ label, isNumber }, index) => {
      const cell = cells[index] ?? '';
      const tones = [...(isNumber === true ? ['number'] : []), ...(cell === '' ? ['none'] : [])].join(' ');
      return html`<td role="cell" data-label="${label}" class="${tones}">${cell}</td>`;
    })}
  </tr>`;
}

/** What finds rows of a list by a text, called `label`; `more` are further fields. */
export function searchForm(action: string, label: string, q: string, more: Html = html``): Html {
  return html`<form class="search" method="get" action="${action}" role="search">
    <label
      >${label} <input type="search" name="q" value="${q}" autocapitalize="none" spellcheck="false"
    /></label>
    ${more}
    <button class="main">Find</button>
  </form>`;
}

/** Which page of a list somebody asks for, from 1. */
export function pageAsked(given: (name: string) => string | undefined): number {
  return Math.max(1, Math.trunc(Number(given('page') ?? 1)) || 1);
}

/** Links to further pages; `hrefOf` gives the address of one, numbered from 1. */
export function pager(page: number, pages: number, hrefOf: (page: number) => string): Html {
  if (pages <= 1) return html``;
  return html`<nav class="pager" aria-label="Pages">
    ${page > 1 ? html`<a rel="prev" href="${hrefOf(page - 1)}">Previous</a>` : html`<span></span>`}
    <span>Page ${page.toLocaleString('en-US')} of ${pages.toLocaleString('en-US')}</span>
    ${page < pages ? html`<a rel="next" href="${hrefOf(page + 1)}">Next</a>` : html`<span></span>`}
  </nav>`;
}

/** A query string of what is not empty. */
export function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(values))
    if (value !== undefined && value !== '') given.set(name, String(value));
  return given.size === 0 ? '' : `?${given.toString()}`;
}
