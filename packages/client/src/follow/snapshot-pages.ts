import { getHeapStatistics } from 'node:v8';
import type { Event, SyncAnswer, UnknownEvent } from '@banshare/protocol';

type Page = Pick<SyncAnswer & { kind: 'snapshot' }, 'bans' | 'next'>;

/** Measured: a ban takes 460 bytes with usual texts, and 2800 with the longest reason in Cyrillic. */
const [BAN_BYTES, CHARACTER_BYTES] = [250, 2];

/** Two million usual bans, four times what a server publishes unless it was told otherwise. */
const MOST_BYTES = 1024 ** 3;

/**
 * Gathers the pages of a snapshot, of which an honest server has few: it has them in the order of their seq, and an end. One
 * that was taken over may send them for ever, and would fill the memory of a root process by it.
 */
export class SnapshotPages {
  readonly bans: Event[] = [];
  readonly #room: number;
  #bytes = 0;
  #last = 0;

  /** @param room bytes that the bans may take. */
  constructor(room = roomHere()) {
    this.#room = room;
  }

  /** Takes the next page. Returns why the snapshot cannot be taken, if so: then nobody may ask for another page of it. */
  add({ bans, next }: Page): string | undefined {
    const first = bans[0];
    // Empty pages take no room, and would come for ever.
    const goesForward = first === undefined ? next === undefined : first.seq > this.#last;
    if (!goesForward)
      return 'The server answered sync with a page of a snapshot that does not go on behind the one before';
    for (const ban of bans) this.#bytes += bytesOf(ban);
    if (this.#bytes > this.#room)
      return 'The server answered sync with more bans than this process has memory for: see whether it is still yours, and where it is, raise MemoryMax of banshare-client';
    this.#last = bans.at(-1)?.seq ?? this.#last;
    this.bans.push(...bans.filter((ban): ban is Event => ban.kind !== 'unknown'));
    return undefined;
  }
}

/** A third of the heap is left to what is made of the bans: their keys are all held at once while they are written. */
function roomHere(): number {
  return Math.min(MOST_BYTES, (getHeapStatistics().heap_size_limit * 2) / 3);
}

function bytesOf(ban: Event | UnknownEvent): number {
  let characters = 0;
  for (const value of Object.values(ban)) if (typeof value === 'string') characters += value.length;
  return BAN_BYTES + CHARACTER_BYTES * characters;
}
