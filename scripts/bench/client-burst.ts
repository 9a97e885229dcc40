import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { hostPaths } from '@banshare/runtime';
import { Fault } from '../say.ts';
import { show, type Figure } from './figures.ts';
import type { BenchFleet, Host } from './load/fleet.ts';
import { BANS, writeList } from './import.ts';
import { residentOf } from './memory.ts';
import { processorSeconds } from './load/processor-time.ts';

const LOOK_MS = 50;
/** For so long a client rests that has carried out everything and told the server of it. */
const REST_MS = 5000;
/** A client that is slower misses its goal by far. */
const MOST_MS = 60_000;
/** How often each command is asked for during a burst. */
const ASKED = 3;
/** In place on the host that is full: half of what a burst brings. */
const MAX_ACTIVE = BANS / 2;

/** What a burst was to a client: seconds from the first to the last that it recorded, of its processor, and of each command. */
type Burst = { wall: number; busy: number; imported: number; asked: Map<string, number[]> };

/**
 * What 100,000 bans cost a host that has them already, and live bursts of as many again by `import`: how many are recorded in a
 * second, how long the local commands take meanwhile, and the same of a host that is full. What comes of that is a figure a second,
 * and no share of the import's time as it once was: the import is the server's own work, at the same time on the same
 * processors, so that each improvement of the server made the client's figure worse. What a client must keep up with is what
 * the fleet may bring, and that is the goal.
 */
export async function measureClientBurst(fleet: BenchFleet, host: Host): Promise<Figure[]> {
  await isAtRest(host);
  const before = residentOf(pidOf(host));
  const open = await burst(fleet, host, BANS, ['status']);
  await isAtRest(host);
  const raw = `${show(residentOf(pidOf(host)), 'MB')} after a burst of as many again`;
  const paused = await burst(fleet, host, 2 * BANS, ['pause', 'resume']);
  await fleet.restart(host, toml(MAX_ACTIVE));
  await isFull(host);
  const full = await burst(fleet, host, 3 * BANS, ['status']);
  return [
    { name: `client with ${BANS} bans`, value: before, unit: 'MB', bound: 'most', goal: 150, raw },
    ...rates('a burst', open),
    slowest('status during a burst', open, 'status'),
    slowest('pause during a burst', paused, 'pause'),
    slowest('resume during a burst', paused, 'resume'),
    ...rates('a burst, full host', full),
    slowest('status during a burst, full host', full, 'status'),
  ];
}

/** The client.toml of the host that is measured: what enforcers cost is no part of these figures. */
export function toml(maxActive: number): string {
  return `[apply]\nenforcer = "none"\nmax-active = ${maxActive}\n[log]\nlevel = "error"\n`;
}

function rates(when: string, { wall, busy, imported }: Burst): Figure[] {
  const common = { unit: '/s', bound: 'least', goal: 10_000 } as const;
  const raw = `${show(wall, 's')} from the first to the last, ${show(busy, 's')} of processor time; the import took ${show(imported, 's')} beside it`;
  return [
    { name: `recorded a second of the clock, ${when}`, value: BANS / wall, ...common, raw },
    { name: `recorded a second of processor, ${when}`, value: BANS / busy, ...common, raw },
  ];
}

function slowest(name: string, { asked }: Burst, command: string): Figure {
  const all = asked.get(command) ?? [];
  const raw = `the slowest of ${all.length}, as processes`;
  return { name, value: Math.max(...all), unit: 'ms', bound: 'most', goal: 1000, raw };
}

/** Imports 100,000 bans, the n-th of all and those behind it, and asks the client meanwhile in turns. */
async function burst(
  fleet: BenchFleet,
  host: Host,
  first: number,
  commands: readonly string[],
): Promise<Burst> {
  const list = join(fleet.folder, 'burst.csv');
  writeList(list, first);
  const busyBefore = processorSeconds([pidOf(host)]);
  const words = ['--root', join(fleet.folder, 'server'), 'import', list];
  const began = performance.now();
  const importing = spawn(join(fleet.bin, 'banshare-server'), words, { stdio: 'ignore' });
  const imported = once(importing, 'exit').then(() => (performance.now() - began) / 1000);
  const { wall, asked } = await recorded(fleet, host, commands);
  const busy = processorSeconds([pidOf(host)]) - busyBefore;
  return { wall, busy, imported: await imported, asked };
}

/** Seconds from the first of the burst's events that the client has recorded to the last, and milliseconds of each command. */
async function recorded(
  fleet: BenchFleet,
  host: Host,
  commands: readonly string[],
): Promise<Pick<Burst, 'wall' | 'asked'>> {
  using state = stateOf(host);
  const [first, start] = [state.seq(), performance.now()];
  const asked = new Map<string, number[]>(commands.map((command) => [command, []]));
  let began: number | undefined;
  let asking: Promise<void> | undefined;
  for (let seq = first; seq < first + BANS; seq = state.seq()) {
    if (seq > first) began ??= performance.now();
    if (performance.now() - start > MOST_MS)
      throw new Fault(`a client has recorded only ${seq - first} of ${BANS} bans`);
    if (began !== undefined) asking ??= ask(fleet, host, commands, asked);
    await wait(LOOK_MS);
  }
  const wall = (performance.now() - (began ?? start)) / 1000;
  await asking;
  return { wall, asked };
}

async function ask(
  fleet: BenchFleet,
  { root }: Host,
  commands: readonly string[],
  asked: ReadonlyMap<string, number[]>,
): Promise<void> {
  for (let round = 0; round < ASKED; round += 1) {
    for (const command of commands) {
      const began = performance.now();
      const words = ['--root', root, command];
      await once(spawn(join(fleet.bin, 'banshare-client'), words, { stdio: 'ignore' }), 'exit');
      asked.get(command)?.push(performance.now() - began);
    }
  }
}

/** Waits until no more is in place than a host that is full has. */
async function isFull(host: Host): Promise<void> {
  using state = stateOf(host);
  await until(
    () => state.inPlace() <= MAX_ACTIVE,
    () => `a client that has ${MAX_ACTIVE} bans at most still has ${state.inPlace()}`,
  );
}

/** Waits until nothing is under way: a client that still has work of before would be measured with that. */
async function isAtRest(host: Host): Promise<void> {
  using state = stateOf(host);
  await until(
    () => state.underWay() === 0,
    () => `a client still has ${state.underWay()} bans to carry out or to tell of`,
  );
  await wait(REST_MS);
}

/** @throws Fault where that does not come to be in time. */
async function until(isSo: () => boolean, saysWhatIs: () => string): Promise<void> {
  for (const start = performance.now(); !isSo(); await wait(LOOK_MS))
    if (performance.now() - start > MOST_MS) throw new Fault(saysWhatIs());
}

function stateOf({ root }: Host): Record<'seq' | 'inPlace' | 'underWay', () => number> & Disposable {
  const database = new DatabaseSync(join(hostPaths(root).clientState, 'state.db'), { readOnly: true });
  const position = database.prepare(
    "SELECT json_extract(value, '$.seq') AS n FROM meta WHERE name = 'position'",
  );
  const inPlace = database.prepare("SELECT count(*) AS n FROM bans WHERE status <> 'skipped'");
  const underWay = database.prepare(
    "SELECT (SELECT count(*) FROM bans WHERE status IN ('pending', 'lifting')) + (SELECT count(*) FROM outbox) AS n",
  );
  return {
    seq: () => Number(position.get()?.['n']),
    inPlace: () => Number(inPlace.get()?.['n']),
    underWay: () => Number(underWay.get()?.['n']),
    [Symbol.dispose]: () => database.close(),
  };
}

function pidOf({ client }: Host): number {
  return client?.pid ?? 0;
}
