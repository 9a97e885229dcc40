import assert from 'node:assert/strict';
import { parseAddress, parseHostName, parseJail, parseProg, type RequestKind } from '@banshare/protocol';
import type { Peer } from '../../../test/fleet/index.ts';

/** A report as a peer sends it, in its own name. */
export function reportOf(peer: Peer, address: string, jail = 'sshd', durationSeconds?: number): RequestKind {
  const sender = parseHostName(peer.name ?? '');
  const ip = parseAddress(address);
  const prog = parseProg('fail2ban');
  const name = parseJail(jail);
  assert.ok(sender.ok && ip.ok && prog.ok && name.ok);
  const duration = durationSeconds === undefined ? {} : { durationSeconds };
  return {
    kind: 'report',
    sender: sender.value,
    report: { ip: ip.value, prog: prog.value, jail: name.value, ...duration },
  };
}

/** Reports, and returns the seq of what was published. */
export async function publish(
  peer: Peer,
  address: string,
  jail = 'sshd',
  durationSeconds?: number,
): Promise<number> {
  const answer = await peer.ask(reportOf(peer, address, jail, durationSeconds));
  assert.ok(answer.ok && answer.reply.verdict === 'accepted', JSON.stringify(answer));
  return answer.reply.seq ?? 0;
}

/** Withdraws a host's support. */
export async function withdraw(peer: Peer, address: string, jail = 'sshd'): Promise<void> {
  const wanted = reportOf(peer, address, jail);
  assert.ok(wanted.kind === 'report');
  const { ip, prog } = wanted.report;
  const answer = await peer.ask({ kind: 'unban', ban: { ip, prog, jail: wanted.report.jail } });
  assert.ok(answer.ok && answer.reply.verdict === 'accepted', JSON.stringify(answer));
}

/** What becomes of a report, however it fails. */
export async function fateOf(peer: Peer, address: string): Promise<string> {
  const answer = await peer.ask(reportOf(peer, address));
  return answer.ok ? (answer.reply.code ?? answer.reply.verdict) : answer.fault;
}
