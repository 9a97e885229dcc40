import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { Fleet, makeFleetKeys, type FleetHost } from '../fleet/index.ts';
import { addressOf, Chance, isLong } from './chance.ts';
import { ask, assertConverged, statusOfClient, statusOfServer, until, untilInStep } from './state-of.ts';
import { Network, skipUnlessRootWith } from './surroundings.ts';

const ROUNDS = isLong ? 10 : 1;
const NOTICED_WITHIN_MS = 15_000;
const HEALED_WITHIN_MS = 10_000;

/** Each host reaches the server by another address of loopback, so that packets of one can be dropped alone. */
const HOSTS = [
  { name: 'unheard', address: '127.0.0.2', drops: ['ip daddr 127.0.0.2 drop'] },
  { name: 'deaf', address: '127.0.0.3', drops: ['ip saddr 127.0.0.3 drop'] },
  { name: 'alone', address: '127.0.0.4', drops: ['ip daddr 127.0.0.4 drop', 'ip saddr 127.0.0.4 drop'] },
] as const;

const skip = skipUnlessRootWith('unshare', 'nsenter', 'ip', 'nft') || noNamespaces();

function noNamespaces(): string | false {
  return spawnSync('unshare', ['--net', 'true']).status === 0 ? false : 'needs network namespaces';
}

test(
  'A partition one way or both ways is noticed within 15 s and healed within 10 s, without a restart',
  { skip },
  async (t) => {
    const chance = new Chance(t);
    await using network = await Network.open();
    await using fleet = new Fleet(await makeFleetKeys(), { address: '0.0.0.0' });
    await fleet.server.start(network.inside);
    for (const { name, address } of HOSTS) await fleet.layHost(name, '', address).start(network.inside);
    const pids = [...fleet.hosts.values()].map(({ pid }) => pid);
    let bans = 0;
    const ban = async (): Promise<void> => {
      bans += 1;
      assert.ok(await ask(fleet.server.paths.serverSocket, 'ban', { ip: addressOf(bans), jail: 'sshd' }));
    };
    await ban();
    await assertConverged(fleet);
    for (let round = 0; round < ROUNDS; round += 1) {
      const began = performance.now();
      network.drop(HOSTS.flatMap(({ drops }) => drops));
      await ban();
      for (const host of fleet.hosts.values())
        await untilNoticed(host, NOTICED_WITHIN_MS - (performance.now() - began));
      const noticed = performance.now() - began;
      await until(
        'the server names who is behind',
        NOTICED_WITHIN_MS,
        async () => ((await statusOfServer(fleet.server))?.behind.length ?? 0) === HOSTS.length,
      );
      const named = performance.now() - began;
      // Some more, while all of them try in vain to come back.
      for (let more = chance.integer(0, 20); more > 0; more -= 1) await ban();
      const healing = performance.now();
      network.drop([]);
      for (const host of fleet.hosts.values()) await untilInStep(fleet, host, HEALED_WITHIN_MS);
      t.diagnostic(
        `noticed after ${seconds(noticed)}, named by the server after ${seconds(named)}, healed after ${seconds(performance.now() - healing)}`,
      );
    }
    await assertConverged(fleet);
    assert.deepEqual(
      [...fleet.hosts.values()].map(({ pid }) => pid),
      pids,
    );
  },
);

async function untilNoticed(host: FleetHost, withinMs: number): Promise<void> {
  await until(`${host.name} notices`, Math.max(0, withinMs), async () => {
    const { phase, trouble } = (await statusOfClient(host)) ?? {};
    return phase !== 'in-step' && trouble !== '';
  });
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
