import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { BanKey } from '@banshare/protocol';
import { sharedBansFile } from '@banshare/runtime';

/** fail2ban logs a ban some moments after the client began to apply it; one of a batch some seconds after. Seconds. */
const LOGGED_WITHIN = 15;
const CLOCK_SLACK = 2;
const DAY_SECONDS = 86_400;

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
    const [since, until] = [from - LOGGED_WITHIN, to + CLOCK_SLACK];
    const key = `${jail} ${ip}`;
    for (let day = since; ; day = Math.min(day + DAY_SECONDS, until)) {
      const times = this.#read(sharedBansFile(this.#directory, day)).get(key) ?? [];
      if (times.some((time) => time >= since && time <= until)) return true;
      if (day >= until) return false;
    }
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
      const [time = '', jail = '', ip = ''] = line.split(' ');
      if (ip === '') continue;
      const key = `${jail} ${ip}`;
      day.times.set(key, [...(day.times.get(key) ?? []), Number(time)]);
    }
    return day.times;
  }
}
