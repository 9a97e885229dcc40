import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, rmSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import {
  assertInTime,
  Folder,
  makeId,
  startFleet,
  untilAnswered,
  type Fleet,
  type FleetServer,
  type Peer,
} from '../fleet/index.ts';
import { Patroni, patroniSkip, type MachineAddress } from '../fleet/database/patroni.ts';
import { reportOf } from '../../packages/server/test/reports.ts';
import { isLong } from './chance.ts';
import { ip, isInside, ownNetworkSkip, runInOwnNetwork } from './own-network.ts';
import { Network } from './surroundings.ts';

// Two servers on one ledger, whose database is three machines below Patroni, strict, each in a network of its own and with a member of etcd:
// what takes the primary away takes one of three of these too.
const MACHINES = ['one', 'two', 'three'];
const HUB = '10.9.0.254';
/** Nobody answers reports for no longer than this when the primary is gone: its lease is 20 s. */
const MOST_GAP_MS = 35_000;
/** Reports that waited on their hosts are in the ledger so long after the database can be written. */
const MOST_SPOOLED_MS = 60_000;
const FROZEN_MS = 40_000;
/** A machine that was rewound copies what it lacks first, and all three share this one's processors. */
const MOST_RESTORED_MS = 90_000;
/** The reporters of the test, beside the hosts whose client and spool are real. */
const PEERS = 4;
const BETWEEN_MS = 200;

const NAME = `the primary of the database is taken away${isLong ? ' in six ways' : ''}`;

const skip = patroniSkip();
let patroni: Patroni;
let fleet: Fleet;
let twin: FleetServer;
const networks = new Map<string, Network>();
const ends = new AsyncDisposableStack();

if (!isInside) {
  const without = skip || ownNetworkSkip('nsenter', 'ps');
  if (without === false) runInOwnNetwork(NAME, import.meta.filename);
  else test(NAME, { skip: without }, () => undefined);
} else {
  before(start);
  after(() => ends.disposeAsync());
  if (isLong) {
    test('the primary is killed: nothing that was answered is lost', killed);
    test('the primary is frozen for 40 s and thawed: nothing that was answered is lost', frozen);
    test(
      'the primary hangs in the middle of its loop, and Patroni gives it the lead back: both servers stop, and all that was answered comes back',
      hung,
    );
    test(
      'the same where each machine has a watchdog, as installers/patroni advises: the one that hangs is reset before another leads, nobody has to type anything, and nothing that was answered is lost',
      watched,
    );
    test('the standby is stalled before the primary is killed: nothing that was answered is lost', stalled);
  }
  test('the primary is cut off by its packet filter: nothing that was answered is lost', cutOff);
}

async function start(): Promise<void> {
  ip('link add br0 type bridge', `addr add ${HUB}/24 dev br0`, 'link set br0 up');
  const machines: Record<string, MachineAddress> = {};
  for (const [index, name] of MACHINES.entries()) {
    const network = ends.use(await Network.open());
    const address = `10.9.0.${index + 1}`;
    network.plug('br0', `p-${name}`, `${address}/24`);
    networks.set(name, network);
    machines[name] = { address, through: network.inside.through };
  }
  patroni = ends.use(await Patroni.start(MACHINES, machines));
  fleet = ends.use(await startFleet({ servers: ['127.0.0.1', '127.0.0.2'] }));
  await fleet.addReporter('h1');
  twin = await fleet.addTwin();
  await share();
  await fleet.layHost('h1').start();
}

/** Moves the ledger of the first server into the log, and has the other begin with the snapshot. */
async function share(): Promise<void> {
  const url = `${patroni.url}?sslmode=disable`;
  const folder = ends.use(new Folder());
  const password = join(folder.path, 'password');
  copyFileSync(patroni.passwordFile, password);
  const { server } = fleet;
  await server.says('ledger', 'move', url, '--password-file', password);
  const isBack = async (): Promise<true | undefined> =>
    (await server.command('status', '--json')).stdout === '' ? undefined : true;
  await untilAnswered(isBack, 30_000, () => 'the server that has moved its ledger');
  await twin.stop();
  for (const suffix of ['', '-wal', '-shm']) rmSync(twin.paths.ledger + suffix, { force: true });
  cpSync(server.paths.ledgerSecret, twin.paths.ledgerSecret);
  const toml = `[ledger]\nlog = "${url}"\npassword-file = "${password}"\n`;
  for (const each of [server, twin]) await each.restart(toml);
}

/** Reports without an end at both servers, and by a host with a spool, until it is told to stop. */
type Status = { shared: { aheadBy: number | null } };

class Load {
  /** What was answered OK, or is safely in the spool. */
  readonly sent: string[] = [];
  /** What a server has answered OK itself. */
  readonly answered: string[] = [];
  readonly #first: number;
  #isOver = false;
  #longestMs = 0;
  #last = performance.now();
  readonly #running: Promise<unknown>;

  constructor(first: number, peers: readonly Peer[]) {
    this.#first = first;
    this.#running = Promise.all([...peers.map((peer, index) => this.#ask(peer, index)), this.#spool()]);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  /** For how long nobody was answered OK, at most; milliseconds. */
  get longestMs(): number {
    return Math.max(this.#longestMs, performance.now() - this.#last);
  }

  /** Each report until it is answered OK, by the same id, as a reporter with a spool does; the last ones may have no answer when it is told to stop. */
  async #ask(peer: Peer, index: number): Promise<void> {
    for (let run = 0; !this.#isOver; run += 1) {
      const address = `45.${this.#first + index}.${run >> 8}.${run & 255}`;
      const id = makeId();
      for (let isOk = false; !isOk;) {
        if (this.#isOver) return;
        const answer = await peer.ask(reportOf(peer, address, 'sshd', 86_400), { id });
        isOk = answer.ok && answer.reply.status === 'OK';
        assert.ok(isOk || !answer.ok || answer.reply.status === 'RETRY', JSON.stringify(answer));
        await pause(BETWEEN_MS);
      }
      this.#answered(address);
    }
  }

  #answered(address: string): void {
    const now = performance.now();
    this.#longestMs = Math.max(this.#longestMs, now - this.#last);
    this.#last = now;
    this.sent.push(address);
    this.answered.push(address);
  }

  async #spool(): Promise<void> {
    for (let run = 0; !this.#isOver; run += 1) {
      const address = `46.${this.#first}.${run >> 8}.${run & 255}`;
      const { code, stderr } = await fleet.report('h1', ['fail2ban', 'sshd', address]);
      assert.equal(code, 0, stderr);
      this.sent.push(address);
      await pause(1000);
    }
  }
}

const peers: Peer[] = [];
/** Half of them speak to each server. */
async function peersOf(): Promise<readonly Peer[]> {
  for (let n = peers.length; n < PEERS; n += 1) {
    const peer = await fleet.peer(`p${n}`);
    const there = peer.at({ keys: fleet.keys, ports: () => twin.ports, address: twin.address });
    ends.defer(() => there.leave());
    peers.push(n % 2 === 0 ? peer : there);
  }
  return peers;
}

/** Does something to the primary under load, waits until the database can be written again, and looks for what was lost. */
async function underLoad(
  t: TestContext,
  first: number,
  deed: (primary: string) => Promise<() => Promise<void> | void>,
): Promise<{ hadToBeRestored: boolean }> {
  await patroni.untilWhole();
  const load = new Load(first, await peersOf());
  let isWhole = false;
  try {
    const enough = async (): Promise<true | undefined> => (load.sent.length > 40 ? true : undefined);
    await untilAnswered(enough, 30_000, () => 'some reports');
    const before = await patroni.untilWritable();
    const repair = await deed(before);
    await patroni.untilAnother(before);
    const many = load.sent.length;
    const goesOn = async (): Promise<true | undefined> => (load.sent.length > many + 20 ? true : undefined);
    await untilAnswered(goesOn, 60_000, () => 'reports at the new primary');
    await repair();
    isWhole = await isWholeAgain();
  } catch (cause) {
    throw new Error(await whatIsSaid(), { cause });
  } finally {
    await load.end();
  }
  const hadToBeRestored = isWhole ? await bringBack(t) : 'never';
  if (hadToBeRestored === 'never') {
    await assertKept(load);
    t.skip('the database confirms nothing any more, of anybody');
    return { hadToBeRestored: true };
  }
  const writable = performance.now();
  await untilAnswered(spoolIsEmpty, MOST_SPOOLED_MS, () => 'an empty spool').catch(async (cause: unknown) => {
    throw new Error(await whatIsSaid(), { cause });
  });
  const emptiedMs = performance.now() - writable;
  for (const server of [fleet.server, twin]) {
    const ledger = new Set(await ledgerOf(server));
    const lost = load.sent.filter((address) => !ledger.has(address));
    assert.deepEqual(lost, [], `${lost.length} of ${load.sent.length} at ${server.address}`);
  }
  const gap = Math.round(load.longestMs / 100) / 10;
  t.diagnostic(
    `${load.sent.length} sent, lost 0; longest gap ${gap} s; spool empty after ${Math.round(emptiedMs / 1000)} s`,
  );
  await assertInTime(load.longestMs, MOST_GAP_MS);
  return { hadToBeRestored };
}

/**
 * Whether all machines follow the primary once it is mended. Where one that was cut off takes the lead back, by what its own member of etcd still
 * says of it, its successors follow it no more, and it confirms nothing without them (seen with Patroni 3.0.2 on a busy machine).
 */
async function isWholeAgain(): Promise<boolean> {
  try {
    await patroni.untilWhole();
    return true;
  } catch (cause) {
    if (await patroni.confirms()) throw cause;
    return false;
  }
}

/** What was answered is in the ledger of a server, whatever has become of the database. */
async function assertKept(load: Load): Promise<void> {
  const kept = new Set((await Promise.all([fleet.server, twin].map(ledgerOf))).flat());
  assert.deepEqual(
    load.answered.filter((address) => !kept.has(address)),
    [],
  );
}

/**
 * Patroni 3.0.2 with etcd's version 3 takes the lead back for a machine that hung between its look at who leads and its own word, and throws away
 * what the one in between has acknowledged: without a watchdog, as here, nothing resets that machine. Then both servers have to have stopped, with
 * all of it, and what an operator is told to type has to bring it back. What was under way when it hung was answered by nobody, and may be there.
 */
async function bringBack(t: TestContext): Promise<boolean | 'never'> {
  const servers = [fleet.server, twin];
  const ahead = await Promise.all(
    servers.map(async (server) => (await server.json<Status>('status')).shared.aheadBy),
  );
  if (ahead.every((by) => by === null)) return false;
  t.diagnostic(
    `the database lost what was acknowledged, since a machine that thawed took the lead back: the servers were ahead by ${ahead.join(' and ')}`,
  );
  assert.ok(ahead.every((by) => by !== null));
  const most = Number(ahead[1]) > Number(ahead[0]) ? twin : fleet.server;
  await Promise.all(servers.map((server) => server.stop()));
  // A machine that had to be rewound may not follow yet, and of one this busy nothing may be heard for seconds: it says so, and changes nothing.
  await patroni.untilWhole();
  let why = '';
  const restored = async (): Promise<string | undefined> => {
    const { code, stdout, stderr } = await most.asks('restore', '--from-replica', '--force');
    if (code === 0) return stdout.trim();
    why = stderr;
    assert.match(stderr, /; try again\b|no standby confirms what is written there/);
    return undefined;
  };
  try {
    t.diagnostic(
      await untilAnswered(restored, MOST_RESTORED_MS, () => `a log that begins anew, after: ${why}`),
    );
  } catch (cause) {
    // Seen with three such tests at once: Patroni leaves a primary whose commits no other machine confirms, whoever makes them.
    if (await patroni.confirms()) throw cause;
    return 'never';
  }
  await most.start();
  for (const server of servers) if (server !== most) await server.start();
  return true;
}

/** What the servers and the host have said last, and the database says of itself. */
async function whatIsSaid(): Promise<string> {
  const lines = [fleet.server, twin, fleet.host('h1')].map(({ said }) => said.slice(-12).join('\n'));
  const shared = await Promise.all(
    [fleet.server, twin].map(async (server) => (await server.command('status')).stdout),
  );
  return [...lines, ...shared, patroni.activity()].join('\n--\n');
}

async function spoolIsEmpty(): Promise<true | undefined> {
  const { spool } = fleet.pathsOf('h1');
  return readdirSync(spool).some((file) => file.endsWith('.json')) ? undefined : true;
}

async function ledgerOf(server: FleetServer): Promise<string[]> {
  const { bans } = await server.json<{ bans: { ip: string }[] }>('bans', '--limit', '100000');
  return bans.map(({ ip: address }) => address);
}

async function killed(t: TestContext): Promise<void> {
  await underLoad(t, 80, async (primary) => {
    await patroni.kill(primary);
    return () => patroni.run(primary);
  });
}

async function frozen(t: TestContext): Promise<void> {
  await underLoad(t, 10, async (primary) => {
    patroni.freeze(primary);
    const thawed = pause(FROZEN_MS).then(() => patroni.thaw(primary));
    return () => thawed;
  });
}

async function hung(t: TestContext): Promise<void> {
  await underLoad(t, 100, async (primary) => {
    await patroni.hang(primary);
    const thawed = pause(FROZEN_MS).then(() => patroni.thaw(primary));
    return () => thawed;
  });
}

/** Hangs like hung(), and would thaw as late. */
async function watched(t: TestContext): Promise<void> {
  patroni.watch(true);
  try {
    const { hadToBeRestored } = await underLoad(t, 120, async (primary) => {
      await patroni.hang(primary);
      const thawed = pause(FROZEN_MS).then(() => patroni.thaw(primary));
      return async () => {
        assert.ok(patroni.wasReset(primary));
        await thawed;
        patroni.run(primary);
      };
    });
    assert.equal(hadToBeRestored, false);
  } finally {
    patroni.watch(false);
  }
}

async function stalled(t: TestContext): Promise<void> {
  await underLoad(t, 30, async (primary) => {
    const standby = patroni.standbyOf(primary);
    patroni.freeze(standby, 'postgres');
    const waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' LIMIT 1";
    const isWaiting = async (): Promise<string | undefined> => patroni.sql(primary, waits) || undefined;
    await untilAnswered(isWaiting, 30_000, () => 'a commit that waits for the standby');
    await patroni.kill(primary);
    patroni.thaw(standby);
    return () => patroni.run(primary);
  });
}

async function cutOff(t: TestContext): Promise<void> {
  await underLoad(t, 60, async (primary) => {
    const network = networks.get(primary) ?? assert.fail('it has a network');
    network.drop(['iifname "eth0" drop']);
    return () => network.drop([]);
  });
}
