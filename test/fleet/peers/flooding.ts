import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { Address, HostName, JailName, ProgName } from '@banshare/protocol';
import { Fleet } from '../fleet.ts';
import type { Peer } from './peer.ts';
import { makeFleetKeys } from '../roots.ts';

/** A legitimate report has its OK within so long; banshare-report waits no longer. */
export const ANSWER_MS = 2000;
/** A flood with a valid key costs at most a restart of what it floods. */
export const BACK_MS = 5000;
/** After a flood everything is as before within so long. */
export const RECOVERED_MS = 10_000;

let reports = 0;

/** How many different bans were reported here so far. */
export function reportsMade(): number {
  return reports;
}

/**
 * Reports until there is an OK; the milliseconds until then. Over a new connection at first, as each run of banshare-report
 * does, unless the old one is kept.
 */
export async function report(peer: Peer, keeps = false): Promise<number> {
  const began = performance.now();
  const ban = {
    ip: '203.0.113.9' as Address,
    prog: 'fail2ban' as ProgName,
    jail: `jail${(reports += 1)}` as JailName,
  };
  const sealed = peer.sealed({ kind: 'report', sender: peer.name as HostName, report: ban });
  for (;;) {
    if (!keeps) peer.close();
    const answer = await peer.send(sealed, undefined, ANSWER_MS);
    const ms = performance.now() - began;
    if (answer.ok && answer.reply.status === 'OK') return ms;
    assert.ok(ms < RECOVERED_MS, `no OK in ${ms} ms: ${JSON.stringify(answer)}`);
  }
}

/** Reports one after the other while something goes on; the slowest and how many. */
export async function reportDuring(
  peer: Peer,
  flood: Promise<unknown>,
): Promise<{ slowest: number; count: number }> {
  let isOver = false;
  const over = flood.finally(() => (isOver = true));
  let [slowest, count] = [0, 0];
  while (!isOver) {
    slowest = Math.max(slowest, await report(peer));
    count += 1;
  }
  await over;
  return { slowest: Math.round(slowest), count };
}

export function mebibytesOf(pid: number): number {
  return Math.round((Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096) / 1_048_576);
}

/** Sends what is made, one after the other, without waiting for answers; how many were sent and answered in so long. */
export async function flood(
  peer: Peer,
  milliseconds: number,
  make: (n: number) => (string | Buffer)[],
): Promise<{ sent: number; answered: number }> {
  const dealer = peer.dealer();
  let [sent, answered] = [0, 0];
  void (async () => {
    for await (const _ of dealer) answered += 1;
  })().catch(() => undefined);
  for (const until = performance.now() + milliseconds; performance.now() < until; sent += 1)
    await dealer.send(make(sent));
  dealer.close();
  return { sent, answered };
}

/** A server that says little, run through another command where a test says so. */
export async function startSettled(through?: readonly string[], serverToml = ''): Promise<Fleet> {
  const fleet = new Fleet(await makeFleetKeys(), { serverToml: `[log]\nlevel = "warning"\n${serverToml}` });
  await fleet.server.start(through === undefined ? {} : { through });
  return fleet;
}

/** Connections that nobody has to prove a key for. */
export async function strangers(
  port: number,
  count: number,
  behave: (socket: Socket) => void,
): Promise<() => void> {
  const sockets: Socket[] = [];
  for (let n = 0; n < count; n += 1) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    sockets.push(socket);
    if (n % 50 === 0) {
      await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', () => resolve()));
    }
    behave(socket);
  }
  return () => sockets.forEach((socket) => socket.destroy());
}
