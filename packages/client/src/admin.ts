import { wallSeconds, type AdminReply, type HostPaths, type ServerPlace } from '@banshare/runtime';
import type { Enforcer } from './enforcers/enforcer.ts';
import { spoolStatus } from './spool-status.ts';
import type { Progress } from './progress.ts';
import type { Applier } from './apply.ts';
import { pause, resume, stillToLift } from './pausing.ts';
import type { State } from './state.ts';
import { statusOf } from './status.ts';
import type { TakeParts } from './take.ts';

/** What the local commands may look at. */
export type AdminParts = {
  enforcer: Pick<Enforcer, 'kind' | 'check' | 'ways'>;
  place: ServerPlace;
  paths: HostPaths;
  state: State;
  progress: Progress;
  applier: Pick<Applier, 'idle'>;
  parts: TakeParts;
  /** Goes over to a new key. */
  rotate: () => Promise<AdminReply>;
};

/** What pausing did, or ending the pause: bans concerned, and those that are still in place. */
export type Paused = { bans: number; left: number };

const MOST_WAIT_MS = 20_000;

/** Answers a command from the local admin socket. */
export async function answerAdmin(request: { command: string }, parts: AdminParts): Promise<AdminReply> {
  switch (request.command) {
    case 'ping':
      return { ok: true, result: 'pong' };
    case 'status':
      return {
        ok: true,
        result: statusOf(
          {
            missing: await parts.enforcer.check(),
            ways: (await parts.enforcer.ways?.()) ?? [],
            kind: parts.enforcer.kind,
          },
          parts.place,
          parts.state,
          parts.progress,
          spoolStatus(parts.paths.spool, wallSeconds()),
        ),
      };
    case 'pause': {
      const bans = pause(parts.parts);
      await whenIdle(parts.applier);
      return { ok: true, result: { bans, left: stillToLift(parts.state) } satisfies Paused };
    }
    case 'resume':
      return { ok: true, result: { bans: resume(parts.parts), left: 0 } satisfies Paused };
    case 'rotate':
      return parts.rotate();
    case 'bans':
      return { ok: true, result: { bans: parts.state.all() } };
    default:
      return {
        ok: false,
        code: 'unsupported',
        reason: `this client does not know the command "${request.command}"`,
      };
  }
}

/** Thousands of commands take minutes; whoever asked is told how many are left. */
async function whenIdle(applier: Pick<Applier, 'idle'>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, MOST_WAIT_MS);
  });
  await Promise.race([applier.idle(), late]);
  clearTimeout(timer);
}
