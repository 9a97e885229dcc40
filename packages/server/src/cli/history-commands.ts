import { setTimeout } from 'node:timers/promises';
import { complain, EXIT, tell, tellJson, terminalColumns } from '@banshare/runtime';
import { MOST_ROWS, TOP_BY } from '../operator/looking/top.ts';
import type { EventsPart } from '../operator/looking/events.ts';
import { askServer, codeOf, type Ask, type Command, type Words } from './asking/ask-daemon.ts';
import { eventLine } from './show/show-events.ts';
import { showTop } from './show/show-top.ts';
import { countUpTo, momentTyped, targetTyped } from './asking/words-of.ts';

const MOMENT = { type: 'string', coerce: momentTyped } as const;
/** How long the daemon keeps an answer back where nothing happens. Seconds. */
const WAIT = 15;
/** Between two tries to reach a server that is away. */
const AWAY_MS = 300;
/** The codes of a reply that a server has which ends, or starts. */
const AWAY: ReadonlySet<string> = new Set(['no-daemon', 'no-answer']);

/** The commands that look back. */
export function historyCommands(ask: Ask, setCode: (code: number) => void): Command[] {
  return [
    {
      command: 'events',
      describe: 'what happened, a line an event: reports, votes, bans, what is held, deeds, what hosts say',
      builder: {
        follow: {
          type: 'boolean',
          default: false,
          describe: 'goes on with what comes, also after a restart',
        },
        since: { ...MOMENT, describe: '2h, 7d, or a time: 2026-11-26T14:00Z (1d; with --follow from now)' },
        until: { ...MOMENT, describe: 'the same' },
        jail: { type: 'string', describe: 'in this jail only' },
        host: { type: 'string', describe: 'by or about this host only' },
        ip: {
          type: 'string',
          coerce: targetTyped,
          describe: 'about this address or range, or one around it, only',
        },
      },
      handler: (words) => showEvents(words, setCode),
    },
    {
      command: 'top',
      describe: 'what was reported and banned most',
      builder: {
        by: {
          type: 'string',
          choices: TOP_BY,
          default: 'ip',
          describe:
            'addresses, jails, hosts, networks (/24, IPv6 /64, or as [enrich] mmdb names them) or countries',
        },
        since: { ...MOMENT, default: '7d', describe: '2h, 7d, or a time: 2026-11-26T14:00Z' },
        limit: {
          type: 'string',
          default: '20',
          coerce: countUpTo(MOST_ROWS),
          describe: 'so many rows, 1000 at most',
        },
      },
      handler: (words) => {
        const { by, since, limit } = words;
        return ask(words, { command: 'top', args: { by, since, limit: Number(limit) } }, showTop);
      },
    },
  ];
}

async function showEvents(words: Words, setCode: (code: number) => void): Promise<void> {
  const { root, json, follow, until, jail, host, ip } = words;
  if (follow === true && until !== undefined) {
    complain('banshare-server', 'events --follow has no end: leave --until out');
    return setCode(EXIT.usage);
  }
  const filters = { jail, host, ip };
  const columns = terminalColumns();
  const gathered: EventsPart['events'] = [];
  let count = 0;
  let noHost: string | undefined;
  const take = ({ events, isEnriched, noHost: unknown }: EventsPart): void => {
    count += events.length;
    noHost = unknown;
    for (const event of events) {
      if (!json) tell(eventLine(event, isEnriched, columns));
      else if (follow === true) tellJson(event);
      else gathered.push(event);
    }
  };
  const reached = await listAll(root, filters, words, take);
  if (typeof reached === 'number') return setCode(reached);
  if (follow === true) {
    // It may come: whoever waits for a host to join goes on.
    if (noHost !== undefined) complain('banshare-server', noHost);
    return setCode(await followOn(root, filters, reached, take));
  }
  if (count === 0 && noHost !== undefined) {
    complain('banshare-server', noHost);
    return setCode(EXIT.failed);
  }
  if (json) tellJson({ events: gathered });
  else if (count === 0) complain('banshare-server', 'nothing of that happened then');
}

type Filters = Readonly<Record<string, unknown>>;

/** Takes all that is there by now; returns where the next question goes on, or an exit code. */
async function listAll(
  root: string,
  filters: Filters,
  { follow, since, until }: Words,
  take: (part: EventsPart) => void,
): Promise<string | number> {
  const isFollowing = follow === true;
  const from = {
    since: since ?? (isFollowing ? undefined : '1d'),
    fromNow: isFollowing && since === undefined,
  };
  let part = await askEvents(root, { ...filters, ...from, until });
  // What comes while all this is printed comes with --follow only.
  const end = isFollowing || !part.ok ? undefined : (until ?? new Date(part.value.now * 1000).toISOString());
  while (part.ok) {
    take(part.value);
    if (part.value.isAll) return part.value.place;
    part = await askEvents(root, { ...filters, ...from, until: end, after: part.value.place });
  }
  complain('banshare-server', part.reason);
  return codeOf(part.code);
}

/** Takes what comes, without an end; a server that is away is waited for. Returns an exit code where it will not answer. */
async function followOn(
  root: string,
  filters: Filters,
  reached: string,
  take: (part: EventsPart) => void,
): Promise<number> {
  let isAway = false;
  for (let after = reached; ;) {
    const part = await askEvents(root, { ...filters, after, wait: WAIT });
    if (part.ok) {
      isAway = false;
      if (part.value.isAnew)
        complain(
          'banshare-server',
          'the ledger is another one than before (a restore?): this goes on from now',
        );
      take(part.value);
      after = part.value.place;
    } else if (AWAY.has(part.code)) {
      if (!isAway) complain('banshare-server', `${part.reason}; this goes on when it is back`);
      isAway = true;
      await setTimeout(AWAY_MS);
    } else {
      complain('banshare-server', part.reason);
      return codeOf(part.code);
    }
  }
}

async function askEvents(
  root: string,
  args: Filters,
): Promise<{ ok: true; value: EventsPart } | { ok: false; code: string; reason: string }> {
  const reply = await askServer(root, { command: 'events', args: withoutUndefined(args) });
  return reply.ok ? { ok: true, value: reply.result as EventsPart } : reply;
}

function withoutUndefined(args: Filters): Filters {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
}
