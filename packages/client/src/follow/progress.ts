import type { Position } from '@banshare/protocol';

/** Where the daemon stands with its server, for `banshare-client status`. */
export type Phase = 'starting' | 'enrolling' | 'connecting' | 'in-step' | 'lagging' | 'refused';

export class Progress {
  phase: Phase = 'starting';
  /** What stands in the way at the moment; empty when nothing does. */
  trouble = '';
  name = '';
  /** Which server this host follows, and since when, epoch seconds; undefined before the first. */
  follows: { server: string; since: number } | undefined;
  /** The server in use has said that its database is away. */
  isStale = false;
  position: Position | undefined;
  /** Monotonic seconds of the last word from the server. */
  heardAt: number | undefined;
  /** Seconds that this host's clock is ahead of the server's. */
  clockAhead = 0;
}
