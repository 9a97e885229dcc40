import {
  wallSeconds,
  type AdminReply,
  type ClientConfig,
  type HostPaths,
  type ServerPlace,
} from '@banshare/runtime';
import { spoolStatus } from './spool-status.ts';
import type { Progress } from './progress.ts';
import type { State } from './state.ts';
import { statusOf } from './status.ts';

/** What the local commands may look at. */
export type AdminParts = {
  config: ClientConfig;
  place: ServerPlace;
  paths: HostPaths;
  state: State;
  progress: Progress;
};

/** Answers a command from the local admin socket. */
export function answerAdmin(request: { command: string }, parts: AdminParts): AdminReply {
  switch (request.command) {
    case 'ping':
      return { ok: true, result: 'pong' };
    case 'status':
      return {
        ok: true,
        result: statusOf(
          parts.config,
          parts.place,
          parts.state,
          parts.progress,
          spoolStatus(parts.paths.spool, wallSeconds()),
        ),
      };
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
