import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { HostName } from '@banshare/protocol';
import type { HostKey } from '@banshare/transport';
import type { Program } from '../demo/program.ts';
import { Fault } from '../say.ts';
import { Postgres } from '../../test/fleet/database/postgres.ts';
import { untilAnswered } from '../../test/fleet/within.ts';
import { measureDeeds } from './deeds.ts';
import { median, quantile, show, type Figure } from './figures.ts';
import type { BenchFleet, Host } from './load/fleet.ts';
import { Commands, connect, reportOf } from './latency.ts';
import { load, type Target } from './throughput.ts';

const ROUNDS = 3;
const ALONE = 100;
const FOLLOWED = 150;
const WARM_UP = 10;
/** The server on SQLite, and two on one PostgreSQL, on the same ports. */
const ADDRESSES = { sqlite: '127.0.0.1', a: '127.0.0.2', b: '127.0.0.3' } as const;
/** After so long a reporter asks the next server as well. */
const PATIENCE_MS = 400;

type Reporter = Host & { key: HostKey };

/** What was answered in a second, and after how many milliseconds each report. */
type Answered = { perSecond: number[]; answeredMs: number[] };

/** Servers that share a ledger in a PostgreSQL with a synchronous standby, beside one that has it in SQLite, in the same run. */
export async function measureServers(
  fleet: BenchFleet,
  say: (what: string) => void,
): Promise<readonly Figure[]> {
  await using postgres = await Postgres.start({ isQuick: false });
  await using standby = await postgres.standby('second');
  postgres.set({ synchronous_standby_names: 'second' });
  say(`PostgreSQL and its standby at the ports ${postgres.port} and ${standby.port}`);
  await fleet.startServer();
  const reporter = await fleet.enrolReporter('reporter');
  const hosts = [await fleet.startHost('at-a', ''), await fleet.startHost('at-b', '')] as const;
  await fleet.stopClients();
  await fleet.server?.stop();
  await moveLedger(fleet, postgres);
  const start = (name: 'a' | 'b'): Promise<Program> =>
    fleet.serve(
      name,
      `[listen]\naddress = "${ADDRESSES[name]}"\n[ledger]\nlog = "${postgres.url}?sslmode=disable"\n`,
    );
  await fleet.serve('server', `[listen]\naddress = "${ADDRESSES.sqlite}"\n`);
  await start('a');

  say('one report after the other');
  const alone = await measureAlone(fleet, reporter);
  say('a hundred senders at one server');
  const targets = targetsOf(fleet, reporter);
  const one = await inTurns([targets.sqlite], [targets.a], 0);
  say('a hundred senders at two servers');
  await start('b');
  const two = await inTurns([targets.sqlite], [targets.a, targets.b], ROUNDS);
  say('from deeds at one server to the ports of the other');
  const deeds = await measureDeeds(fleet, ADDRESSES);
  say('from one server to hosts of both');
  return [
    ...figuresOf(one, 'one server'),
    ...figuresOf(two, 'two servers'),
    alone,
    deeds,
    await measureFollowing(fleet, reporter, hosts),
  ];
}

/** Lays a copy of the first server that has moved its ledger to PostgreSQL, and another with its keys that begins with what it put there. */
async function moveLedger(fleet: BenchFleet, { url }: Postgres): Promise<void> {
  fleet.layServer('a', 'server');
  const moving = await fleet.serve('a', `[listen]\naddress = "${ADDRESSES.a}"\n`);
  const moved = fleet.command('a', 'ledger', 'move', url);
  if (moved.status !== 0) throw new Fault(`The ledger could not be moved: ${moved.stdout}${moved.stderr}`);
  // The server starts again by itself.
  const isBack = async (): Promise<true | undefined> =>
    fleet.command('a', 'status', '--json').stdout === '' ? undefined : true;
  await untilAnswered(isBack, 20_000, () => 'the server that has moved its ledger');
  await moving.stop();
  fleet.layServer('b', 'a', /\.sock$|ledger\.db/);
}

function targetsOf({ fleet }: BenchFleet, reporter: Reporter): Record<keyof typeof ADDRESSES, Target> {
  const { reportPort, serverPublicKey: serverKey } = fleet;
  const to = (address: string): Target => ({
    key: reporter.key,
    name: reporter.name as HostName,
    serverKey,
    isByMac: true,
    endpoint: `tcp://${address}:${reportPort}`,
  });
  return { sqlite: to(ADDRESSES.sqlite), a: to(ADDRESSES.a), b: to(ADDRESSES.b) };
}

type Targets = readonly [Target, ...Target[]];
type Beside = { sqlite: Answered; shared: Answered };

/** The one and the other in turns, so that what else the machine does falls on both; no round reports what an earlier one did. */
async function inTurns(sqlite: Targets, shared: Targets, firstRound: number): Promise<Beside> {
  const found: Beside = {
    sqlite: { perSecond: [], answeredMs: [] },
    shared: { perSecond: [], answeredMs: [] },
  };
  for (let round = firstRound; round < firstRound + ROUNDS; round += 1) {
    await add(found.sqlite, sqlite, round);
    await add(found.shared, shared, round);
  }
  return found;
}

async function add(to: Answered, targets: Targets, round: number): Promise<void> {
  const { perSecond, answeredMs } = await load(targets, round);
  to.perSecond.push(perSecond);
  to.answeredMs.push(...answeredMs);
}

function figuresOf({ sqlite, shared }: Beside, who: string): Figure[] {
  const [s, p] = [median(sqlite.perSecond), median(shared.perSecond)];
  const rounds = shared.perSecond.map(Math.round).join(', ');
  return [
    {
      name: `reports of 100 senders, ${who} on PostgreSQL : SQLite`,
      value: p / s,
      unit: '×',
      bound: 'least',
      goal: 0.5,
      raw: `${show(p, '/s')} : ${show(s, '/s')}, medians (${rounds} : ${sqlite.perSecond.map(Math.round).join(', ')})`,
    },
    {
      name: `answer to one of 100 senders, ${who} on PostgreSQL, p99`,
      value: quantile(shared.answeredMs, 0.99),
      unit: 'ms',
      bound: 'most',
      goal: PATIENCE_MS,
      raw: `p50 ${show(median(shared.answeredMs), 'ms')}; SQLite ${ends(sqlite.answeredMs)}`,
    },
  ];
}

function ends(samples: readonly number[]): string {
  return `p50 ${show(median(samples), 'ms')}, p99 ${show(quantile(samples, 0.99), 'ms')}`;
}

/** The time to the answer where nobody else reports: on PostgreSQL two disks have it by then. */
async function measureAlone(fleet: BenchFleet, reporter: Reporter): Promise<Figure> {
  const times = { sqlite: [] as number[], a: [] as number[] };
  const sockets = { sqlite: socketTo(fleet, reporter, 'sqlite'), a: socketTo(fleet, reporter, 'a') };
  try {
    for (let round = -WARM_UP; round < ALONE; round += 1) {
      for (const name of ['sqlite', 'a'] as const) {
        const began = performance.now();
        await ask(
          sockets[name],
          reportOf(`46.0.0.${round + WARM_UP}`, reporter, fleet.fleet.serverPublicKey),
        );
        if (round >= 0) times[name].push(performance.now() - began);
      }
    }
  } finally {
    for (const socket of Object.values(sockets)) socket.close();
  }
  return {
    name: 'one report alone, PostgreSQL beyond SQLite',
    value: median(times.a) - median(times.sqlite),
    unit: 'ms',
    bound: 'most',
    goal: 10,
    raw: `${ends(times.a)} : ${ends(times.sqlite)}`,
  };
}

/** From a report at one server to the command at a host of the other, against a host of its own. */
async function measureFollowing(
  fleet: BenchFleet,
  reporter: Reporter,
  [atA, atB]: readonly [Host, Host],
): Promise<Figure> {
  const [ownHost, otherHost] = [await commandsAt(fleet, atA, 'a'), await commandsAt(fleet, atB, 'b')];
  const socket = socketTo(fleet, reporter, 'a');
  const times = { own: [] as number[], other: [] as number[] };
  try {
    for (let round = -WARM_UP; round < FOLLOWED; round += 1) {
      const ip = `46.0.1.${round + WARM_UP}`;
      const both = Promise.all([ownHost.ranEverywhere(ip), otherHost.ranEverywhere(ip)]);
      const began = performance.now();
      await ask(socket, reportOf(ip, reporter, fleet.fleet.serverPublicKey));
      const [own, other] = await both;
      if (round < 0) continue;
      times.own.push(own - began);
      times.other.push(other - began);
    }
  } finally {
    socket.close();
    for (const commands of [ownHost, otherHost]) commands.close();
  }
  return {
    name: 'applied at a host of the other server, beyond one of its own, p50',
    value: median(times.other) - median(times.own),
    unit: 'ms',
    bound: 'most',
    goal: 5,
    raw: `${ends(times.other)} : ${ends(times.own)}, ${FOLLOWED} reports`,
  };
}

/** Starts a host again at one of the servers, and says when its commands run. */
async function commandsAt(fleet: BenchFleet, host: Host, name: 'a' | 'b'): Promise<Commands> {
  const folder = join(fleet.folder, `commands-${name}`);
  mkdirSync(folder);
  const commands = new Commands(folder, 1);
  const apply = `[apply]\ncommand = "${commands.words.join(' ')} SRCIP"\n`;
  await fleet.restart(host, `server = "${ADDRESSES[name]}"\n${apply}`);
  return commands;
}

function socketTo({ fleet }: BenchFleet, reporter: Reporter, name: keyof typeof ADDRESSES): Socket {
  const { reportPort, serverPublicKey } = fleet;
  return connect(`tcp://${ADDRESSES[name]}:${reportPort}`, serverPublicKey, reporter.key.curve);
}

type Socket = ReturnType<typeof connect>;

async function ask(socket: Socket, { subject, body, signature }: ReturnType<typeof reportOf>): Promise<void> {
  await socket.send([subject, body, signature]);
  const [status, answer] = await socket.receive();
  if (String(status) !== 'OK') throw new Fault(`A report was answered ${String(status)} ${String(answer)}`);
}
