import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { readHostKey, readPublicKey, type HostKey } from '@banshare/transport';
import { reportOf } from '../../packages/server/test/reports.ts';
import { runProgram, type Fleet, type FleetHost, type Peer, type Ran } from '../fleet/index.ts';

type Hosts = { hosts: { name: string; state: string; isRotating: boolean }[] };

export function keyIn(base: string): HostKey {
  const read = readHostKey(base);
  assert.ok(read.ok, JSON.stringify(read));
  return read.value;
}

export function keyOf(fleet: Fleet, name: string): HostKey {
  return keyIn(fleet.pathsOf(name).keys.host);
}

/** The key's files as they must be once all is done: whole, private, of one key, and no other left to come. */
export function assertTidy(fleet: Fleet, name: string): void {
  const { keys } = fleet.pathsOf(name);
  const key = keyIn(keys.host);
  assert.deepEqual(readPublicKey(keys.host), { ok: true, value: key.curve.publicKey });
  assert.equal(statSync(`${keys.host}.key_secret`).mode & 0o777, 0o600);
  assert.equal(key.name, name);
  assert.equal(existsSync(`${keys.hostNext}.key_secret`), false);
  assert.equal(existsSync(`${keys.hostNext}.key`), false);
}

/** The host played by the test with a key that it had, on fresh connections. */
export function as(fleet: Fleet, key: HostKey, name: string): Peer {
  return fleet.peerWith(key, name as HostKey['name'] & string);
}

let last = 0;
export async function fateOf(peer: Peer): Promise<string> {
  last += 1;
  const answer = await peer.ask(reportOf(peer, `203.0.113.${last}`, 'fate'));
  return answer.ok ? (answer.reply.code ?? answer.reply.verdict) : answer.fault;
}

async function hears(peer: Peer): Promise<boolean> {
  const subscription = peer.subscribe();
  const first = await Promise.race([subscription.receive(), subscription.refused.then(() => undefined)]);
  subscription.close();
  return first !== undefined;
}

/** Nobody comes in with a key that was. */
export async function assertShutOut(fleet: Fleet, key: HostKey, name: string): Promise<void> {
  assert.equal(await fateOf(as(fleet, key, name)), 'not-admitted');
  assert.equal(await hears(as(fleet, key, name)), false);
}

export async function isRotating(fleet: Fleet): Promise<string[]> {
  const { hosts } = await fleet.server.json<Hosts>('hosts');
  return hosts.filter((host) => host.isRotating).map(({ name }) => name);
}

export async function knownNames(fleet: Fleet): Promise<string[]> {
  const { hosts } = await fleet.server.json<Hosts>('hosts');
  return hosts.filter(({ state }) => state === 'active').map(({ name }) => name);
}

export function rotate(fleet: Fleet, name: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return runProgram('client', ['rotate', '--root', fleet.rootOf(name)], { env });
}

export async function hasBanned(host: FleetHost, wanted: Iterable<string>): Promise<void> {
  const missing = new Set(wanted);
  for (const [, , , ip = ''] of host.commands.all) missing.delete(ip);
  while (missing.size > 0) {
    const [, , , ip = ''] = await host.commands.next();
    missing.delete(ip);
  }
}
