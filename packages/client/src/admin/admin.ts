import type { Receipt } from '@banshare/protocol';
import {
  answerBy,
  wallSeconds,
  type AdminReply,
  type AskedRequest,
  type AdminRuns,
  type clientOptions,
  type HostPaths,
  type Reloader,
} from '@banshare/runtime';
import type { Enforcer } from '../enforcers/enforcer.ts';
import type { ServerChoice } from '../server/server-choice.ts';
import type { DroppedHere } from '../follow/acknowledge.ts';
import type { Progress } from '../follow/progress.ts';
import type { Applier } from '../apply/apply.ts';
import { pause, resume } from '../decide/pause.ts';
import { pageByPage } from '../host/in-parts.ts';
import type { BanRow } from '../bans/ban-row.ts';
import { sayReason } from '../bans/reason.ts';
import type { State } from '../bans/state.ts';
import type { Tally } from '../metrics/tally.ts';
import { measure } from './metrics.ts';
import { ACTIONS, type Paused, type ToldBan } from './actions.ts';
import { droppedStatus, spoolStatus, statusOf } from './status.ts';
import type { DecideParts } from '../decide/parts.ts';

/** What the local commands may look at. */
export type AdminParts = {
  enforcer: Pick<Enforcer, 'kind' | 'kinds' | 'check' | 'ways' | 'unproven'>;
  servers: Pick<ServerChoice, 'current' | 'others'>;
  paths: HostPaths;
  state: State;
  progress: Progress;
  applier: Pick<Applier, 'idle'>;
  parts: DecideParts;
  /** What is really in place here, and what was dropped. */
  receipt: () => Receipt;
  dropped: Pick<DroppedHere, 'dropped'>;
  protection: { unknown: () => string[] };
  tally: Tally;
  /** When this program started, epoch seconds. */
  startedAt: number;
  /** Goes over to a new key. */
  rotate: () => Promise<AdminReply>;
  /** Goes by what this host has joined. */
  joined: () => AdminReply;
  reloader: Pick<Reloader<typeof clientOptions>, 'reload' | 'needsRestart'>;
};

function toldBan(row: BanRow): ToldBan {
  return { ...row, reason: sayReason(row.reason), keptBack: sayReason(row.keptBack) };
}

const MOST_WAIT_MS = 20_000;
/** So many are lifted in the background: a person at a console gets an answer within a second. */
const MANY = 2000;
const SHORT_WAIT_MS = 300;
/** For what is applied again nobody waits at a console: told is what is back by then, and that the others follow. */
const RESUMED_WAIT_MS = 50;

/** What the daemon does for each action of its table. */
const RUNS: AdminRuns<typeof ACTIONS, AdminParts> = {
  ping: () => ({ ok: true, result: 'pong' }),
  status: tellStatus,
  metrics: (_, parts) => ({ ok: true, result: measure(parts) }),
  pause: async (_, { parts, applier }) => ({ ok: true, result: await pauseNow(parts, applier) }),
  resume: async (_, { parts }) => ({ ok: true, result: await resumeNow(parts) }),
  joined: (_, parts) => parts.joined(),
  rotate: (_, parts) => parts.rotate(),
  reload: (_, { reloader }) => reloader.reload(),
  bans: async (_, { state }) => ({ ok: true, result: { bans: await tellBans(state) } }),
};

/** Answers a command from the local admin socket. */
export async function answerAdmin(request: AskedRequest, parts: AdminParts): Promise<AdminReply> {
  return answerBy(ACTIONS, RUNS, request, parts);
}

/** Every ban, in the order in which the server published them; read a part at a time, so that a new ban need not wait. */
async function tellBans(state: State): Promise<ToldBan[]> {
  const bans: ToldBan[] = [];
  const tell = (rows: readonly BanRow[]): void => void bans.push(...rows.map(toldBan));
  await pageByPage(
    (behind, limit) => state.page(behind, limit),
    tell,
    () => true,
  );
  return bans.toSorted((one, other) => one.seq - other.seq);
}

async function tellStatus(
  _: unknown,
  { enforcer, servers, paths, state, progress, receipt, dropped, protection, reloader }: AdminParts,
): Promise<AdminReply> {
  const how = {
    missing: await enforcer.check(),
    ways: (await enforcer.ways?.()) ?? [],
    unproven: (await enforcer.unproven?.()) ?? [],
    unprotected: protection.unknown(),
    kinds: enforcer.kinds ?? [enforcer.kind],
  };
  const status = statusOf(how, servers, state, progress, spoolStatus(paths.spool, wallSeconds()));
  const needsRestart = [...reloader.needsRestart];
  return {
    ok: true,
    result: { ...status, receipt: receipt(), ...droppedStatus(dropped.dropped()), needsRestart },
  };
}

/** Thousands of commands take minutes; whoever asked is told how many are left, and of very many at once. */
async function pauseNow(parts: DecideParts, applier: Pick<Applier, 'idle'>): Promise<Paused> {
  const { state } = parts;
  const before = state.inPlaceCount();
  let bans: number | undefined;
  const work = pause(parts).then((count) => {
    bans = count;
    return applier.idle();
  });
  await doneOr(before > MANY ? SHORT_WAIT_MS : MOST_WAIT_MS, work);
  const { stillToLift } = state.keptByPause;
  return { bans: bans ?? before, left: stillToLift + (bans === undefined ? state.inPlaceCount() : 0) };
}

/** What is to be applied again is not waited for. */
async function resumeNow(parts: DecideParts): Promise<Paused> {
  const before = parts.state.keptByPause.count;
  let bans: number | undefined;
  const work = resume(parts).then((count) => {
    bans = count;
  });
  await doneOr(before > MANY ? RESUMED_WAIT_MS : MOST_WAIT_MS, work);
  return bans === undefined ? { bans: before, left: parts.state.keptByPause.count } : { bans, left: 0 };
}

/** Waits for work, and at most so long. What fails after that stands in the state, and is tried again at the next start. */
async function doneOr(milliseconds: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
  work.catch(() => undefined);
}
