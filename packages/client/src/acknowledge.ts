import { networkInterfaces } from 'node:os';
import { bakedFleet, version, type ClientConfig } from '@banshare/runtime';
import type { ServerLink } from './server-link.ts';
import type { State } from './state.ts';

const TIMEOUT_MS = 4000;
const MOST_ADDRESSES = 16;

/** Tells the server how far this host is: everything up to `applied` is carried out, or its failure is known. */
export async function acknowledge(
  link: ServerLink,
  state: State,
  host: { instance: string; config: ClientConfig },
): Promise<void> {
  const position = state.position();
  if (position === undefined) return;
  const unsettled = state.oldestUnsettled();
  const applied = unsettled === undefined ? position.seq : Math.min(position.seq, unsettled - 1);
  const answer = await link.ask(
    {
      kind: 'ack',
      epoch: position.epoch,
      applied,
      // Of a place before the position the tail is not kept.
      tail: applied === position.seq ? position.tail : '',
      instance: host.instance,
      version,
      generation: bakedFleet?.generation ?? 'development',
      addresses: outsideAddresses(host.config.addresses),
      outcomes: [],
    },
    TIMEOUT_MS,
  );
  // A lost acknowledgement is followed by the next one.
  void answer;
}

/** The addresses by which others may see this host. */
export function outsideAddresses(configured: readonly string[]): string[] {
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, scopeid }) => !internal && (scopeid === undefined || scopeid === 0))
    .map(({ address }) => address);
  return [...new Set([...configured, ...own])].slice(0, MOST_ADDRESSES);
}
