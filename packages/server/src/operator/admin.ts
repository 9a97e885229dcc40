import { chmodSync } from 'node:fs';
import { oneLine } from '@banshare/protocol';
import {
  answerBy,
  type AdminReply,
  type AdminRuns,
  type AskedRequest,
  type HostPaths,
  type Reloader,
  type serverOptions,
  type SteadyClock,
} from '@banshare/runtime';
import { ACTIONS } from './actions.ts';
import { refusalAt, type Door } from './allowed.ts';
import { drill } from './deeds/drill.ts';
import type { Arrivals } from './looking/arrivals.ts';
import { events } from './looking/events.ts';
import { history, type LookedBack } from './looking/history.ts';
import { explain } from './looking/explain.ts';
import type { RateWatch } from '../judging/rate-watch.ts';
import { tellAttention, type MessageWatch } from './attention/messages.ts';
import { moveLedger } from './deeds/move-ledger.ts';
import type { Measuring } from './metrics.ts';
import { muteHost, unmuteHost } from './deeds/mute.ts';
import type { LatencyBook } from '../metrics/latency.ts';
import type { Tally } from '../metrics/tally.ts';
import type { BannedAnywayWatch } from '../never-ban/banned-anyway.ts';
import type { Log } from '../log/log.ts';
import type { LedgerWatch } from './outages.ts';
import { importBans } from './deeds/import.ts';
import {
  LONGEST_REASON,
  operatorBan,
  operatorUnban,
  decline,
  refuseFrozen,
  textOf,
  type Args,
} from './deeds/bans.ts';
import {
  admitHosts,
  changeHost,
  setEnrolment,
  settleHeld,
  showAudit,
  type FleetParts,
} from './deeds/fleet.ts';
import { bansAfter, newsSince } from './looking/follow-news.ts';
import { makePageLink, usePageLink, type PageLinks } from './page-links.ts';
import { words } from './looking/words.ts';
import { changeNeverBan } from './deeds/never-ban.ts';
import { freeze, held, thaw } from './deeds/stop.ts';
import { top } from './looking/top.ts';
import { where } from './looking/where.ts';
import { changeTokens, type TokenParts } from './deeds/tokens.ts';
import { undo } from './deeds/undo.ts';
import { refusesGeneration, retire, type RetireParts } from './deeds/retire.ts';
import { copyForBackup, removeCopy } from '../ledger/books/backup-file.ts';
import { Settings } from '../ledger/books/settings.ts';
import { askedBy, type Asker } from '../ledger/who-asks.ts';
import type { Claims } from '../ledger/books/claims.ts';
import type { Enrichment } from '../enrich/enrichment.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { listBans } from './looking/list-bans.ts';
import { listHosts, overviewOf } from './host-list.ts';
import { statusOf, type Status, type StatusParts } from './status.ts';

/** What the local commands work with. */
export type AdminParts = FleetParts &
  RetireParts &
  TokenParts & {
    generations: readonly { name: string; fleet: { generation: string; servers: readonly string[] } }[];
    startedAt: number;
    drill: { everySeconds: number | undefined; limitSeconds: number };
    backup: StatusParts['backup'];
    clock: SteadyClock;
    ledgerWatch: LedgerWatch;
    shared: Pick<Log, 'health' | 'time' | 'tryWriting'> | undefined;
    bannedAnyway: BannedAnywayWatch;
    paths: HostPaths;
    ledger: Ledger;
    arrivals: Arrivals;
    lookedBack: LookedBack;
    enrichment: Enrichment;
    rates: Pick<RateWatch, 'rate'>;
    tally: Tally;
    latency: LatencyBook;
    measuring: Measuring;
    /** Whether other servers have the same ledger. */
    sharesLedger: boolean;
    pageLinks: PageLinks;
    /** Whether the page may do more than look. */
    pageActs: boolean;
    reloader: Pick<Reloader<typeof serverOptions>, 'reload' | 'needsRestart' | 'count'>;
    messageWatch: MessageWatch;
    claims: Claims;
    /** Has the server begin anew, by what server.toml says then, once this is answered. */
    startAgain: () => void;
  };

/** What the daemon does for each action of its table. */
const RUNS: AdminRuns<typeof ACTIONS, AdminParts> = {
  ping: () => ({ ok: true, result: 'pong' }),
  status: async ({ quick }, parts) => ({ ok: true, result: await statusNow(parts, quick !== true) }),
  attention: (args, parts) => tellAttention(args, (writes) => statusNow(parts, writes), parts),
  metrics: async (_, parts) => ({
    ok: true,
    result: await parts.measuring.measure({ ...parts, ...writerOf(parts) }, parts.now()),
  }),
  hosts: async (_, parts) => ({ ok: true, result: await listHosts(parts, parts.now()) }),
  overview: async ({ quick }, parts) => {
    const looking = quick === true ? withoutWriting(parts) : { ...parts, ...writerOf(parts) };
    return { ok: true, result: { ...(await overviewOf(looking, parts.now())), acts: parts.pageActs } };
  },
  bans: listBans,
  events,
  history,
  top,
  where,
  words,
  explain,
  ban: unlessFrozen(operatorBan),
  unban: operatorUnban,
  undo,
  import: unlessFrozen(importBans),
  'change-host': changeHost,
  token: changeTokens,
  'admit-hosts': admitHosts,
  'mute-host': muteHost,
  'unmute-host': unmuteHost,
  enrolment: setEnrolment,
  'never-ban': changeNeverBan,
  retire,
  release: (_, parts) => settleHeld('release', parts),
  drop: (_, parts) => settleHeld('drop', parts),
  freeze,
  thaw: (_, parts) => thaw(parts),
  held,
  audit: showAudit,
  drill: unlessFrozen((_, parts) => drill(parts)),
  'copy-ledger': async (args, parts) => ({ ok: true, result: await copyLedger(args, parts) }),
  'move-ledger': moveLedger,
  reload: (_, { reloader }) => reloader.reload(),
  'start-again': ({ generation }, { ledger, startAgain }) => {
    const refused = typeof generation === 'string' ? refusesGeneration(generation, ledger) : undefined;
    if (refused !== undefined) return refused;
    startAgain();
    return { ok: true, result: null };
  },
  'backup-failed': noteFailedBackup,
  'news-since': newsSince,
  'bans-after': bansAfter,
  'page-link': makePageLink,
  'page-login': usePageLink,
};

function statusNow(parts: AdminParts, tryWriting: boolean): Promise<Status> {
  return statusOf(tryWriting ? { ...parts, ...writerOf(parts) } : withoutWriting(parts), parts.now());
}

function withoutWriting<T>(parts: T): T & { tryWriting: () => Promise<void> } {
  return { ...parts, tryWriting: async () => undefined };
}

/** What would publish something new is refused while the fleet is frozen. */
function unlessFrozen(
  run: (args: Args, parts: AdminParts) => Promise<AdminReply>,
): (args: Args, parts: AdminParts) => Promise<AdminReply> {
  return async (args, parts) => refuseFrozen(parts) ?? run(args, parts);
}

/** Answers a command from one of the local sockets: what that socket may not ask is refused, and who asks is in the audit log. */
export async function answerAdmin(
  request: AskedRequest,
  parts: AdminParts,
  door: Door = 'root',
): Promise<AdminReply> {
  const refusal = refusalAt(door, request, parts.pageActs);
  if (refusal !== undefined) return decline('not-allowed', refusal);
  if (door === 'page') parts.pageLinks.pageAsked(parts.now());
  const { by } = request;
  const reason = textOf(request.args ?? {}, 'reason')?.slice(0, LONGEST_REASON);
  const asker: Asker = {
    ...(by === undefined ? {} : { by, way: door === 'page' ? 'page' : 'said' }),
    ...(reason === undefined ? {} : { reason }),
  };
  return askedBy(asker, () => answerBy(ACTIONS, RUNS, request, parts));
}

/**
 * What costs least and shows all the same that a commit is taken; it throws when the ledger cannot be written. In a log that servers share it
 * is no entry: each of them would have to apply that somebody has looked.
 */
function writerOf({ ledger, shared, now }: Pick<AdminParts, 'ledger' | 'shared' | 'now'>): {
  tryWriting: () => Promise<void>;
} {
  const tryAlone = (): Promise<void> =>
    ledger.write(() => new Settings(ledger).put('status-asked', String(now())));
  const tryShared = async (): Promise<void> => {
    if (ledger.stoppedBy !== undefined) throw ledger.stoppedBy;
    await shared?.tryWriting();
  };
  return { tryWriting: shared === undefined ? tryAlone : tryShared };
}

/**
 * A copy for `backup`, in the state folder, where this daemon may write. What it is for stands in the copy too; but where servers share a log
 * that cannot be written, or that lost what was acknowledged, a backup of a replica may be what is left: then it is in no audit log.
 */
async function copyLedger(
  args: Args,
  { ledger, book, audit, paths, now }: AdminParts,
): Promise<{ path: string; unnoted?: string }> {
  const path = copyForBackup(paths.ledger);
  const file = textOf(args, 'file');
  let unnoted: string | undefined;
  try {
    await audit.add('backup', file === undefined ? {} : { file: oneLine(file) }, now());
    await book.flush({ everything: true });
  } catch (error) {
    if (!ledger.isShared) throw error;
    unnoted = (error as Error).message;
  }
  try {
    removeCopy(paths.ledger);
    await ledger.copyTo(path);
    chmodSync(path, 0o600);
  } catch (error) {
    if (unnoted === undefined) await audit.add('backup failed', { why: (error as Error).message }, now());
    throw error;
  }
  return { path, ...(unnoted === undefined ? {} : { unnoted }) };
}

/** The command makes the backup of the copy, and tells what became of it. */
async function noteFailedBackup(args: Args, { audit, now }: AdminParts): Promise<AdminReply> {
  const [file, why] = [textOf(args, 'file'), textOf(args, 'why')].map((text) =>
    oneLine(text ?? '').slice(0, LONGEST_REASON),
  );
  await audit.add('backup failed', { file, why }, now());
  return { ok: true, result: null };
}
