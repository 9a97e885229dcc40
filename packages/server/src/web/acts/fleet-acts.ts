import { html } from 'hono/html';
import type { DrillTime } from '../../words/drill.ts';
import type { Freezing } from '../../operator/deeds/stop.ts';
import type { UndoAnswer } from '../../operator/deeds/undo.ts';
import { sayFrozenBefore } from '../../words/phrases.ts';
import { count, spanText, type Html } from '../pages/parts.ts';
import { everywhere, filled, one, outcomeOf, reaching, type Act, type ActParts, type Given } from './act.ts';
import { reasonField, textField, tickField } from './fields.ts';

const SAYS = ({ says }: { says: string }): { says: string[] } => ({ says: [says] });

function hostCalled(given: Given, { hosts }: ActParts) {
  const name = one(given, 'name');
  return hosts.find((host) => host.name === name);
}

/** The host that is named, what is wrong with the name, or undefined where none is given yet. */
function hostMeant(given: Given, parts: ActParts) {
  if (one(given, 'name') === '') return undefined;
  return hostCalled(given, parts) ?? `No host is called ${one(given, 'name')}`;
}

export const approve: Act = {
  title: 'Let a host in',
  button: 'Let it in',
  fields: (given, parts) => {
    const host = hostCalled(given, parts);
    const addresses = host?.waitingAddresses ?? [];
    return html`
      ${textField(given, 'name', 'Host', { isNeeded: true })}
      ${
        addresses.length === 0
          ? ''
          : html`<fieldset>
              <legend>
                It tells these addresses. Tick those that shall never be banned: only what is really its own
              </legend>
              ${addresses.map((address) => tickField(given, 'address', address, html`<span class="address">${address}</span>`))}
            </fieldset>`
      }
      ${host?.namesake?.isAlive === true ? tickField(given, 'replace', 'yes', `Take the name from ${host.namesake.name}, which is alive, and revoke that one`) : ''}
      ${reasonField(given)}
    `;
  },
  plan: async (given, parts) => {
    const host = hostMeant(given, parts);
    if (host === undefined || typeof host === 'string') return host;
    return {
      says: [
        `Lets ${host.name} into the fleet: what it reports is banned ${everywhere(parts)}, and it gets all bans.`,
        ...(host.namesake !== null && !host.namesake.isAlive
          ? [`${host.namesake.name}, which has its name and is silent, is revoked.`]
          : []),
      ],
      about: 1,
      isFinal: false,
    };
  },
  run: async (given, { ask }, by) => {
    const args = {
      action: 'approve',
      name: one(given, 'name'),
      replace: given('replace').includes('yes'),
      addresses: given('address'),
      ...filled({ reason: one(given, 'reason') }),
    };
    return outcomeOf(await ask('change-host', args, by), SAYS);
  },
};

export const revoke: Act = {
  title: 'Shut a host out',
  button: 'Shut it out',
  fields: (given) => html`${textField(given, 'name', 'Host', { isNeeded: true })} ${reasonField(given)}`,
  plan: async (given, parts) => {
    const host = hostMeant(given, parts);
    if (host === undefined || typeof host === 'string') return host;
    return {
      says: [
        `Shuts ${host.name} out at once and cuts its connections; what is held of it is dropped. It keeps the bans that it has.`,
        'It comes back by a fresh installer only. Enrolment that is open asks you from then on. What it caused stays: undo lifts that.',
      ],
      about: 1,
      isFinal: true,
    };
  },
  run: async (given, { ask }, by) => {
    const args = { action: 'revoke', name: one(given, 'name'), ...filled({ reason: one(given, 'reason') }) };
    return outcomeOf(await ask('change-host', args, by), SAYS);
  },
};

/** All that is held, published or forgotten. */
function settling(command: 'release' | 'drop'): Act {
  const isRelease = command === 'release';
  return {
    title: isRelease ? 'Ban what is held' : 'Forget what is held',
    button: isRelease ? 'Ban all of it' : 'Forget all of it',
    fields: (given) => reasonField(given),
    plan: async (_, parts) => {
      const held = parts.status?.held;
      if (held === undefined) return 'The server does not say what is held';
      if (held === 0) return 'Nothing is held';
      return {
        says: [
          isRelease
            ? `Bans what is held, ${count(held, 'report')}, ${everywhere(parts)}; not where hosts that are new come from.`
            : `Forgets what is held, ${count(held, 'report')}: it is banned nowhere.`,
        ],
        ...(isRelease ? reaching(held, parts) : { about: held }),
        isFinal: !isRelease,
      };
    },
    run: async (given, { ask }, by) =>
      outcomeOf<{ count: number; held?: number }>(
        await ask(command, filled({ reason: one(given, 'reason') }), by),
        ({ count: done, held = 0 }) => ({
          says: [
            `${count(done, 'held ban')} ${isRelease ? 'published' : 'forgotten'}.`,
            ...(held === 0 ? [] : [`${count(held, 'report stays', 'reports stay')} held.`]),
          ],
        }),
      ),
  };
}

export const release = settling('release');
export const drop = settling('drop');

function undoArgs(given: Given): Record<string, unknown> {
  const hosts = one(given, 'host')
    .split(/[\s,]+/)
    .filter(Boolean);
  return {
    ...(hosts.length === 0 ? {} : { hosts }),
    ...filled({ jail: one(given, 'jail'), since: one(given, 'since') }),
    ...(given('all').includes('yes') ? { all: true } : {}),
  };
}

export const undo: Act = {
  title: 'Take back what began',
  button: 'Take it back',
  fields: (given) => html`
    ${textField(given, 'since', 'Since', { more: '10m, 1h; -1 for everything', isNeeded: true })}
    ${textField(given, 'host', 'What these hosts caused')}
    ${textField(given, 'jail', 'or what began in this jail')}
    ${tickField(given, 'all', 'yes', 'or everything that began')} ${reasonField(given)}
  `,
  plan: async (given, { ask }) => {
    if (one(given, 'since') === '') return undefined;
    const reply = await ask('undo', { ...undoArgs(given), dryRun: true });
    if (!reply.ok) return reply.reason;
    const { count: lifted, kept, shortened, votes, held, hosts } = reply.result as UndoAnswer;
    return {
      says: [
        `Lifts ${count(lifted, 'ban')} on ${count(hosts, 'host')}.`,
        ...(kept === 0
          ? []
          : [
              `${count(kept, 'ban stays', 'bans stay')}, since other hosts support them or they stood before.`,
            ]),
        ...(shortened === 0 ? [] : [`${count(shortened, 'of them ends', 'of them end')} earlier again.`]),
        ...(votes === 0 ? [] : [`${count(votes, 'vote')} for a quorum taken back.`]),
        ...(held === 0 ? [] : [`${count(held, 'held ban')} dropped.`]),
      ],
      ...(lifted >= hosts ? { about: lifted, of: 'addresses' } : { about: hosts, of: 'hosts' }),
      isFinal: true,
    };
  },
  run: async (given, { ask }, by) => {
    const args = { ...undoArgs(given), ...filled({ reason: one(given, 'reason') }) };
    return outcomeOf<UndoAnswer>(await ask('undo', args, by), ({ count: lifted, kept, hosts }) => ({
      says: [`${count(lifted, 'ban')} lifted on ${count(hosts, 'host')}; ${count(kept, 'ban')} stay.`],
    }));
  },
};

export const drill: Act = {
  title: 'Try it all: a drill',
  button: 'Begin the drill',
  fields: (given) => reasonField(given),
  plan: async (_, parts) => ({
    says: [
      `Bans an address of 203.0.113.0/24, which no real host has, ${everywhere(parts)}, waits until each says what it made of it, and lifts it again.`,
    ],
    ...reaching(1, parts),
    isFinal: false,
  }),
  run: async (given, { ask }, by) =>
    outcomeOf<{ ip: string; hosts: DrillTime[] }>(
      await ask('drill', filled({ reason: one(given, 'reason') }), by),
      ({ ip, hosts }) => ({ says: [`${ip} was banned and is lifted again.`, drillTimes(hosts)] }),
    ),
};

function drillTimes(hosts: readonly DrillTime[]): Html {
  return html`<ul class="times">
    ${hosts.map(({ host, seconds, outcome, reason }) => html`<li><b>${host}</b> ${seconds === null ? 'said nothing in time' : `${outcome} after ${Math.round(seconds * 1000).toLocaleString('en-US')} ms`}${reason === null ? '' : `: ${reason}`}</li>`)}
  </ul>`;
}

export const freeze: Act = {
  title: 'Freeze the fleet',
  button: 'Freeze',
  fields: (given) =>
    html`${textField(given, 'for', 'For', { more: '30m, 2h; until thaw where you say nothing', initial: '30m' })}
    ${reasonField(given)}`,
  plan: async () => ({
    says: [
      'Publishes nothing new: what hosts report is held until you decide. Unbans and never-ban go through. Bans that are in place stay.',
    ],
    about: 1,
    isFinal: false,
  }),
  run: async (given, { ask, now }, by) =>
    outcomeOf<Freezing>(
      await ask('freeze', filled({ for: one(given, 'for'), reason: one(given, 'reason') }), by),
      ({ frozen, before }) => {
        const end = frozen.until === null ? ' until thaw' : ` for ${spanText(frozen.until - now)}`;
        return { says: [`The fleet is frozen${end}.`, ...sayFrozenBefore(before, frozen, now)] };
      },
    ),
};

export const thaw: Act = {
  title: 'End the freeze',
  button: 'Thaw',
  fields: (given) => reasonField(given),
  plan: async (_, { status }) =>
    status?.frozen === null
      ? 'The fleet is not frozen'
      : {
          says: ['Publishes again what hosts report. What was held stays held until you decide.'],
          about: 1,
          isFinal: false,
        },
  run: async (given, { ask }, by) =>
    outcomeOf<{ held: number }>(
      await ask('thaw', filled({ reason: one(given, 'reason') }), by),
      ({ held }) => ({
        says: [`The fleet goes on; ${count(held, 'ban is', 'bans are')} held.`],
      }),
    ),
};
