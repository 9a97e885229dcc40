import type { Position } from '@banshare/protocol';
import type { Listening } from '@banshare/transport';

/** What the server tells its fan-out child; `now` is the server's time in epoch seconds, `alive` comes once a second. Keys travel over this private pipe, never in arguments or environment. */
export type ToFanOut =
  | { word: 'open'; endpoints: Listening[]; keys: string[]; position: Position; now: number; stale: boolean }
  | { word: 'admit'; key: string; ticket: number }
  | { word: 'expel'; key: string }
  | { word: 'close'; domain: string; ticket: number }
  | { word: 'stale'; stale: boolean }
  | { word: 'alive' }
  | { word: 'publish'; messages: [subject: string, body: string][]; position: Position };

/** What the child tells the server; `beat` once a second. */
export type FromFanOut =
  | { word: 'opened'; endpoints: string[] }
  | { word: 'failed'; reason: string }
  | { word: 'admitted' | 'closed'; ticket: number }
  | { word: 'beat' };
