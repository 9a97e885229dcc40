import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { HostName } from '@banshare/protocol';
import { hostPaths } from '@banshare/runtime';
import type { HostKey } from '@banshare/transport';
import { Program } from '../demo/program.ts';
import { randomPorts } from '../ports.ts';
import { Fault } from '../say.ts';
import { median, quantile, show, type Figure } from './figures.ts';
import type { BenchFleet, Host } from './load/fleet.ts';
import { childrenOf } from './load/processor-time.ts';
import { load } from './throughput.ts';

const ROUNDS = 5;
/** Reports of a sender: some seconds, so that a round shows how it goes on, and not how a program begins. */
const EACH = 201;
/** Networks of rounds that no other bench reports from. */
const FIRST_ROUND = 40;
/** So often a scraper comes, more than people have. */
const SCRAPER_MS = 1000;

/**
 * Reports a second, and after how many milliseconds they are answered, of a server whose page is open in a browser and whose metrics are
 * scraped, in turns with the same server by itself; and what the page weighs.
 */
export async function measureWatched(
  fleet: BenchFleet,
  reporter: Host & { key: HostKey },
): Promise<Figure[]> {
  const { reportPort, serverPublicKey: serverKey } = fleet.fleet;
  const endpoint = `tcp://127.0.0.1:${reportPort}`;
  const target = { endpoint, serverKey, key: reporter.key, name: reporter.name as HostName, isByMac: true };
  // The folder of the page's socket is made by whoever installs, with its group.
  mkdirSync(dirname(hostPaths(join(fleet.folder, 'server')).pageSocket), { recursive: true, mode: 0o700 });
  const alone: number[] = [];
  const watched: number[] = [];
  const answered = { alone: [] as number[], watched: [] as number[] };
  const used = { alone: [] as number[], watched: [] as number[] };
  let weight = NaN;
  for (let round = 0; round < ROUNDS; round += 1) {
    await restartServer(fleet, '');
    const one = await load([target], FIRST_ROUND + 2 * round, { each: EACH, beside: serverOf(fleet) });
    used.alone.push(one.perReport);
    alone.push(one.perSecond);
    answered.alone.push(...one.answeredMs);
    const [page, metrics] = randomPorts([]);
    await restartServer(
      fleet,
      `[web]\nlisten = "127.0.0.1:${page}"\n[metrics]\nlisten = "127.0.0.1:${metrics}"\n`,
    );
    const watching = await watch(fleet, page, metrics);
    const beside = [...serverOf(fleet), watching.pid];
    const other = await load([target], FIRST_ROUND + 2 * round + 1, { each: EACH, beside });
    used.watched.push(other.perReport);
    watched.push(other.perSecond);
    answered.watched.push(...other.answeredMs);
    weight = await watching.end();
  }
  await restartServer(fleet, '');
  return figuresOf({ alone, watched, answered, used, weight });
}

type Rounds = {
  alone: readonly number[];
  watched: readonly number[];
  answered: { alone: readonly number[]; watched: readonly number[] };
  used: { alone: readonly number[]; watched: readonly number[] };
  weight: number;
};

function figuresOf({ alone, watched, answered, used, weight }: Rounds): Figure[] {
  const [w, a] = [median(watched), median(alone)];
  const [wMs, aMs] = [answered.watched, answered.alone].map((each) => quantile(each, 0.5));
  return [
    {
      name: 'reports with page and metrics : without',
      value: w / a,
      unit: '×',
      bound: 'least',
      goal: 0.95,
      raw: `${show(w, '/s')} : ${show(a, '/s')}, medians of ${ROUNDS} rounds in turns (${watched.map(Math.round).join(', ')}); p50 ${show(wMs ?? NaN, 'ms')} : ${show(aMs ?? NaN, 'ms')}`,
    },
    {
      name: 'the same by processor time, less that of the browser',
      value: median(used.alone) / median(used.watched),
      unit: '×',
      bound: 'least',
      goal: 0.95,
      raw: `${Math.round(median(used.alone))} : ${Math.round(median(used.watched))} µs a report of senders, server, page and who serves metrics (${used.alone.map(Math.round).join(', ')} : ${used.watched.map(Math.round).join(', ')})`,
    },
    {
      name: 'the page and its files, gzipped',
      value: weight / 1000,
      unit: 'KB',
      bound: 'most',
      goal: 150,
      raw: 'the first view with style and script',
    },
  ];
}

/** The server and the processes that it has. */
function serverOf({ server }: BenchFleet): number[] {
  const pid = server?.pid ?? 0;
  return [pid, ...childrenOf(pid)];
}

async function restartServer(fleet: BenchFleet, toml: string): Promise<void> {
  await fleet.server?.stop();
  fleet.server = await fleet.serve('server', toml);
}

/** Opens the page as a browser does and scrapes the metrics, until it is ended, which gives the bytes of the page gzipped. */
async function watch(
  fleet: BenchFleet,
  page: number,
  metrics: number,
): Promise<{ pid: number; end: () => Promise<number> }> {
  const root = join(fleet.folder, 'server');
  const web = new Program('the page', join(fleet.bin, 'banshare-server'), ['web', '--root', root]);
  await web.line((line) => line.startsWith('banshare-server web ready'));
  const origin = `http://127.0.0.1:${page}`;
  const Cookie = await logIn(fleet, origin);
  const done = new AbortController();
  const { signal } = done;
  const quietly = (error: unknown): void => {
    if (!signal.aborted) throw error;
  };
  const view = async (): Promise<string> => (await fetch(origin, { headers: { Cookie }, signal })).text();
  const browser = async (): Promise<void> => {
    const live = await fetch(`${origin}/live?view=%2F`, { headers: { Cookie }, signal });
    for await (const _ of live.body ?? []);
  };
  const scraper = async (): Promise<void> => {
    for (;;) {
      await (await fetch(`http://127.0.0.1:${metrics}/metrics`, { signal })).text();
      await setTimeout(SCRAPER_MS, undefined, { signal });
    }
  };
  // A page that has been there for a while has read every ban; one that begins reads them meanwhile, which is not what is measured here.
  const list = async (): Promise<string> =>
    (await fetch(`${origin}/bans`, { headers: { Cookie }, signal })).text();
  while ((await list()).includes('more are being read')) await setTimeout(100);
  const first = await view();
  const files = [...first.matchAll(/(?:href|src)="(\/[^"]+\.(?:css|js|svg)[^"]*)"/g)].map(([, path]) => path);
  const texts = [first];
  for (const path of files) texts.push(await (await fetch(`${origin}${path}`)).text());
  const running = [browser().catch(quietly), scraper().catch(quietly)];
  return {
    pid: web.pid,
    end: async () => {
      done.abort();
      await Promise.all(running);
      await web.stop();
      return texts.reduce((bytes, text) => bytes + gzipSync(text).length, 0);
    },
  };
}

/** Goes in by a link; returns the cookie. */
async function logIn(fleet: BenchFleet, origin: string): Promise<string> {
  const { stdout } = fleet.command('server', 'web', 'link', '--as', 'bench');
  const code = /#(\S+)/.exec(stdout)?.[1];
  if (code === undefined) throw new Fault(`There is no link to the page: ${stdout}`);
  const answer = await fetch(`${origin}/enter`, {
    method: 'POST',
    redirect: 'manual',
    headers: { Origin: origin },
    body: new URLSearchParams({ code }),
  });
  const [cookie] = answer.headers.getSetCookie();
  if (cookie === undefined) throw new Fault(`The page let nobody in: ${answer.status}`);
  return cookie.split(';')[0] ?? '';
}
