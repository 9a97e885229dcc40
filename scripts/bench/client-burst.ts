import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { hostPaths } from '@banshare/runtime';
import { Fault } from '../say.ts';
import { show, type Figure } from './figures.ts';
import type { BenchFleet, Host } from './fleet.ts';
import { BANS, writeList } from './import.ts';
import { residentOf } from './memory.ts';

const LOOK_MS = 50;
/** The client tells the server what became of a burst, and then rests. */
const REST_MS = 10_000;
/** A client that is slower misses its goal by far. */
const MOST_MS = 60_000;

/**
 * What 100,000 bans cost a host that has them already, and a live burst of as many again by `import`: how many are recorded in a
 * second of the client's processor time, how fast that is beside the import, and how long `banshare-client status` takes.
 */
export async function measureClientBurst(fleet: BenchFleet, host: Host): Promise<Figure[]> {
  const pid = host.client?.pid ?? 0;
  await wait(REST_MS);
  const [before, busyBefore] = [residentOf(pid), processorSeconds(pid)];
  const list = join(fleet.folder, 'burst.csv');
  writeList(list, BANS);
  const words = ['--root', join(fleet.folder, 'server'), 'import', list];
  const began = performance.now();
  const importing = spawn(join(fleet.bin, 'banshare-server'), words, { stdio: 'ignore' });
  const imported = once(importing, 'exit').then(() => (performance.now() - began) / 1000);
  const { seconds, asked } = await recorded(fleet, host);
  const busy = processorSeconds(pid) - busyBefore;
  const importSeconds = await imported;
  await wait(REST_MS);
  const raw = `${show(seconds, 's')} from the first to the last, ${show(busy, 's')} of processor time : ${show(importSeconds, 's')} for the import`;
  const grown = `${show(residentOf(pid), 'MB')} after a burst of as many again`;
  return [
    { name: `client with ${BANS} bans`, value: before, unit: 'MB', bound: 'most', goal: 150, raw: grown },
    { name: 'recorded in a busy second', value: BANS / busy, unit: '/s', bound: 'least', goal: 10_000, raw },
    { name: 'recording : import', value: seconds / importSeconds, unit: '×', bound: 'most', goal: 1.2, raw },
    {
      name: 'status during a burst',
      value: Math.max(...asked),
      unit: 's',
      bound: 'most',
      goal: 1,
      raw: `the slowest of ${asked.length}, as processes`,
    },
  ];
}

/** Seconds from the first of the burst's events that the client has recorded to the last, and those that `status` took. */
async function recorded(fleet: BenchFleet, host: Host): Promise<{ seconds: number; asked: number[] }> {
  const database = new DatabaseSync(join(hostPaths(host.root).clientState, 'state.db'), { readOnly: true });
  const position = database.prepare(
    "SELECT json_extract(value, '$.seq') AS seq FROM meta WHERE name = 'position'",
  );
  const seqNow = (): number => Number(position.get()?.['seq']);
  const [first, start] = [seqNow(), performance.now()];
  const asked: number[] = [];
  try {
    let began: number | undefined;
    for (let seq = first; seq < first + BANS; seq = seqNow()) {
      if (seq > first) began ??= performance.now();
      if (performance.now() - start > MOST_MS)
        throw new Fault(`a client has recorded only ${seq - first} of ${BANS} bans`);
      if (began !== undefined && asked.length < 3) asked.push(statusSeconds(fleet, host));
      await wait(LOOK_MS);
    }
    return { seconds: (performance.now() - (began ?? start)) / 1000, asked };
  } finally {
    database.close();
  }
}

function statusSeconds(fleet: BenchFleet, { root }: Host): number {
  const began = performance.now();
  spawnSync(join(fleet.bin, 'banshare-client'), ['--root', root, 'status'], { stdio: 'ignore' });
  return (performance.now() - began) / 1000;
}

/** Of all its threads, to a hundredth. */
function processorSeconds(pid: number): number {
  const words = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(words[11]) + Number(words[12])) / 100;
}
