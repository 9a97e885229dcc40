import type { AdminTable, FieldsOf, Shape } from '@banshare/runtime';
import { EVENTS } from './event-shape.ts';
import type { BansAfter, NewsSince } from './follow-news.ts';

const NEWS_SINCE: FieldsOf<NewsSince> = {
  epoch: 'text',
  head: 'number',
  now: 'number',
  isKept: 'flag',
  events: EVENTS,
  minutes: { list: { fields: { minute: 'number', bans: 'number' } } },
};
const BANS_AFTER: FieldsOf<BansAfter> = { epoch: 'text', head: 'number', bans: EVENTS };

/** What the page's process asks beside what commands do: a part of the table of all. */
export const PAGE_ACTIONS = {
  'news-since': {
    takes: { after: 'number', 'minutes?': 'number', 'wait?': 'number' },
    gives: { fields: NEWS_SINCE },
  },
  'bans-after': { takes: { after: 'number' }, gives: { fields: BANS_AFTER } },
  'page-link': { takes: { as: 'text' }, gives: { fields: { code: 'text', until: 'number' } } },
  // Many codes at once, as the page asks; one alone is asked by a page of before.
  'page-login': {
    takes: { 'code?': 'text', 'codes?': 'list' },
    gives: ({ codes }: Readonly<Record<string, unknown>>): Shape =>
      codes === undefined
        ? { fields: { name: 'text' } }
        : { fields: { names: { list: { orNull: 'text' } }, refusal: 'text' } },
  },
} as const satisfies AdminTable;
