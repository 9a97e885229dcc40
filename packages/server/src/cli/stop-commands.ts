import { wallSeconds, table } from '@banshare/runtime';
import type { Ask, Command } from './asking/ask-daemon.ts';
import { sayFrozen, type Frozen } from '../judging/freeze.ts';
import type { Freezing, ListedHeld } from '../operator/deeds/stop.ts';
import { sayFrozenBefore, span } from '../words/phrases.ts';
import { durationTyped, REASON } from './asking/words-of.ts';

/** The commands that stop the fleet, let it go on, and decide about what was held. */
export function stopCommands(ask: Ask): Command[] {
  return [
    {
      command: 'freeze',
      describe: 'publishes nothing new until thaw: reports are held, unbans and never-ban go through',
      builder: {
        for: {
          type: 'string',
          coerce: durationTyped,
          describe: 'for so long: 30m, 2h; without it until thaw',
        },
        reason: REASON,
      },
      handler: (words) => {
        const show = ({ frozen, before }: Freezing): string => {
          const now = wallSeconds();
          return [`${sayFrozen(frozen, now)}.`, ...sayFrozenBefore(before, frozen, now)].join('\n');
        };
        return ask(words, { command: 'freeze', args: { for: words['for'] } }, show);
      },
    },
    {
      command: 'thaw',
      describe: 'ends a freeze; what was held stays so until you decide',
      builder: { reason: REASON },
      handler: (words) => {
        const show = ({ held }: { held: number }): string => `The fleet goes on.${waiting(held)}`;
        return ask(words, { command: 'thaw' }, show);
      },
    },
    held(ask),
    settle(ask, 'release', 'published'),
    settle(ask, 'drop', 'discarded'),
  ];
}

function held(ask: Ask): Command {
  return {
    command: 'held [action]',
    describe: 'what is held, newest first; held publish bans all of it everywhere, held discard forgets it',
    builder: { action: { type: 'string', choices: ['publish', 'discard'] }, reason: REASON },
    handler: (words) => {
      const { action } = words;
      if (action === undefined) return ask(words, { command: 'held' }, showHeld);
      return ask(
        words,
        { command: 'held', args: { action } },
        done(action === 'publish' ? 'published' : 'discarded'),
      );
    },
  };
}

/** The words of before, which stay: help names those that cannot be mistaken. */
function settle(ask: Ask, command: string, did: string): Command {
  return {
    command,
    describe: false,
    builder: { reason: REASON },
    handler: (words) => ask(words, { command }, done(did)),
  };
}

/** `left`: held reports of which no event was made; `held`: what stays held, because a host that is new comes from there. */
function done(did: string): (result: { count: number; left?: number; held?: number }) => string {
  return ({ count, left = 0, held = 0 }) =>
    `${count} held ${count === 1 ? 'ban' : 'bans'} ${did}.${left === 0 ? '' : sayLeft(left)}${held === 0 ? '' : sayHeld(held)}`;
}

function sayLeft(left: number): string {
  const why = 'banned already, over, lifted or never banned by now, or short of its quorum';
  return ` ${left} held ${left === 1 ? 'report' : 'reports'} made no new ban: ${why} (see explain).`;
}

function sayHeld(held: number): string {
  const what = held === 1 ? 'report stays' : 'reports stay';
  return ` ${held} ${what} held, as new hosts of the fleet come from there, or came in meanwhile: banshare-server status.`;
}

function showHeld({
  bans,
  held: count,
  frozen,
}: {
  bans: ListedHeld[];
  held: number;
  frozen: Frozen | null;
}): string {
  const now = wallSeconds();
  const lines = frozen === null ? [] : [`${sayFrozen(frozen, now)}.`];
  if (count === 0) return [...lines, 'Nothing is held.'].join('\n');
  const rows = bans.map(({ ip, jail, prog, host, at, until }) => [
    ip,
    jail,
    prog,
    host,
    `${span(now - at)} ago`,
    until === null ? 'for ever' : until > now ? `in ${span(until - now)}` : 'is over',
  ]);
  lines.push(table(['ADDRESS', 'JAIL', 'PROG', 'REPORTED BY', 'HELD', 'WOULD END'], rows));
  if (count > bans.length) lines.push(`and ${count - bans.length} more`);
  return `${lines.join('\n')}\n${waiting(count).trim()}`;
}

function waiting(count: number): string {
  if (count === 0) return '';
  const what = count === 1 ? '1 ban is' : `${count} bans are`;
  return ` ${what} held: banshare-server held publish bans them everywhere, but not where hosts that are new come from; held discard forgets them.`;
}
