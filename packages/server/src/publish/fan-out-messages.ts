import type { Position } from '@banshare/protocol';
import type { Listening } from '@banshare/transport';

/** What the server tells its fan-out child; `now` is the server's time in epoch seconds. Keys travel over this private pipe, never in arguments or environment. */
export type ToFanOut =
  | { word: 'open'; endpoints: Listening[]; keys: string[]; position: Position; now: number }
  | { word: 'admit'; key: string; ticket: number }
  | { word: 'expel'; key: string }
  | { word: 'close'; domain: string }
  | { word: 'publish'; messages: [subject: string, body: string][]; position: Position };

/** What the child tells the server; `beat` once a second. */
export type FromFanOut =
  | { word: 'opened'; endpoints: string[] }
  | { word: 'failed'; reason: string }
  | { word: 'admitted'; ticket: number }
  | { word: 'beat' };
