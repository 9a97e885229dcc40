import type { Ask, Command } from './asking/ask-daemon.ts';
import type { HostAt } from '../never-ban/fleet-addresses.ts';
import { subcommands } from './asking/subcommands.ts';
import { durationTyped, rangeTyped, REASON } from './asking/words-of.ts';
import { showLifted, showNeverBan, type ShownBan, type ShownNeverBan } from './show/show.ts';
import { time } from '../words/phrases.ts';

type Entries = { entries: ShownNeverBan[] };
type Added = { range: string; lifted: ShownBan[]; until?: number | null };
type Removed = { range: string; taken: HostAt[] };

const RANGE = { type: 'string', coerce: rangeTyped, describe: 'an address, or ADDRESS/PREFIX' } as const;

/** `never-ban`, and what is added and removed. */
export function neverBanCommands(ask: Ask): Command {
  const list: Command['handler'] = (words) =>
    ask(words, { command: 'never-ban', args: { action: 'list' } }, ({ entries }: Entries) =>
      showNeverBan(entries),
    );
  const inner = [
    { command: 'list', describe: 'what is never banned', builder: {}, handler: list },
    add(ask),
    remove(ask),
  ];
  return {
    command: 'never-ban',
    inner,
    describe: 'what is never banned; never-ban add, never-ban remove',
    builder: subcommands(inner),
    handler: list,
  };
}

function add(ask: Ask): Command {
  return {
    command: 'add <range>',
    describe: 'never bans it from now on, and lifts at once everywhere what is banned there',
    builder: {
      range: RANGE,
      note: { type: 'string', describe: 'what it is, as the list then says' },
      for: { type: 'string', coerce: durationTyped, describe: 'how long; else until it is removed' },
      until: { type: 'string', describe: 'until when: 2026-11-27T14:00Z' },
      force: { type: 'boolean', describe: 'also where the range is wider than anybody may ban' },
      reason: REASON,
    },
    handler: (words) =>
      ask(
        words,
        {
          command: 'never-ban',
          args: {
            action: 'add',
            range: words['range'],
            ...(words['force'] === true ? { force: true } : {}),
            ...given(words, 'note', 'for', 'until'),
          },
        },
        ({ range, lifted, until }: Added) =>
          [
            lifted.length === 0 ? 'Done; nothing there was banned.' : `Done. ${showLifted(lifted)}`,
            // Whoever writes 203.0.113.9/24 may have meant one address.
            ...(range === words['range']
              ? []
              : [`${String(words['range'])} is ${range}: never banned from now on.`]),
            ...(until === undefined || until === null ? [] : [`It ends ${time(until)}.`]),
          ].join('\n'),
      ),
  };
}

function remove(ask: Ask): Command {
  return {
    command: 'remove <range>',
    describe: 'takes back what was added, or an address that was approved of a host',
    builder: { range: RANGE, reason: REASON },
    handler: (words) =>
      ask(
        words,
        { command: 'never-ban', args: { action: 'remove', range: words['range'] } },
        ({ range, taken }: Removed) =>
          [
            `${range} may be banned from now on.`,
            ...taken.map(({ host, address }) => `${address} was approved of ${host}.`),
          ].join(' '),
      ),
  };
}

/** Of some options those that somebody gave. */
function given(
  words: Readonly<Record<string, unknown>>,
  ...names: readonly string[]
): Record<string, unknown> {
  return Object.fromEntries(
    names.flatMap((name) => (words[name] === undefined ? [] : [[name, words[name]]])),
  );
}
