import type { Receipt } from '@banshare/protocol';
import {
  answerBy,
  wallSeconds,
  type AdminReply,
  type AdminRequest,
  type AdminTable,
  type HostPaths,
  type ServerPlace,
} from '@banshare/runtime';
import type { Enforcer } from './enforcers/enforcer.ts';
import type { Progress } from './progress.ts';
import type { Applier } from './apply.ts';
import { pause, resume, stillToLift } from './pausing.ts';
import type { State } from './state.ts';
import { spoolStatus, statusOf } from './status.ts';
import type { TakeParts } from './decide/parts.ts';

/** What the local commands may look at. */
export type AdminParts = {
  enforcer: Pick<Enforcer, 'kind' | 'check' | 'ways' | 'unproven'>;
  place: ServerPlace;
  paths: HostPaths;
  state: State;
  progress: Progress;
  applier: Pick<Applier, 'idle'>;
  parts: TakeParts;
  /** What is really in place here. */
  receipt: () => Receipt;
  protection: { unknown: () => string[] };
  /** Goes over to a new key. */
  rotate: () => Promise<AdminReply>;
};

/** What pausing did, or ending the pause: bans concerned, and those that are still in place. */
export type Paused = { bans: number; left: number };

const MOST_WAIT_MS = 20_000;
/** So many are lifted in the background: a person at a console gets an answer within a second. */
const MANY = 2000;
const SHORT_WAIT_MS = 500;

/** Every action of the client's socket. */
const ACTIONS: AdminTable<AdminParts> = {
  ping: { takes: {}, run: () => ({ ok: true, result: 'pong' }) },
  status: { takes: {}, run: tellStatus },
  pause: {
    takes: {},
    run: async (_, { parts, applier, state }) => ({
      ok: true,
      result: await pauseNow(parts, applier, state),
    }),
  },
  resume: {
    takes: {},
    run: (_, { parts }) => ({ ok: true, result: { bans: resume(parts), left: 0 } satisfies Paused }),
  },
  rotate: { takes: {}, run: (_, parts) => parts.rotate() },
  bans: { takes: {}, run: (_, parts) => ({ ok: true, result: { bans: parts.state.all() } }) },
};

/** Answers a command from the local admin socket. */
export async function answerAdmin(request: Required<AdminRequest>, parts: AdminParts): Promise<AdminReply> {
  return answerBy(ACTIONS, request, parts);
}

async function tellStatus(
  _: unknown,
  { enforcer, place, paths, state, progress, receipt, protection }: AdminParts,
): Promise<AdminReply> {
  const how = {
    missing: await enforcer.check(),
    ways: (await enforcer.ways?.()) ?? [],
    unproven: (await enforcer.unproven?.()) ?? [],
    unprotected: protection.unknown(),
    kind: enforcer.kind,
  };
  const status = statusOf(how, place, state, progress, spoolStatus(paths.spool, wallSeconds()));
  return { ok: true, result: { ...status, receipt: receipt() } };
}

/** Thousands of commands take minutes; whoever asked is told how many are left, and of very many at once. */
async function pauseNow(parts: TakeParts, applier: Pick<Applier, 'idle'>, state: State): Promise<Paused> {
  const before = state.inPlaceCount();
  let bans: number | undefined;
  const work = pause(parts).then((count) => {
    bans = count;
    return applier.idle();
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, before > MANY ? SHORT_WAIT_MS : MOST_WAIT_MS);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
  // What fails after the answer stands in the state, and is tried again at the next start.
  work.catch(() => undefined);
  return { bans: bans ?? before, left: stillToLift(state) + (bans === undefined ? state.inPlaceCount() : 0) };
}
