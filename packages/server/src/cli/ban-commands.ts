import { wallSeconds, EXIT } from '@banshare/runtime';
import type { Ask, Command } from './asking/ask-daemon.ts';
import { frozenLine, type Frozen } from '../judging/freeze.ts';
import { countTyped, durationTyped, momentTyped, REASON, targetTyped } from './asking/words-of.ts';
import { showBanned, showUnbanned } from './show/show-ranges.ts';
import { showExplanation } from './show/show-explanation.ts';
import { MOST_BANS, showBans, showUndone, type ShownBan } from './show/show.ts';
import type { Unbanned } from '../operator/deeds/bans.ts';

const IP = { type: 'string', coerce: targetTyped, describe: 'an address or range' } as const;
const IPS = {
  type: 'string',
  array: true,
  coerce: targetTyped,
  describe: 'addresses or ranges',
} as const;
const MOMENT = { type: 'string', coerce: momentTyped } as const;
const JAIL = { type: 'string', describe: 'in this jail only' } as const;

/** The commands about bans. */
export function banCommands(ask: Ask): Command[] {
  return [bans(ask), explain(ask), ban(ask), unban(ask), undo(ask)];
}

function bans(ask: Ask): Command {
  return {
    command: 'bans [ip]',
    describe: 'the active bans; of an address with those of ranges around it, of a range with those in it',
    builder: {
      ip: IP,
      jail: JAIL,
      host: { type: 'string', describe: 'reported by this host only' },
      all: { type: 'boolean', default: false, describe: 'also those that are over' },
      since: { ...MOMENT, describe: 'published since: 2h, 7d, or a time' },
      until: { ...MOMENT, describe: 'published until: the same' },
      limit: {
        type: 'string',
        defaultDescription: `${MOST_BANS}; --json has all`,
        coerce: countTyped,
        describe: 'the newest so many',
      },
      'all-rows': { type: 'boolean', default: false, describe: 'prints every one' },
    },
    handler: (words) => {
      const { ip, jail, host, all, since, until, limit, allRows, json } = words;
      const most = limit === undefined ? (allRows === true || json ? undefined : MOST_BANS) : Number(limit);
      const show = ({ bans: list, older = 0, frozen }: Listed): string =>
        [showBans(list, wallSeconds(), older), ...frozenLine(frozen, wallSeconds())].join('\n');
      const args = { ip, jail, host, all, since, until, limit: most };
      return ask(words, { command: 'bans', args }, show);
    },
  };
}

type Listed = { bans: ShownBan[]; older?: number; frozen: Frozen | null };

function explain(ask: Ask): Command {
  return {
    command: 'explain <ip>',
    describe: 'every report, verdict, event and outcome of an address or range',
    builder: { ip: IP },
    handler: (words) => ask(words, { command: 'explain', args: { ip: words['ip'] } }, showExplanation),
  };
}

function ban(ask: Ask): Command {
  return {
    command: 'ban <ip..>',
    describe: 'bans addresses, or ranges up to /16 (IPv6: /32), on every host',
    builder: {
      ip: IPS,
      jail: { type: 'string', describe: 'the jail (banshare)' },
      for: { type: 'string', coerce: durationTyped, describe: '90s 10m 6h 1d 1w, or -1 for ever' },
      reason: { type: 'string', describe: 'kept with the ban' },
      force: {
        type: 'boolean',
        default: false,
        describe: 'also where a host of the fleet comes from, which is shut out with it',
      },
    },
    handler: (words) => {
      const { ip, jail, for: duration, reason, force } = words;
      const requests = (ip as string[]).map((one) => ({
        command: 'ban',
        args: { ip: one, jail, for: duration, reason, force },
      }));
      return ask(words, requests, showBanned);
    },
  };
}

function unban(ask: Ask): Command {
  return {
    command: 'unban <ip..>',
    describe: 'lifts every ban of addresses, or exactly those ranges, on every host, whoever reported them',
    builder: { ip: IPS, jail: JAIL, reason: REASON },
    handler: (words) => {
      const { ip, jail } = words;
      const judge = ({ wider }: Unbanned): number => (wider.length > 0 ? EXIT.failed : EXIT.done);
      const requests = (ip as string[]).map((one) => ({ command: 'unban', args: { ip: one, jail } }));
      return ask(words, requests, showUnbanned, judge);
    },
  };
}

function undo(ask: Ask): Command {
  return {
    command: 'undo',
    describe: 'lifts what hosts caused, an import brought, or what began in a jail or everywhere',
    builder: {
      host: { type: 'string', array: true, describe: 'what these hosts caused; what others support stays' },
      jail: { type: 'string', describe: 'what began in this jail' },
      import: { type: 'string', describe: 'what the import of this number brought' },
      all: { type: 'boolean', describe: 'everything that began' },
      since: { type: 'string', coerce: durationTyped, describe: 'how far back: 10m, 1h; -1 for everything' },
      'dry-run': { type: 'boolean', default: false, describe: 'only says how much that would be' },
      reason: REASON,
    },
    handler: (words) => {
      const { host: hosts, jail, since, all, dryRun } = words;
      const number = words['import'] === undefined ? undefined : Number(words['import']) || 0;
      const args = { hosts, jail, import: number, all, since, dryRun };
      return ask(words, { command: 'undo', args }, showUndone);
    },
  };
}
