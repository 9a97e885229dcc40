import { html } from 'hono/html';
import { isRange, overlaps, parseDuration, parseRange, parseTarget, type Target } from '@banshare/protocol';
import type { Unbanned } from '../../operator/deeds/bans.ts';
import type { Explanation } from '../../operator/looking/explain.ts';
import type { MirrorBan } from '../daemon/ban-mirror.ts';
import { count, query, spanText } from '../pages/parts.ts';
import {
  everywhere,
  filled,
  one,
  outcomeOf,
  reaching,
  type Act,
  type ActParts,
  type Given,
  type Outcome,
} from './act.ts';
import { reasonField, textField, tickField } from './fields.ts';

const DEFAULT_FOR = '1d';

/** The addresses and ranges of a field, or what is wrong with one of them. */
function targetsOf(given: Given): readonly Target[] | string {
  const targets: Target[] = [];
  for (const word of one(given, 'ip')
    .split(/[\s,;]+/)
    .filter(Boolean)) {
    const read = parseTarget(word);
    if (!read.ok) return read.fault;
    targets.push(read.value);
  }
  return targets;
}

/** How many addresses these are; a range of IPv6 counts as what one machine may have, its /64s. */
function addressesIn(targets: readonly Target[]): number {
  return targets.reduce((sum, target) => {
    if (!isRange(target)) return sum + 1;
    const prefix = Number(target.split('/')[1]);
    return sum + (target.includes(':') ? 2 ** Math.max(0, 64 - prefix) : 2 ** (32 - prefix));
  }, 0);
}

/** Goes on where hosts confirm it. */
function toAddress(targets: readonly Target[], says: readonly string[]): Outcome {
  const [target, ...others] = targets;
  return target === undefined || others.length > 0
    ? { says }
    : { says, goTo: `/address${query({ ip: target })}` };
}

function lengthText(text: string): string | undefined {
  const duration = parseDuration(text);
  if (!duration.ok) return undefined;
  return duration.value < 0 ? 'for ever' : `for ${spanText(duration.value)}`;
}

export const ban: Act = {
  title: 'Ban an address or range',
  button: 'Ban',
  fields: (given) => html`
    ${textField(given, 'ip', 'Addresses or ranges', { isNeeded: true })}
    ${textField(given, 'for', 'For', { more: '90s 10m 6h 1d 1w, or -1 for ever', initial: DEFAULT_FOR })}
    ${textField(given, 'jail', 'Jail', { more: 'banshare, where you name none' })}
    ${reasonField(given, 'kept with the ban')}
    ${tickField(given, 'force', 'yes', 'Also where a host of the fleet comes from, which is shut out with it')}
  `,
  plan: async (given, parts) => {
    const targets = targetsOf(given);
    if (typeof targets === 'string') return targets;
    if (targets.length === 0) return undefined;
    const length = lengthText(one(given, 'for') || DEFAULT_FOR);
    if (length === undefined) return 'For how long is to be 90s 10m 6h 1d 1w, or -1 for ever';
    const there = parts.bans.filter(({ ip }) => targets.includes(ip));
    return {
      says: [
        `Bans ${targets.join(', ')} ${everywhere(parts)}, ${length}.`,
        ...(there.length === 0 ? [] : [`Banned already: ${namesOf(there)}.`]),
        'A host that protects it, by its own list or since somebody is logged in from there, skips it and says so.',
      ],
      ...reaching(addressesIn(targets), parts),
      isFinal: false,
    };
  },
  run: async (given, { ask }, by) => {
    const targets = targetsOf(given);
    if (typeof targets === 'string') return targets;
    const { length } = targets;
    const more = filled({ jail: one(given, 'jail'), reason: one(given, 'reason') });
    const force = given('force').includes('yes');
    const says: string[] = [];
    for (const ip of targets) {
      const reply = await ask('ban', { ip, for: one(given, 'for') || DEFAULT_FOR, ...more, force }, by);
      if (!reply.ok) return [...says, reply.reason].join(' ');
      says.push(`${ip} is banned.`);
    }
    return length === 0 ? 'No address was given' : toAddress(targets, says);
  },
};

export const unban: Act = {
  title: 'Lift a ban',
  button: 'Lift it',
  fields: (given) => html`
    ${textField(given, 'ip', 'Addresses or ranges', { isNeeded: true })}
    ${textField(given, 'jail', 'Jail', { more: 'all, where you name none' })} ${reasonField(given)}
  `,
  plan: async (given, parts) => {
    const targets = targetsOf(given);
    if (typeof targets === 'string') return targets;
    if (targets.length === 0) return undefined;
    const says = await Promise.all(targets.map((target) => liftText(target, one(given, 'jail'), parts)));
    return {
      says: [
        ...says,
        'What comes from there again is reported and banned again; never-ban keeps it from that.',
      ],
      ...reaching(addressesIn(targets), parts),
      isFinal: false,
    };
  },
  run: async (given, { ask }, by) => {
    const targets = targetsOf(given);
    if (typeof targets === 'string') return targets;
    const more = filled({ jail: one(given, 'jail'), reason: one(given, 'reason') });
    const says: string[] = [];
    for (const ip of targets) {
      const reply = await ask('unban', { ip, ...more }, by);
      if (!reply.ok) return [...says, reply.reason].join(' ');
      const { lifted, wider } = reply.result as Unbanned;
      says.push(
        `${ip}: ${lifted.length === 0 ? 'nothing was banned there' : `${count(lifted.length, 'ban')} lifted`}${wider.length === 0 ? '' : `; still banned as ${wider.join(', ')}`}.`,
      );
    }
    return targets.length === 0 ? 'No address was given' : toAddress(targets, says);
  },
};

async function liftText(target: Target, jail: string, parts: ActParts): Promise<string> {
  const there = parts.bans.filter((each) => each.ip === target && (jail === '' || each.jail === jail));
  if (there.length === 0 && !parts.isWhole) return `Whether ${target} is banned is not known yet.`;
  if (there.length === 0) return `${target} itself is not banned now.`;
  const reply = await parts.ask('explain', { ip: target });
  const supporters = reply.ok ? (reply.result as Explanation).supporters : [];
  const finders = new Set(supporters.filter(({ ip }) => ip === target).flatMap(({ hosts }) => hosts));
  const own =
    finders.size === 0
      ? ''
      : `; ${count(finders.size, 'host')} found it ${finders.size === 1 ? 'itself and is' : 'themselves and are'} told to let go`;
  return `Lifts ${namesOf(there)} ${everywhere(parts)}${own}.`;
}

function namesOf(bans: readonly MirrorBan[]): string {
  return bans.map(({ ip, jail }) => `${ip} (${jail})`).join(', ');
}

/** The bans that a range on the never-ban list lifts. */
function within(bans: readonly MirrorBan[], text: string): readonly MirrorBan[] | string {
  const range = parseRange(text);
  return range.ok ? bans.filter(({ ip }) => overlaps(ip, range.value)) : range.fault;
}

export const neverBanAdd: Act = {
  title: 'Never ban an address or range',
  button: 'Never ban it',
  fields: (given) => html`
    ${textField(given, 'range', 'Address or range', { isNeeded: true })}
    ${textField(given, 'note', 'Note', { more: 'what it is, as the list then says' })}
    ${textField(given, 'for', 'For', { more: '8h, 7d; until it is taken off where you say nothing' })}
    ${reasonField(given)} ${tickField(given, 'force', 'yes', 'Also where it is wider than anybody may ban')}
  `,
  plan: async (given, parts) => {
    const { bans, isWhole } = parts;
    const text = one(given, 'range');
    if (text === '') return undefined;
    const lifted = within(bans, text);
    if (typeof lifted === 'string') return lifted;
    // What it lifts is a number that has to be typed: too small a one would let a slip through.
    if (!isWhole)
      return 'The page still reads what is banned, and cannot say what this lifts: try again in a moment';
    const wanted = one(given, 'for');
    const length = wanted === '' ? '' : lengthText(wanted);
    if (length === undefined) return 'For how long is to be 90s 10m 6h 1d 1w, or nothing';
    return {
      says: [
        `No host bans ${text} from now on${length === '' || length === 'for ever' ? '' : `, ${length}`}.`,
        lifted.length === 0
          ? 'Nothing there is banned now.'
          : `Lifts ${count(lifted.length, 'ban')} there on every host, and hosts that found one themselves are told to let go.`,
      ],
      ...(lifted.length === 0 ? { about: 0 } : reaching(lifted.length, parts)),
      isFinal: false,
    };
  },
  run: async (given, { ask }, by) => {
    const more = filled({
      reason: one(given, 'reason'),
      note: one(given, 'note'),
      for: one(given, 'for'),
    });
    const args = { action: 'add', range: one(given, 'range'), ...more };
    const reply = await ask('never-ban', { ...args, force: given('force').includes('yes') }, by);
    return outcomeOf<{ range: string; lifted: unknown[] }>(reply, ({ range, lifted }) => ({
      says: [`${range} is never banned from now on; ${count(lifted.length, 'ban')} lifted.`],
    }));
  },
};

export const neverBanRemove: Act = {
  title: 'Take an entry off the never-ban list',
  button: 'Take it off',
  fields: (given) =>
    html`${textField(given, 'range', 'Address or range', { isNeeded: true })} ${reasonField(given)}`,
  plan: async (given) => {
    const text = one(given, 'range');
    if (text === '') return undefined;
    return {
      says: [`${text} can be banned again from now on. Nothing is banned by that.`],
      about: 1,
      isFinal: false,
    };
  },
  run: async (given, { ask }, by) => {
    const args = {
      action: 'remove',
      range: one(given, 'range'),
      ...filled({ reason: one(given, 'reason') }),
    };
    return outcomeOf<{ range: string }>(await ask('never-ban', args, by), ({ range }) => ({
      says: [`${range} is off the list.`],
    }));
  },
};
