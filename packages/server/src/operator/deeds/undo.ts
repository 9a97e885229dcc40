import { setImmediate } from 'node:timers/promises';
import { FOR_EVER, parseDuration, parseJail, type Event, type Result } from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import { noHost } from '../../fleet/no-host.ts';
import { decline, textOf, type Args, type OperateParts } from './bans.ts';
import type { UndoCursor, UndoPlan, UndoWhat } from '../../words/undo.ts';

/** So many of what was lifted are named in the answer. */
const MOST_LISTED = 100;

/** Bans that are looked at in one go, some 10 ms: reports wait meanwhile, also while they are lifted. */
const MOST_IN_PART = 500;

/** What an undo did, or would do; `hosts` have the bans that are lifted. */
export type UndoAnswer = {
  lifted: Event[];
  count: number;
  kept: number;
  /** So many of those that stay end earlier again. */
  shortened: number;
  votes: number;
  held: number;
  hosts: number;
  isDry: boolean;
};

/** `undo --all | --import N | --jail J | --host NAME … --since 15m [--dry-run]` */
export async function undo(args: Args, parts: OperateParts): Promise<AdminReply> {
  const unknown = namesOf(args).find((name) => parts.book.byName(name) === undefined);
  if (unknown !== undefined) return decline('host', noHost(unknown, parts.book));
  const what = readWhat(args, parts);
  if (!what.ok) return decline('undo', what.fault);
  const { ledger, book, goneAfterSeconds, audit } = parts;
  const now = parts.now();
  const since = sinceOf(args, what.value, now);
  if (!since.ok) return decline('duration', since.fault);
  const answer: UndoAnswer = {
    lifted: [],
    count: 0,
    kept: 0,
    shortened: 0,
    votes: 0,
    held: 0,
    hosts: book.present(now, goneAfterSeconds).length,
    isDry: args['dryRun'] === true,
  };
  if (answer.isDry) Object.assign(answer, ledger.waitingOf(what.value, since.value));
  const named = { ...saidOf(args), since: since.value };
  for (let cursor: UndoCursor | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
    const part = { cursor, limit: MOST_IN_PART };
    const isOfBans = answer.isDry || typeof cursor === 'object';
    const plan = isOfBans ? ledger.planUndo(what.value, since.value, now, part) : undefined;
    // The audit log says what was done, and not that something was looked at.
    if (plan !== undefined && (answer.isDry || !isDeed(plan, what.value))) {
      take(answer, { count: plan.lift.length, kept: plan.keep.length, shortened: plan.shorten.length });
      cursor = plan.next;
    } else {
      const { lifted, shortened, next, ...counts } = await ledger.undo(what.value, since.value, now, {
        ...part,
        note: ({ lifted: done, kept, shortened: shorter, votes, held }) =>
          audit.note(
            'undo',
            { ...named, lifted: done.length, kept, shortened: shorter.length, votes, held },
            now,
          ),
      });
      take(answer, { ...counts, count: lifted.length, shortened: shortened.length });
      answer.lifted.push(...lifted.slice(0, MOST_LISTED - answer.lifted.length));
      cursor = next;
    }
    // Reports go on in between.
    await setImmediate();
  }
  return { ok: true, result: answer };
}

/** Adds what a part did, or would do. */
function take(answer: UndoAnswer, counts: Partial<Record<Counted, number>>): void {
  for (const [name, count] of Object.entries(counts)) answer[name as Counted] += count;
}

type Counted = 'count' | 'kept' | 'shortened' | 'votes' | 'held';

/** Whether a part changes anything: also of a ban that stays the word of hosts is taken back. */
function isDeed({ lift, keep }: UndoPlan, { kind }: UndoWhat): boolean {
  return lift.length > 0 || (kind === 'hosts' && keep.length > 0);
}

function readWhat(args: Args, { book, ledger }: OperateParts): Result<UndoWhat> {
  const jail = textOf(args, 'jail');
  const hosts = namesOf(args);
  const asked = [args['all'] === true, args['import'] !== undefined, jail !== undefined, hosts.length > 0];
  if (asked.filter(Boolean).length !== 1)
    return {
      ok: false,
      fault: 'say what is taken back: --host NAME …, --jail J, --import N or --all, one of them',
    };
  if (args['all'] === true) return { ok: true, value: { kind: 'all' } };
  const number = args['import'];
  if (typeof number === 'number') {
    if (Number.isInteger(number) && number >= 1 && number <= ledger.newestImport())
      return { ok: true, value: { kind: 'import', number } };
    return { ok: false, fault: 'there is no import of that number: import prints it, and audit lists it' };
  }
  if (jail !== undefined) {
    const parsed = parseJail(jail);
    return parsed.ok ? { ok: true, value: { kind: 'jail', jail: parsed.value } } : parsed;
  }
  const ids = hosts.flatMap((name) => book.byName(name)?.id ?? []);
  return { ok: true, value: { kind: 'hosts', ids } };
}

function namesOf(args: Args): string[] {
  const list = Array.isArray(args['hosts']) ? args['hosts'].map(String) : [];
  const one = textOf(args, 'host');
  return one === undefined ? list : [one, ...list];
}

function sinceOf(args: Args, what: UndoWhat, now: number): Result<number> {
  const text = textOf(args, 'since');
  // An import is undone as a whole.
  if (text === undefined && what.kind === 'import') return { ok: true, value: 0 };
  if (text === undefined) return { ok: false, fault: 'say how far back: --since 15m, or -1 for everything' };
  const since = parseDuration(text);
  if (!since.ok) return since;
  return { ok: true, value: since.value === FOR_EVER ? 0 : now - since.value };
}

function saidOf(args: Args): Record<string, unknown> {
  const hosts = namesOf(args);
  const { all, import: number, jail } = args;
  if (hosts.length > 0) return hosts.length === 1 ? { host: hosts[0] } : { hosts };
  return {
    ...(all === true ? { all } : {}),
    ...(number === undefined ? {} : { import: number }),
    ...(jail === undefined ? {} : { jail }),
  };
}
