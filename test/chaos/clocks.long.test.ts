import assert from 'node:assert/strict';
import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fleet, Folder, makeFleetKeys } from '../fleet/index.ts';
import { addressOf, isLong } from './chance.ts';
import { ask, assertConverged, statusOfClient, statusOfServer, until } from './state-of.ts';
import { skipUnless } from './surroundings.ts';

const LIBRARIES = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map(
  (machine) => `/usr/lib/${machine}/faketime/libfaketime.so.1`,
);
const library = LIBRARIES.find((path) => existsSync(path));
const skip = skipUnless('faketime') || (library === undefined ? 'needs libfaketime' : false);

const HOUR = 3600;
const TEN_YEARS = 10 * 365 * 86_400;
const JUMPS = isLong ? [HOUR, TEN_YEARS, -HOUR, -TEN_YEARS] : [HOUR, TEN_YEARS];

/** A wall clock that a test sets for the programs which run under it; their monotonic clock goes on. */
class FakeClock {
  readonly #file: string;
  #sets = 0;

  constructor(folder: string, name: string) {
    this.#file = join(folder, name);
    this.set(0);
  }

  get env(): NodeJS.ProcessEnv {
    return {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      DONT_FAKE_MONOTONIC: '1',
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_RESET: '1',
    };
  }

  /** Seconds ahead of the real time. */
  set(seconds: number): void {
    writeFileSync(this.#file, `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}s\n`);
    this.#sets += 1;
    utimesSync(this.#file, this.#sets, this.#sets);
  }
}

test(
  'Clocks that jump on server, client or reporter end no ban and lose none, and status names them',
  { skip },
  async (t) => {
    using folder = new Folder();
    const clocks = new Map(
      ['server', 'client', 'reporter'].map((name) => [name, new FakeClock(folder.path, name)]),
    );
    const clock = (name: string): FakeClock => clocks.get(name) as FakeClock;
    await using fleet = new Fleet(await makeFleetKeys());
    const { server } = fleet;
    await server.start({ env: clock('server').env });
    const host = fleet.layHost('h1');
    await host.start({ env: clock('client').env });
    await fleet.addReporter('r');
    let reported = 0;
    const report = async (): Promise<void> => {
      const words = ['--duration', '30m', 'fail2ban', 'sshd', addressOf(reported)];
      const { code, stderr } = await fleet.report('r', words, { env: clock('reporter').env });
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, /spool/);
      reported += 1;
    };
    const assertAllHold = async (when: string): Promise<void> => {
      assert.equal((await assertConverged(fleet)).length, reported, when);
      assert.deepEqual(
        host.commands.all.filter(([, , verb]) => verb !== 'banip'),
        [],
        when,
      );
    };
    await report();
    for (const who of clocks.keys()) {
      for (const seconds of JUMPS) {
        const when = `${who} ${seconds} s off`;
        clock(who).set(seconds);
        // One round of the clockwork, which lifts what is over.
        await until('the client has ticked', 10_000, nextHeartbeat(fleet));
        await report();
        await assertAllHold(when);
        if (who === 'server')
          await named('server', async () => near((await statusOfServer(server))?.clockJump, seconds));
        if (who === 'client') {
          await named('client', async () => near((await statusOfClient(host))?.clockAheadSeconds, seconds));
          await named('client', async () =>
            near(
              (await statusOfServer(server))?.wrongClocks.find(({ name }) => name === 'h1')?.clockAhead,
              seconds,
            ),
          );
        }
      }
      clock(who).set(0);
      await report();
      await assertAllHold(`${who} back`);
    }
    t.diagnostic(`${reported} bans of 30 minutes held through ${JUMPS.length} jumps of each of three clocks`);
  },
);

test('A server that starts ten years ahead ends no ban on a host that runs', { skip }, async () => {
  using folder = new Folder();
  const clock = new FakeClock(folder.path, 'server');
  await using fleet = new Fleet(await makeFleetKeys());
  const { server } = fleet;
  await server.start({ env: clock.env });
  const host = await fleet.addHost('h1');
  assert.ok(await ask(server.paths.serverSocket, 'ban', { ip: addressOf(1), jail: 'sshd', for: '1h' }));
  await assertConverged(fleet);
  await server.stop();
  clock.set(TEN_YEARS);
  await server.start({ env: clock.env });
  await until('the client has heard the server', 20_000, nextHeartbeat(fleet));
  await until('and ticked', 20_000, nextHeartbeat(fleet));
  assert.deepEqual(
    host.commands.all.map(([, , verb]) => verb),
    ['banip'],
  );
  await named('h1', async () =>
    near(
      (await statusOfServer(server))?.wrongClocks.find(({ name }) => name === 'h1')?.clockAhead,
      -TEN_YEARS,
    ),
  );
  // What it publishes now is on record with that time: set right again, it goes on from there and says so.
  assert.ok(await ask(server.paths.serverSocket, 'ban', { ip: addressOf(2), jail: 'sshd', for: '1h' }));
  await server.stop();
  clock.set(0);
  await server.start({ env: clock.env });
  await until('the client has heard the server', 20_000, nextHeartbeat(fleet));
  assert.deepEqual(
    host.commands.all.map(([, , verb]) => verb),
    ['banip', 'banip'],
  );
  assert.ok(near((await statusOfServer(server))?.clockJump, -TEN_YEARS));
  const { code, stdout } = await server.command('status');
  assert.equal(code, 1);
  assert.match(stdout, /This machine's clock is 3650d behind the time that bans go by/);
});

/** Whether the client has heard the server anew since this was called. */
function nextHeartbeat(fleet: Fleet): () => Promise<boolean> {
  const host = fleet.host('h1');
  let wasOld = false;
  return async () => {
    const status = await statusOfClient(host);
    const age = status?.heardSecondsAgo ?? Infinity;
    if (age >= 1) wasOld = true;
    return wasOld && age === 0 && status?.phase === 'in-step';
  };
}

async function named(what: string, isNamed: () => Promise<boolean>): Promise<void> {
  await until(`the status names the clock of ${what}`, 15_000, isNamed);
}

function near(value: number | undefined, wanted: number): boolean {
  return value !== undefined && Math.abs(value - wanted) < 60;
}
