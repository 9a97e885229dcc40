import { html } from 'hono/html';
import type { HostStatus, Status } from '../../operator/status.ts';
import type { ListedHeld } from '../../operator/deeds/stop.ts';
import { withCommands } from './command-text.ts';
import { count, ending, live, moment, table, type Html } from './parts.ts';

/** What is held, as the server answers. */
export type Held = { readonly bans: readonly ListedHeld[]; readonly held: number };

/** What waits for a decision: bans that a limit, a rule or a freeze holds, and hosts that want to come in. */
export function heldPage(
  { bans, held }: Held,
  { status, hosts, acts }: { status: Status | undefined; hosts: readonly HostStatus[]; acts: boolean },
  now: number,
): Html {
  const waiting = hosts.filter(({ state }) => state === 'pending');
  return html`<div class="bar">
      <h1>
        Held and pending
        ${live(
          'sum',
          html`<span class="sum" id="sum"
            >${count(held, 'ban is', 'bans are')} held,
            ${count(waiting.length, 'host waits', 'hosts wait')}</span
          >`,
        )}
      </h1>
    </div>
    ${live('frozen', frozenText(status, now))}
    <section class="section" id="held">
      <h2>Held bans</h2>
      <p>
        ${withCommands(
          'A limit, a rule or a freeze holds these: they are banned nowhere. banshare-server held publish bans them on every host, banshare-server held discard forgets them.',
        )}
      </p>
      ${
        bans.length === 0
          ? html`<p class="empty">Nothing is held.</p>`
          : table(
              'held-bans',
              'Held bans',
              HELD_COLUMNS,
              bans.map((ban) => heldRow(ban, now)),
            )
      }
      ${acts && held > 0 ? html`<p class="buttons"><a class="button" href="/act/release">Ban all of it</a> <a class="button" href="/act/drop">Forget all of it</a></p>` : ''}
      ${held > bans.length ? html`<p>The newest ${bans.length} of ${held.toLocaleString('en-US')}.</p>` : ''}
    </section>
    <section class="section" id="waiting">
      <h2>Hosts that wait for you</h2>
      <p>
        ${withCommands(
          'Let in only what is yours: a host bans on all others. banshare-server hosts approve NAME lets it in, banshare-server hosts revoke NAME shuts it out for good.',
        )}
      </p>
      ${
        waiting.length === 0
          ? html`<p class="empty">Nobody waits.</p>`
          : table(
              'waiting-hosts',
              'Hosts that wait',
              WAITING_COLUMNS,
              waiting.map((host) => waitingRow(host, acts)),
            )
      }
    </section>`;
}

const HELD_COLUMNS = [
  { label: 'Address' },
  { label: 'Jail' },
  { label: 'Found by' },
  { label: 'Held' },
  { label: 'Would end' },
];
const WAITING_COLUMNS = [
  { label: 'Host' },
  { label: 'Tells of itself' },
  { label: 'The name' },
  { label: 'What to do' },
];

function heldRow({ ip, prog, jail, host, at, until }: ListedHeld, now: number) {
  const cells = [
    html`<span class="address">${ip}</span>`,
    html`<span>${jail} <span class="soft">${prog}</span></span>`,
    html`<span>${host}</span>`,
    moment(at, now),
    ending(until, now),
  ];
  return { key: `${ip} ${prog} ${jail} ${host} ${at}`, cells };
}

function waitingRow({ name, version, addresses, namesake }: HostStatus, acts: boolean) {
  const taken =
    namesake === null
      ? 'is free'
      : namesake.isAlive
        ? `is that of a host which is alive: ${namesake.name}`
        : `is that of ${namesake.name}, which is silent, and would be revoked`;
  const cells = [
    html`<b>${name}</b>`,
    html`<span
      >${version ?? 'version unknown'}<span class="soft"
        >${addresses.length === 0 ? 'no address' : addresses.join(', ')}</span
      ></span
    >`,
    html`<span>${taken}</span>`,
    acts
      ? html`<span class="ways"
          ><a href="/act/approve?name=${encodeURIComponent(name)}">let in</a>
          <a href="/act/revoke?name=${encodeURIComponent(name)}">shut out</a></span
        >`
      : html`<code>banshare-server hosts approve ${name}</code>`,
  ];
  return { key: name, cells };
}

function frozenText(status: Status | undefined, now: number): Html {
  const frozen = status?.frozen ?? null;
  if (frozen === null) return html`<div id="frozen"></div>`;
  const { since, until } = frozen;
  return html`<div id="frozen" class="silence">
    <strong>The fleet is frozen</strong>
    <p>
      Since
      ${moment(since, now)}${until === null ? ', until somebody ends it' : html`, ends ${moment(until, now)}`}:
      nothing new is published. ${withCommands('banshare-server thaw ends it.')}
    </p>
  </div>`;
}
