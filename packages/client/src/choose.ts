import { specialRange, type Event, type HostName, type JailName } from '@banshare/protocol';

/** What this host takes over, from client.toml; '*' stands for all. */
export type Choice = {
  ownName: HostName;
  ownReports: boolean;
  jails: readonly string[];
  progs: readonly string[];
  /** The local jail of `PROG/JAIL`, `JAIL` or `*`. */
  localJails: ReadonlyMap<string, string>;
};

export type Chosen = { apply: true; localJail: JailName } | { apply: false; reason: string };

/**
 * Decides whether a ban is applied on this host, and in which jail. The server is trusted for who may speak, not for what may
 * be banned here: special ranges are refused again. now is epoch seconds by the server's clock.
 */
export function choose(event: Event, choice: Choice, now: number): Chosen {
  const range = specialRange(event.ip);
  if (range !== undefined) return skip(`never-ban: ${range}`);
  if (event.until !== null && event.until <= now) return skip('expired');
  if (event.host === choice.ownName && !choice.ownReports) return skip('own');
  if (!covers(choice.jails, event.jail)) return skip(`jail ${event.jail} is not followed`);
  if (!covers(choice.progs, event.prog)) return skip(`prog ${event.prog} is not followed`);
  return { apply: true, localJail: localJailOf(event, choice.localJails) };
}

function localJailOf(event: Event, localJails: Choice['localJails']): JailName {
  for (const key of [`${event.prog}/${event.jail}`, event.jail, '*']) {
    const mapped = localJails.get(key);
    if (mapped !== undefined) return mapped as JailName;
  }
  return event.jail;
}

function covers(list: readonly string[], name: string): boolean {
  return list.includes('*') || list.includes(name);
}

function skip(reason: string): Chosen {
  return { apply: false, reason };
}
