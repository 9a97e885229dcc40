import type { Position } from '@banshare/protocol';

/** Where the daemon stands with its server, for `banshare-client status`. */
export type Phase = 'starting' | 'enrolling' | 'connecting' | 'in-step' | 'lagging' | 'refused';

export class Progress {
  phase: Phase = 'starting';
  /** What stands in the way at the moment; empty when nothing does. */
  trouble = '';
  name = '';
  position: Position | undefined;
  /** Monotonic seconds of the last word from the server. */
  heardAt: number | undefined;
  /** Seconds that this host's clock is ahead of the server's. */
  clockAhead = 0;
}
