import { html } from 'hono/html';
import type { Explanation } from '../../operator/looking/explain.ts';
import { count, live, msText, query, sign, spanText, table, type Html } from './parts.ts';

/** So many hosts have a row of their own where nobody asks for all of them. */
const MOST_HOSTS = 30;
/** What needs a look stands first. */
const ORDER = ['failed', 'waiting'];
const COLUMNS = [
  { label: 'Host' },
  { label: 'Made of it' },
  { label: 'After', isNumber: true },
  { label: 'Packets dropped', isNumber: true },
];

type Outcome = Explanation['events'][number]['outcomes'][number];

/** What each host made of the newest ban or unban of an address, and what it dropped there; of a large fleet those that need a look. */
export function outcomesOf(
  event: Explanation['events'][number],
  { ip, dropped }: Pick<Explanation, 'ip' | 'dropped'>,
  hasAll: boolean,
): Html {
  const { outcomes } = event;
  const done = outcomes.filter(({ outcome }) => outcome !== 'waiting').length;
  const byHost = Map.groupBy(dropped, ({ host }) => host);
  const sorted = outcomes.toSorted(
    (one, other) => rankOf(one) - rankOf(other) || packetsOf(byHost, other) - packetsOf(byHost, one),
  );
  const shown = hasAll ? sorted : sorted.slice(0, MOST_HOSTS);
  return html`<section class="card">
    <h2>
      What hosts made of the ${event.kind === 'ban' ? 'ban' : 'unban'}
      ${live(
        'confirmed',
        html`<span class="soft" id="confirmed"
          >${done.toLocaleString('en-US')} of ${count(outcomes.length, 'host')} have confirmed it</span
        >`,
      )}
    </h2>
    ${table(
      'outcomes',
      'What each host made of it',
      COLUMNS,
      shown.map((outcome) => rowOf(event, outcome, byHost.get(outcome.host) ?? [], ip)),
    )}
    ${live('outcomes-below', below(sorted.slice(shown.length), dropped, ip))}
  </section>`;
}

function rankOf({ outcome }: Outcome): number {
  const rank = ORDER.indexOf(outcome);
  return rank < 0 ? ORDER.length : rank;
}

function packetsOf(byHost: ReadonlyMap<string, Explanation['dropped']>, { host }: Outcome): number {
  return (byHost.get(host) ?? []).reduce((sum, { packets }) => sum + (packets ?? 0), 0);
}

function rowOf(
  event: Explanation['events'][number],
  { host, outcome, reason, at, ms }: Outcome,
  there: Explanation['dropped'],
  ip: string,
) {
  const tone = outcome === 'waiting' ? 'moving' : outcome === 'failed' ? 'wrong' : 'well';
  return {
    key: `${event.seq} ${host}`,
    cells: [
      html`<b>${host}</b>`,
      html`<span class="state is-${tone}">${sign(tone)} ${outcome}</span
        >${reason === null ? '' : html`<span class="soft">${reason}</span>`}`,
      html`<span>${ms === null ? knownText(at, event.at) : msText(ms)}</span>`,
      html`<span>${there.length === 0 ? 'unknown' : there.map((each) => droppedText(each, ip))}</span>`,
    ],
  };
}

/** What is said once of many hosts: those without a row, and what the words of the figures mean. */
function below(rest: readonly Outcome[], dropped: Explanation['dropped'], ip: string): Html {
  const made = Map.groupBy(rest, ({ outcome }) => outcome);
  const unknown = Map.groupBy(
    dropped.filter(({ why }) => why !== null),
    ({ why }) => why,
  );
  const more = [...made].map(([outcome, hosts]) => `${hosts.length.toLocaleString('en-US')} ${outcome}`);
  return html`<div id="outcomes-below" class="below">
    ${rest.length === 0 ? '' : html`<p>And ${count(rest.length, 'more host')}: ${more.join(', ')}. <a href="/address${query({ ip, hosts: 'all' })}">All of them</a></p>`}
    ${[...unknown].map(([why, hosts]) => html`<p class="soft">Packets are unknown on ${count(hosts.length, 'host')}: ${why}.</p>`)}
    ${
      dropped.some(({ atMost }) => atMost !== null)
        ? html`<p class="soft">
            At most: a host names the 50 addresses that sent most there, of which this is none; so it sent no
            more than the last of them.
          </p>`
        : ''
    }
  </div>`;
}

/** A host that measures nothing acknowledges every five seconds: its word is no measure. */
function knownText(at: number | null, since: number): string {
  return at === null ? 'unknown' : `known ${spanText(at - since)} later`;
}

/** Packets that one host dropped of an address or of a range around it, and when the first came: between two readings. */
function droppedText(
  { target, packets, atMost, least, most }: Explanation['dropped'][number],
  ip: string,
): Html {
  const of = target === ip ? '' : html`<span class="soft">of <span class="address">${target}</span></span>`;
  if (packets === null)
    return html`${atMost === null ? 'unknown' : `at most ${atMost.toLocaleString('en-US')}`}${of}`;
  const first =
    least === null || most === null ? '' : html`<span class="soft">${firstText(least, most)}</span>`;
  return html`${packets.toLocaleString('en-US')}${of}${first}`;
}

function firstText(least: number, most: number): string {
  if (least === 0) return `the first within ${spanText(most)} of the ban`;
  const [from, to] = [spanText(least), spanText(most)];
  return `banned before it came: the first ${from === to ? `about ${from}` : `${from} to ${to}`} after the ban`;
}
