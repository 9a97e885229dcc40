import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { BanKey } from '@banshare/protocol';
import { parseSharedBan, sharedBansFile, timesOfLogged } from '@banshare/runtime';

/** One day's file, as far as it was read: the times of each ban. */
type Day = { offset: number; times: Map<string, number[]> };

/** What the client of this host put in place and when, as it wrote it down: for who reads fail2ban's log later. */
export class SharedRecord {
  readonly #directory: string;
  readonly #days = new Map<string, Day>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Whether a ban that fail2ban logged between two times (epoch seconds) was banshare's own doing. */
  has({ jail, ip }: BanKey, from: number, to: number): boolean {
    const { since, until, days } = timesOfLogged(from, to);
    const key = `${jail} ${ip}`;
    return days.some((day) => {
      const times = this.#read(sharedBansFile(this.#directory, day)).get(key) ?? [];
      return times.some((time) => time >= since && time <= until);
    });
  }

  #read(path: string): Map<string, number[]> {
    const day = this.#days.get(path) ?? { offset: 0, times: new Map<string, number[]>() };
    let file: number;
    try {
      file = openSync(path, 'r');
    } catch {
      return day.times;
    }
    // An administrator follows today's log: two days are enough to remember.
    if (!this.#days.has(path) && this.#days.size >= 2) this.#days.clear();
    this.#days.set(path, day);
    const bytes = Buffer.alloc(Math.max(0, fstatSync(file).size - day.offset));
    const count = readSync(file, bytes, 0, bytes.length, day.offset);
    closeSync(file);
    const whole = bytes.subarray(0, bytes.subarray(0, count).lastIndexOf(10) + 1);
    day.offset += whole.length;
    for (const line of whole.toString('utf8').split('\n')) {
      const ban = parseSharedBan(line);
      if (ban === undefined) continue;
      const key = `${ban.jail} ${ban.ip}`;
      day.times.set(key, [...(day.times.get(key) ?? []), ban.at]);
    }
    return day.times;
  }
}
