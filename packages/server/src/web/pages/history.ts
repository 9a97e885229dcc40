import { html } from 'hono/html';
import { parseTarget } from '@banshare/protocol';
import type { PastBans } from '../../operator/looking/history.ts';
import type { Status } from '../../operator/status.ts';
import { count, isoText, live, moment, query, table, type Html } from './parts.ts';

const HEIGHT = 120;
const DAY = 86_400;

/** The bans of thirty days: how many an hour, where they came from, who found them, and what they were worth. */
export function historyPage(past: PastBans, status: Status | undefined): Html {
  const { bans, since, at, hours, jails, networks, countries, reporters, isRough } = past;
  const shown = html`<div class="bar">
      <h1>
        History
        <span class="sum">${count(bans, 'ban')} since ${moment(since, at)}, as of ${moment(at, at)}</span>
      </h1>
    </div>
    <section class="card">
      <h2>Bans an hour</h2>
      ${hourChart(hours)}
    </section>
    ${worthText(status)}
    <div class="thirds">
      ${ranking('jails', 'In which jails', 'Jail', jails, (name) => `/bans${query({ jail: name })}`)}
      ${ranking('networks', isRough ? 'Of which networks (roughly)' : 'Of which networks', 'Network', networks, networkHref)}
      ${countries.length === 0 ? '' : ranking('countries', 'Of which countries', 'Country', countries, (name) => `/bans${query({ where: name })}`)}
      ${ranking('reporters', 'Found by whom', 'Host', reporters, (name) => `/hosts${query({ q: name })}`)}
    </div>
    <section class="section">
      <h2>By day</h2>
      ${table('days', 'Bans by day', [{ label: 'Day' }, { label: 'Banned', isNumber: true }, { label: 'Lifted', isNumber: true }], daysOf(hours), 'stays')}
    </section>`;
  return live('history', html`<div id="history">${shown}</div>`);
}

/** A range, or a network as a file names it: its number or a part of its name finds it. */
function networkHref(name: string): string {
  return `/bans${parseTarget(name).ok ? query({ q: name }) : query({ where: name })}`;
}

/** One path for all hours: seven hundred bars would be as many elements. */
function hourChart(hours: PastBans['hours']): Html {
  const most = Math.max(4, ...hours.map(({ bans }) => bans));
  const busiest = hours.reduce((so, each) => (each.bans > so.bans ? each : so), {
    at: 0,
    bans: 0,
    lifted: 0,
  });
  const steps = hours
    .map(({ bans }, index) => `V${(HEIGHT - (bans / most) * HEIGHT).toFixed(1)}H${index + 1}`)
    .join('');
  const said = `Bans in each of the last ${hours.length} hours: ${busiest.bans === 0 ? 'none' : `at most ${count(busiest.bans, 'ban')}, in the hour from ${isoText(busiest.at)}`}.`;
  const [first] = hours;
  return html`<figure class="chart">
    <svg
      viewBox="0 0 ${Math.max(1, hours.length)} ${HEIGHT}"
      preserveAspectRatio="none"
      role="img"
      aria-label="${said}"
    >
      <path d="M0 ${HEIGHT}${steps}V${HEIGHT}Z" />
    </svg>
    <figcaption>
      <span>${first === undefined ? '' : isoText(first.at).slice(0, 10)}</span>
      <span
        >${busiest.bans === 0 ? 'no ban in this time' : `at most ${count(busiest.bans, 'ban')} an hour`}</span
      >
      <span>now</span>
    </figcaption>
  </figure>`;
}

/** Packets are not attacks, and the words say packets. */
function worthText(status: Status | undefined): Html {
  if (status === undefined) return html``;
  const { counting, hosts, packets, addresses, isAtLeast, arrivals, before, unknown } = status.worth;
  return html`<section class="card">
    <h2>What shared bans were worth</h2>
    ${
      counting === 0
        ? html`<p class="soft">
            Unknown: no host counts what its bans drop. Those whose bans nftables or ipset hold do.
          </p>`
        : html`<p>
              <b>${count(packets, 'packet')}</b> of
              ${isAtLeast ? 'at least ' : ''}${count(addresses, 'address', 'addresses')} on
              ${count(hosts, 'host')} were dropped by bans that another host had found.
              ${arrivals === 0 ? '' : html`An address at a host counted once, it came ${count(arrivals, 'time')}; ${before.toLocaleString('en-US')} of these a reading after the ban still showed no packet: banned before it came.`}
            </p>
            <p class="soft">
              As ${count(counting, 'host')} ${counting === 1 ? 'counts' : 'count'}: all packets up to the last
              reading, once a
              minute.${isAtLeast ? ' "At least" is said of the addresses: a host names the 50 that sent most, and how many others came; those of two hosts may be the same.' : ''}${unknown.length === 0 ? '' : ` Of ${count(unknown.length, 'other host')} it is unknown.`}
            </p>`
    }
  </section>`;
}

function ranking(
  id: string,
  title: string,
  label: string,
  counted: readonly { name: string; bans: number }[],
  hrefOf: (name: string) => string,
): Html {
  const most = Math.max(1, ...counted.map(({ bans }) => bans));
  return html`<section class="card" aria-labelledby="${id}-title">
    <h2 id="${id}-title">${title}</h2>
    ${
      counted.length === 0
        ? html`<p class="soft">None in this time.</p>`
        : html`<ol class="ranking">
            ${counted.slice(0, 10).map(
              ({ name, bans }) =>
                html`<li>
                  ${named(name, hrefOf(name), `${label} ${name}: ${count(bans, 'ban')}`)}<span
                    >${bans.toLocaleString('en-US')}</span
                  ><svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
                    <rect width="${((bans / most) * 100).toFixed(1)}" height="4" />
                  </svg>
                </li>`,
            )}
          </ol>`
    }
  </section>`;
}

function named(name: string, href: string, said: string): Html {
  return html`<a href="${href}" aria-label="${said}">${name}</a>`;
}

function daysOf(hours: PastBans['hours']) {
  const days = new Map<number, { bans: number; lifted: number }>();
  for (const { at, bans, lifted } of hours) {
    const day = Math.floor(at / DAY);
    const so = days.get(day) ?? { bans: 0, lifted: 0 };
    days.set(day, { bans: so.bans + bans, lifted: so.lifted + lifted });
  }
  return [...days].toReversed().map(([day, { bans, lifted }]) => ({
    key: String(day),
    cells: [
      isoText(day * DAY).slice(0, 10),
      html`<span>${bans.toLocaleString('en-US')}</span>`,
      html`<span>${lifted.toLocaleString('en-US')}</span>`,
    ],
  }));
}
