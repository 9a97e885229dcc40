import type { Reply } from '@banshare/protocol';

/** `not-admitted`: the server does not know our key; `unreachable`: no answer in time; `unreadable`: an answer in no known form. */
export type Answer =
  | { ok: true; reply: Reply }
  | { ok: false; fault: 'not-admitted' | 'unreachable' | 'unreadable'; reason: string };
